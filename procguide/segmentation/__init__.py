"""Networks, their weights, and what makes labels and levels of their answers."""

from procguide.segmentation.classes import NETWORK_CLASS, VERTEBRAL, TissueClass, class_of

__all__ = ["NETWORK_CLASS", "VERTEBRAL", "TissueClass", "class_of"]
