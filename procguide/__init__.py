"""Assistant for image-guided spine and pain procedures: research and training, not a cleared device."""

__all__ = ["DISCLAIMER", "__version__"]

__version__ = "0.1.0"

DISCLAIMER = "For research and training only. Not a medical device. A physician approves every plan."
