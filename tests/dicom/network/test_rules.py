import pytest
import yaml
from pydantic import ValidationError
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from procguide.dicom.network.peers import Peers
from procguide.dicom.network.rules import Rule, Rules, StudyFacts, Task, read_facts, read_rules
from procguide.errors import InputUnfitError, UsageError

PLAN = {"name": "esi", "procedure": "caudal", "level": ["S1"]}


def rule(**changes):
    return Rule.model_validate({**PLAN, **changes})


def facts(**given):
    return StudyFacts(
        **{key: frozenset(value) if key != "senders" else tuple(value) for key, value in given.items()}
    )


class TestFitting:
    @pytest.mark.parametrize(
        ("when", "fits"),
        [
            ({}, True),
            ({"from": ["ct1"]}, True),
            ({"from": ["ct2"]}, False),
            ({"modality": ["ct", "MR"]}, True),
            ({"modality": ["MR"]}, False),
            ({"description": ["*LUMBAR*"]}, True),
            ({"description": ["lumbar"]}, False),
            ({"body_part": ["*spine"], "modality": ["CT"]}, True),
            ({"body_part": ["*spine"], "modality": ["MR"]}, False),
        ],
    )
    def test_every_condition_must_hold(self, when, fits):
        found = facts(senders=["ct1"], modalities=["CT"], body_parts=["LSPINE"], texts=["CT lumbar spine"])
        rules = Rules(rules=(rule(when=when),))
        assert (rules.first(found) is not None) is fits

    def test_the_first_that_fits(self):
        rules = Rules(rules=(rule(name="a", when={"modality": ["MR"]}), rule(name="b"), rule(name="c")))
        assert rules.first(facts(modalities=["CT"])).name == "b"

    def test_without_rules_nothing_is_done(self):
        assert Rules().first(facts(modalities=["CT"])) is None


ORDERED = {"level": [], "order": r"TFESI (?P<level>L\d-[LS]\d) (?P<side>left|right)"}


class TestLevelFromTheOrder:
    def test_level_and_side_are_read(self):
        task = Task.of(rule(**ORDERED), facts(texts=["CT spine", "tfesi l4-L5 LEFT"]))
        assert (task.level, task.side) == (("L4-L5",), "left")

    @pytest.mark.parametrize(
        ("texts", "words"),
        [(["CT spine"], "no level"), (["TFESI L4-L5 left", "TFESI L4-L5 right"], "several levels or sides")],
    )
    def test_nothing_is_guessed(self, texts, words):
        with pytest.raises(InputUnfitError, match=words):
            Task.of(rule(**ORDERED), facts(texts=texts))

    def test_the_rules_own(self):
        assert Task.of(rule(side="left"), facts()).side == "left"


class TestChecks:
    @pytest.mark.parametrize(
        "changes",
        [
            {"procedure": None},
            {"level": []},
            {"order": "(?P<level>L4)"},
            {"level": [], "order": "(L4"},
            {"level": [], "order": "L4"},
            {"do": "segment"},
            {"do": "approve"},
            {"send_to": ["no such name!"]},
            {"when": {"modalty": ["CT"]}},
        ],
    )
    def test_what_does_not_go_together(self, changes):
        with pytest.raises(ValidationError):
            rule(**changes)

    def test_segment_needs_no_more(self):
        assert Rule(name="x", do="segment").do == "segment"

    def test_peers_and_names(self):
        peers = Peers.model_validate({"peers": {"pacs": {"ae_title": "P", "host": "::1"}}})
        Rules(rules=(rule(send_to=["pacs", "sender"]),)).check(peers)
        with pytest.raises(UsageError, match="it names: pacs"):
            Rules(rules=(rule(send_to=["pax"]),)).check(peers)
        with pytest.raises(UsageError, match="same name"):
            Rules(rules=(rule(), rule())).check(peers)

    def test_a_file(self, tmp_path):
        path = tmp_path / "rules.yaml"
        path.write_text(yaml.safe_dump({"schema": "procguide.rules/1", "rules": [PLAN]}))
        assert read_rules(path).rules == (rule(),)
        path.write_text("rules: [{name: x}]")
        with pytest.raises(UsageError, match=r"rules\.0.*needs a procedure"):
            read_rules(path)


@pytest.mark.filterwarnings("ignore:The value length")
def test_facts_of_a_study(study):
    files = study(2, SeriesDescription="Axial", StudyDescription="Lumbar spine", BodyPartExamined="LSPINE")
    dataset = dcmread(files[0])
    item = Dataset()
    item.RequestedProcedureDescription = "TFESI L4-L5 left" + "x" * 100
    dataset.RequestAttributesSequence = Sequence([item])
    dataset.save_as(files[0])
    files[1].write_bytes(files[1].read_bytes()[:500])
    found = read_facts(files, ("ct1",))
    assert (found.senders, found.modalities, found.body_parts) == (("ct1",), {"CT"}, {"LSPINE"})
    assert {"Axial", "Lumbar spine"} < found.texts
    assert max(map(len, found.texts)) == 64
