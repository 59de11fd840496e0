"""CT images of a phantom."""

from procguide.phantom.ct.settings import Arms, Contrast, CtSettings, Kernel
from procguide.phantom.ct.simulate import simulate_ct

__all__ = ["Arms", "Contrast", "CtSettings", "Kernel", "simulate_ct"]
