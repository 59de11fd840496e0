"""Procedural lumbar anatomy from a seed, with its truth and its images."""

from procguide.phantom.build import Phantom, broad_regions, build
from procguide.phantom.ct.simulate import CtSettings, simulate_ct
from procguide.phantom.images import IMAGES, PhantomImage, take_images
from procguide.phantom.population.difficult import difficult_parameters
from procguide.phantom.population.parameters import (
    PhantomParameters,
    parameters_from_json,
    parameters_to_json,
)
from procguide.phantom.population.sample import sample_parameters
from procguide.phantom.posture import turn_prone
from procguide.phantom.sample import write_sample
from procguide.phantom.write import write_phantom

__all__ = [
    "IMAGES",
    "CtSettings",
    "Phantom",
    "PhantomImage",
    "PhantomParameters",
    "broad_regions",
    "build",
    "difficult_parameters",
    "parameters_from_json",
    "parameters_to_json",
    "sample_parameters",
    "simulate_ct",
    "take_images",
    "turn_prone",
    "write_phantom",
    "write_sample",
]
