"""Procedural lumbar anatomy from a seed, with its truth and its images."""

from procguide.phantom.build import Phantom, broad_regions, build
from procguide.phantom.ct.simulate import CtSettings, simulate_ct
from procguide.phantom.population.difficult import difficult_parameters
from procguide.phantom.population.parameters import (
    PhantomParameters,
    parameters_from_json,
    parameters_to_json,
)
from procguide.phantom.population.sample import sample_parameters
from procguide.phantom.write import write_phantom, write_sample

__all__ = [
    "CtSettings",
    "Phantom",
    "PhantomParameters",
    "broad_regions",
    "build",
    "difficult_parameters",
    "parameters_from_json",
    "parameters_to_json",
    "sample_parameters",
    "simulate_ct",
    "write_phantom",
    "write_sample",
]
