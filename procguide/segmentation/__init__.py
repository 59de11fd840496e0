"""Networks, their weights, and what makes labels and levels of their answers."""

from procguide.segmentation.classes import CLASSES, NETWORK_CLASS, TissueClass

__all__ = ["CLASSES", "NETWORK_CLASS", "TissueClass"]
