"""Stands in for timm, which nnU-Net imports for transformers that no test runs.

The real one needs a torchvision that matches torch to the build; see tests/foreign_models.txt.
"""
