"""Networks run by whichever library is installed: OpenVINO, ONNX Runtime or torch."""

from procguide.segmentation.runtime.backend import Backend
from procguide.segmentation.runtime.choose import (
    choose_device,
    choose_runtime,
    installed_runtimes,
    open_backend,
)

__all__ = ["Backend", "choose_device", "choose_runtime", "installed_runtimes", "open_backend"]
