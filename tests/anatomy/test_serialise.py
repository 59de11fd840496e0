import copy
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from procguide.anatomy import Anchor, Endplate, Pedicle, Sacrum, Side, Spine, Vertebra
from procguide.anatomy.serialise import spine_from_json, spine_to_json
from procguide.errors import InputUnreadableError
from procguide.geometry import AnatomicalFrame

_NUMBERS = st.floats(-500, 500, allow_nan=False)
_POINTS = st.tuples(_NUMBERS, _NUMBERS, _NUMBERS)
_SIDES = st.dictionaries(st.sampled_from(Side), _POINTS)
_FRAMES = st.builds(AnatomicalFrame, _POINTS, _POINTS, _POINTS, _POINTS)
_PLATES = st.builds(Endplate, _POINTS, _POINTS, _NUMBERS, _NUMBERS)
_PEDICLES = st.dictionaries(st.sampled_from(Side), st.builds(Pedicle, _POINTS, _POINTS, _NUMBERS, _NUMBERS))
_VERTEBRAE = st.builds(
    Vertebra,
    level=st.sampled_from(["T12", "L1", "L5"]),
    confidence=st.floats(0, 1),
    frame=_FRAMES,
    superior_endplate=_PLATES,
    inferior_endplate=_PLATES,
    pedicles=_PEDICLES,
    laminae=_SIDES,
    superior_articular_processes=_SIDES,
    inferior_articular_processes=_SIDES,
    facet_joints=_SIDES,
    transverse_process_tips=_SIDES,
    foramina=_SIDES,
    spinous_process_tip=st.none() | _POINTS,
    canal_centre=st.none() | _POINTS,
    complete=st.booleans(),
)
_SACRA = st.builds(
    Sacrum,
    frame=_FRAMES,
    endplate=_PLATES,
    promontory=_POINTS,
    superior_articular_processes=_SIDES,
    alae=_SIDES,
)
_SPINES = st.builds(
    Spine,
    vertebrae=st.lists(_VERTEBRAE, max_size=2).map(tuple),
    sacrum=st.none() | _SACRA,
    canal=st.lists(_POINTS, max_size=4).map(tuple),
    anchor=st.sampled_from(Anchor),
)


@given(_SPINES)
def test_nothing_is_lost_on_the_way_through_json(spine):
    assert spine_from_json(json.loads(json.dumps(spine_to_json(spine)))) == spine


@pytest.fixture
def document() -> dict:
    frame = AnatomicalFrame.from_axes((0, 0, 0), (0, 0, 1), (1, 0, 0))
    plate = Endplate((0, 0, 12), (0, 0, 1), 45.0, 33.0)
    pedicle = Pedicle((-15, 20, 4), (0, -1, 0), 9.0, 14.0)
    vertebra = Vertebra("L4", 0.75, frame, plate, plate, pedicles={Side.RIGHT: pedicle})
    return spine_to_json(Spine((vertebra,), None, (), Anchor.USER))


def test_the_document_says_what_it_is(document):
    assert document["schema"] == "procguide.spine/1"
    assert document["anchor"] == "user"
    assert document["vertebrae"][0]["confidence"] == 0.75
    assert list(document["vertebrae"][0]["pedicles"]) == ["right"]
    assert document["sacrum"] is None


def test_another_schema_is_refused(document):
    with pytest.raises(InputUnreadableError, match=r"schema 'other/2', expected 'procguide.spine/1'"):
        spine_from_json(document | {"schema": "other/2"})


@pytest.mark.parametrize("missing", ["vertebrae", "anchor", "canal", "sacrum"])
def test_a_missing_part_is_named(document, missing):
    del document[missing]
    with pytest.raises(InputUnreadableError, match=missing):
        spine_from_json(document)


def test_a_side_that_is_neither_is_refused(document):
    broken = copy.deepcopy(document)
    broken["vertebrae"][0]["laminae"]["middle"] = [0, 0, 0]
    with pytest.raises(InputUnreadableError, match="middle"):
        spine_from_json(broken)
