"""Closed vocabularies of the catalogue: how a target zone is constructed, and what a needle can meet."""

from __future__ import annotations

from enum import StrEnum

__all__ = ["Construction", "Objective", "StructureName"]


class Construction(StrEnum):
    """Named constructions of target zones; one function each in :mod:`procguide.planning.zones`."""

    SUBPEDICULAR = "subpedicular"
    KAMBIN = "kambin"
    ARTICULAR_TRANSVERSE_JUNCTION = "articular_transverse_junction"
    ARTICULAR_NECK = "articular_neck"
    FACET_JOINT_LINE = "facet_joint_line"
    INTERLAMINAR = "interlaminar"
    SACRAL_CANAL = "sacral_canal"
    SACROILIAC_JOINT = "sacroiliac_joint"
    SACRAL_LATERAL_BRANCHES = "sacral_lateral_branches"
    ARTICULAR_PILLAR = "articular_pillar"
    LONGUS_COLLI = "longus_colli"
    ANTEROLATERAL_MARGIN = "anterolateral_margin"
    RETROCRURAL = "retrocrural"
    TRANSPEDICULAR_ANTERIOR = "transpedicular_anterior"
    TRANSPEDICULAR_CENTRAL = "transpedicular_central"
    DISC_CENTRE = "disc_centre"


class StructureName(StrEnum):
    """What a needle keeps away from; one builder each in :mod:`procguide.planning.structures`.

    ``OTHER_BONE`` is all bone but the vertebra that the needle enters, ``PEDICLE_WALL`` what lies outside
    that vertebra beside its pedicle, ``VENTRAL_RAMUS`` a spinal nerve beyond its foramen.
    """

    BONE = "bone"
    OTHER_BONE = "other_bone"
    PEDICLE_WALL = "pedicle_wall"
    DURA = "dura"
    SPINAL_CORD = "spinal_cord"
    NERVE_ROOT = "nerve_root"
    VENTRAL_RAMUS = "ventral_ramus"
    FORAMEN = "foramen"
    ADAMKIEWICZ_ZONE = "adamkiewicz_zone"
    DISC = "disc"
    KIDNEY = "kidney"
    URETER = "ureter"
    AORTA = "aorta"
    VENA_CAVA = "vena_cava"
    ILIAC_VESSELS = "iliac_vessels"
    LUNG = "lung"
    LIVER = "liver"
    BOWEL = "bowel"
    PRESACRAL_SPACE = "presacral_space"
    SACRAL_FORAMEN = "sacral_foramen"
    VERTEBRAL_ARTERY = "vertebral_artery"
    CAROTID_ARTERY = "carotid_artery"
    OESOPHAGUS = "oesophagus"
    TRACHEA = "trachea"
    JUGULAR_VEIN = "jugular_vein"
    THYROID = "thyroid"


class Objective(StrEnum):
    """What plans are ranked by, each 0 (poor) to 1, kept apart until weighted."""

    CLEARANCE = "clearance"
    ROBUSTNESS = "robustness"
    VIEW = "view"
    TARGET = "target"
    LENGTH = "length"
    BACKSTOP = "backstop"
    SKIN = "skin"
    CARM = "carm"
