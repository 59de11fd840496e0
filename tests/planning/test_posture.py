"""The posture of image and procedure."""

import pytest

from procguide.planning import load_catalogue, posture_finding


@pytest.mark.parametrize(
    ("patient_position", "said"), [("HFS", "supine"), ("FFS", "supine"), ("HFDL", "on the left side")]
)
def test_another_posture_is_said(patient_position: str, said: str) -> None:
    (finding,) = posture_finding(load_catalogue()["lumbar_interlaminar_esi"], patient_position)
    assert finding.severity == "caution"
    assert said in finding.words
    assert "prone" in finding.words


@pytest.mark.parametrize("patient_position", ["HFP", "FFP", "", "X"])
def test_the_same_or_an_unknown_posture_is_not(patient_position: str) -> None:
    assert posture_finding(load_catalogue()["lumbar_interlaminar_esi"], patient_position) == ()


def test_fingerprints_tell_entries_apart() -> None:
    prints = {procedure.fingerprint for procedure in load_catalogue().values()}
    assert len(prints) == len(load_catalogue())
