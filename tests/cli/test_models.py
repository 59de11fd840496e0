"""``--model``: which model runs is said with its licence, and a wrong one is a clear error."""

import json
import sys
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest

from procguide.anatomy import CANAL_CONTENT, VERSE_LABELS, VERTEBRA, Anchor, Region
from procguide.errors import InputUnreadableError
from procguide.geometry import Affine
from procguide.imaging import LabelMap, Modality, Volume
from procguide.imaging.files import write_image
from procguide.phantom import Phantom
from procguide.segmentation.adapters.foreign import ForeignLabels, Labeller, ModelCard, Progress
from procguide.segmentation.adapters.label_lists import list_meanings
from procguide.segmentation.adapters.segmenters import Foreign, ModelChoice, Shipped, open_segmenter
from tests.cli.conftest import Invoke

sys.path.insert(0, str(Path(__file__).parents[1] / "segmentation"))
from tiny_bundle import NAMES, inference, write_bundle


@pytest.fixture(scope="session")
def image(ct: Volume, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_image(ct, tmp_path_factory.mktemp("nifti") / "ct.nii.gz")


@pytest.fixture(scope="session")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Noise: an untrained network finds in it what it will."""
    rng = np.random.default_rng(0)
    voxels = rng.normal(100, 400, (24, 24, 24)).astype(np.int16)
    noise = Volume(voxels, Affine.axis_aligned(3.0, (0, 0, 0)), Modality.CT)
    return write_image(noise, tmp_path_factory.mktemp("noise") / "ct.nii.gz")


class _Truth:
    """A foreign model that answers with the phantom's truth in TotalSpineSeg's integers."""

    card = ModelCard("Truth", "3", "CC BY 4.0", "abc")

    def __init__(self, subject: Phantom) -> None:
        regions, levels = subject.regions.voxels, subject.levels.voxels
        labels = np.zeros(regions.shape, dtype=np.uint8)
        bone = np.isin(regions, VERTEBRA)
        for level, number in (("L2", 42), ("L3", 43), ("L4", 44), ("L5", 45), ("L1", 41)):
            labels[bone & (levels == VERSE_LABELS[level])] = number
        labels[regions == Region.SACRUM] = 50
        labels[regions == Region.DISC] = 95
        labels[np.isin(regions, CANAL_CONTENT)] = 2
        self.labels = LabelMap(labels, subject.levels.affine)

    def label(self, volume: Volume, *, device: str, progress: Progress) -> tuple[ForeignLabels, ...]:
        assert device in ("auto", "cpu", "cuda")
        assert volume.voxels.size
        progress("answering", 0.5)
        return (ForeignLabels(self.labels, list_meanings("totalspineseg")),)


@pytest.fixture
def truth(subject: Phantom, monkeypatch: pytest.MonkeyPatch) -> None:
    from procguide.segmentation.adapters import segmenters

    labeller: Labeller = _Truth(subject)
    monkeypatch.setattr(segmenters, "_of_package", lambda _name: labeller)


@pytest.mark.usefixtures("truth")
def test_a_foreign_model_is_named_with_its_licence_everywhere(
    invoke: Invoke, image: Path, tmp_path: Path
) -> None:
    answer = invoke("segment", image, "--model", "totalspineseg", "-o", tmp_path / "out", "--json")
    assert answer.code == 0, answer.err
    document = json.loads(answer.out)
    assert document["anchor"] == Anchor.MODEL.value
    assert [level["level"] for level in document["levels"]][-3:] == ["L3", "L4", "L5"]
    assert "licence of the model and its weights: CC BY 4.0" in answer.err
    run = json.loads((tmp_path / "out" / "run.json").read_text())
    assert run["provenance"]["models"] == {"Truth": "3 abc; licence: CC BY 4.0"}
    words = {finding["name"]: finding["words"] for finding in run["findings"]}
    assert "named by Truth" in words["level anchor"]


@pytest.mark.usefixtures("truth")
def test_a_plan_on_a_foreign_model_s_labels(invoke: Invoke, image: Path, tmp_path: Path) -> None:
    answer = invoke(
        "plan", image, "--model", "totalspineseg", "--procedure", "transforaminal_esi_subpedicular",
        "--level", "L4-L5", "--side", "left", "-o", tmp_path / "out",
    )  # fmt: skip
    assert answer.code in (0, 3), answer.err
    plan = json.loads((tmp_path / "out" / "plan.json").read_text())
    assert plan["candidates"]["considered"] > 0
    assert plan["provenance"]["models"]["Truth"].endswith("licence: CC BY 4.0")
    assert any("named by Truth" in words for words in plan["warnings"])


@pytest.mark.usefixtures("truth")
def test_the_user_s_level_goes_before_the_model_s(invoke: Invoke, image: Path, tmp_path: Path) -> None:
    arguments = ("segment", image, "--model", "totalspineseg", "--lowest-level", "L4")
    answer = invoke(*arguments, "-o", tmp_path / "out", "--json")
    assert answer.code == 0, answer.err
    document = json.loads(answer.out)
    assert document["anchor"] == Anchor.USER.value
    assert document["levels"][-1]["level"] == "L4"


def test_a_real_bundle_runs_to_the_end_or_says_that_it_saw_no_spine(
    invoke: Invoke, small: Path, tmp_path: Path
) -> None:
    folder = write_bundle(tmp_path / "bundle")
    answer = invoke("segment", small, "--model", folder, "-o", tmp_path / "out")
    assert answer.code in (0, 5), answer.err
    assert "licence of the model and its weights: CC BY 4.0" in answer.err
    assert (tmp_path / "out").exists() == (answer.code == 0)


def test_code_in_a_bundle_needs_consent(invoke: Invoke, small: Path, tmp_path: Path) -> None:
    code = "$[__import__('math').sqrt(9.0)] * 3"
    folder = write_bundle(tmp_path / "bundle", inference(pixdim=code))
    answer = invoke("segment", small, "--model", folder, "-o", tmp_path / "out")
    assert answer.code == 2
    assert "--trust-model" in answer.err
    assert not (tmp_path / "out").exists()
    answer = invoke("segment", small, "--model", folder, "--trust-model", "-o", tmp_path / "out")
    assert answer.code in (0, 5), answer.err


def test_a_mapping_file_says_what_integers_mean(tmp_path: Path) -> None:
    folder = write_bundle(tmp_path / "bundle", names=tuple("abcde"))
    mapping = tmp_path / "labels.yaml"
    mapping.write_text("labels: {1: L4, 2: {region: body, level: L5}, 3: canal}\nlicence: our own\n")
    segmenter = open_segmenter(ModelChoice(str(folder), mapping))
    assert isinstance(segmenter, Foreign)
    assert segmenter.card.licence == "our own"
    (folder / "procguide_labels.yaml").write_text("list: totalspineseg\norientation: LPS\n")
    beside = open_segmenter(ModelChoice(str(folder)))
    assert isinstance(beside, Foreign)
    assert beside.labeller.mapping.array_axes == "SPL"  # type: ignore[attr-defined]
    assert beside.labeller.mapping.meanings[45].level == "L5"  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("labels: {1: nothing of the kind}", "names nothing that is mapped"),
        ("labels: {1: {region: wing}}", "not a region"),
        ("labels: {0: L4}", "labels"),
        ("list: theirs", "not a list of labels"),
        ("labels: {1: liver}", "none of the model's labels is of the spine"),
        ("orientation: up", "orientation"),
        ("surprise: 1", "surprise"),
        ("a: &a [1]\nb: *a", "aliases"),
        ("!!python/object/apply:os.system ['true']", "cannot be read"),
    ],
)
def test_a_wrong_mapping_file_says_where(
    invoke: Invoke, image: Path, tmp_path: Path, text: str, words: str
) -> None:
    folder = write_bundle(tmp_path / "bundle")
    mapping = tmp_path / "labels.yaml"
    mapping.write_text(text)
    answer = invoke("segment", image, "--model", folder, "--model-labels", mapping, "-o", tmp_path / "out")
    assert answer.code == 4
    assert words in answer.err


def test_a_folder_of_no_known_kind_says_what_is_expected(invoke: Invoke, image: Path, tmp_path: Path) -> None:
    answer = invoke("segment", image, "--model", tmp_path, "-o", tmp_path / "out")
    assert answer.code == 4
    for expected in ("configs/metadata.json", "plans.json", "dataset.json", "checkpoint_final.pth"):
        assert expected in answer.err


def test_an_unknown_name_lists_the_known(invoke: Invoke, image: Path, tmp_path: Path) -> None:
    answer = invoke("segment", image, "--model", "magic", "-o", tmp_path / "out")
    assert answer.code == 2
    assert "totalsegmentator, totalspineseg" in answer.err
    answer = invoke("segment", image, "--model", "./no/such", "-o", tmp_path / "out")
    assert answer.code == 4


@pytest.mark.parametrize(
    ("model", "module", "line"),
    [
        ("totalsegmentator", "totalsegmentator", "pip install 'procguide[totalsegmentator]'"),
        ("totalspineseg", "totalspineseg", "pip install 'procguide[totalspineseg]'"),
    ],
)
def test_a_missing_package_gives_the_install_line(
    invoke: Invoke, image: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    model: str, module: str, line: str,
) -> None:  # fmt: skip
    import importlib.util

    found = importlib.util.find_spec
    monkeypatch.setattr(
        "importlib.util.find_spec",
        lambda name, package=None: None if name == module else found(name, package),
    )
    answer = invoke("segment", image, "--model", model, "-o", tmp_path / "out")
    assert answer.code == 7
    assert line in answer.err


def test_labels_and_a_model_exclude_one_another(invoke: Invoke, image: Path, tmp_path: Path) -> None:
    answer = invoke(
        "plan", image, "--model", "totalspineseg", "--labels", image, "--procedure",
        "transforaminal_esi_subpedicular", "--level", "L4-L5", "--side", "left", "-o", tmp_path / "out",
    )  # fmt: skip
    assert answer.code == 2
    assert "--labels" in answer.err


def test_the_shipped_networks_are_the_default() -> None:
    assert isinstance(open_segmenter(ModelChoice()), Shipped)
    assert NAMES[0] == "background"


def test_a_folder_of_this_project_s_own_networks_is_read_as_such(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ct: Volume
) -> None:
    import procguide.segmentation

    shipped = Path(procguide.segmentation.__file__).parent / "models"
    segmenter = open_segmenter(ModelChoice(str(shipped / "locator")))
    assert isinstance(segmenter, Shipped)
    assert dict(segmenter.networks) == {"locator": str(shipped / "locator")}
    both = open_segmenter(ModelChoice(str(shipped)))
    assert isinstance(both, Shipped)
    assert {"locator", "vertebrae"} <= set(both.networks)
    asked: list[str] = []

    def predict(_volume: Volume, model: str, **_options: object) -> None:
        asked.append(model)
        raise KeyboardInterrupt

    monkeypatch.setattr(import_module("procguide.segmentation.segment"), "predict", predict)
    with pytest.raises(KeyboardInterrupt):
        both.segment(ct)
    assert asked == [str(shipped / "locator")]
    (tmp_path / "configs").mkdir()
    (tmp_path / "configs" / "metadata.json").write_text('{"name": "stranger", "procguide": {}}')
    with pytest.raises(InputUnreadableError, match="stranger"):
        open_segmenter(ModelChoice(str(tmp_path)))
