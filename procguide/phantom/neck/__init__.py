"""A neck from a seed, C2 to T3, with its truth: for procedures that the trunk's phantom does not reach."""

from procguide.phantom.neck.build import NeckPhantom, build_neck
from procguide.phantom.neck.parameters import NeckParameters
from procguide.phantom.neck.sample import sample_neck

__all__ = ["NeckParameters", "NeckPhantom", "build_neck", "sample_neck"]
