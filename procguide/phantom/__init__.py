"""Procedural lumbar anatomy from a seed, with its truth and its images."""

from procguide.phantom.build import Phantom, build
from procguide.phantom.ct import CtSettings, simulate_ct
from procguide.phantom.parameters import (
    PhantomParameters,
    parameters_from_json,
    parameters_to_json,
    sample_parameters,
)
from procguide.phantom.write import write_phantom, write_sample

__all__ = [
    "CtSettings",
    "Phantom",
    "PhantomParameters",
    "build",
    "parameters_from_json",
    "parameters_to_json",
    "sample_parameters",
    "simulate_ct",
    "write_phantom",
    "write_sample",
]
