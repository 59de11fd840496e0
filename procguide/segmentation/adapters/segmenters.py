"""What ``--model`` names: the shipped networks, an installed package, or a folder whose kind is detected."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from procguide import __version__
from procguide.errors import InputUnreadableError, UsageError
from procguide.imaging import Volume
from procguide.segmentation.adapters.assemble import assemble
from procguide.segmentation.adapters.foreign import Labeller, ModelCard, Progress, Segmenter
from procguide.segmentation.adapters.mapping import MAPPING_FILE, LabelMapping
from procguide.segmentation.adapters.safe_files import read_document
from procguide.segmentation.hints import LevelAt
from procguide.segmentation.segment import Segmentation

__all__ = ["DEFAULT", "Foreign", "ModelChoice", "Shipped", "open_segmenter"]

DEFAULT = "procguide"
_PACKAGES = ("totalsegmentator", "totalspineseg")


_OWN = ModelCard(DEFAULT, __version__, "Apache-2.0")


@dataclass(frozen=True)
class ModelChoice:
    """What the user says of the model: name or folder, what its labels mean, whether its code may run."""

    model: str = DEFAULT
    labels: Path | None = None
    trusted: bool = False


@dataclass(frozen=True)
class Shipped:
    """The networks that come with the package; ``networks`` are others of their kind, by folder."""

    card: ModelCard = _OWN
    networks: Mapping[str, str] = field(default_factory=dict)

    def segment(
        self,
        volume: Volume,
        *,
        lowest_level: str | None = None,
        level_at: Sequence[LevelAt] = (),
        device: str = "auto",
        progress: Progress | None = None,
    ) -> Segmentation:
        """As :func:`procguide.segmentation.segment.segment`."""
        from procguide.segmentation.segment import segment

        return segment(
            volume,
            lowest_level=lowest_level,
            level_at=level_at,
            networks=self.networks,
            device=device,
            progress=progress,
        )


@dataclass(frozen=True)
class Foreign:
    """A foreign model's labels, as the shipped networks would give them."""

    labeller: Labeller

    @property
    def card(self) -> ModelCard:
        """Whose model this is."""
        return self.labeller.card

    def segment(
        self,
        volume: Volume,
        *,
        lowest_level: str | None = None,
        level_at: Sequence[LevelAt] = (),
        device: str = "auto",
        progress: Progress | None = None,
    ) -> Segmentation:
        """Run the model, and put its answer into levels and regions."""
        say = progress or (lambda _step, _share: None)
        answers = self.labeller.label(volume, device=device, progress=say)
        say("reading its labels", 1.0)
        return assemble(answers, volume, self.card, lowest_level, level_at)


def open_segmenter(choice: ModelChoice) -> Segmenter:
    """The segmenter that ``choice`` names.

    An unknown name is :class:`UsageError`; a folder of no known kind :class:`InputUnreadableError`, with
    what is expected in it.
    """
    name = choice.model
    if name == DEFAULT:
        _no_labels(choice)
        return Shipped()
    mapping = LabelMapping.from_file(choice.labels) if choice.labels is not None else None
    folder = Path(name)
    if folder.is_dir():
        return _of_folder(folder, mapping, choice)
    if name in _PACKAGES:
        _no_labels(choice)
        return Foreign(_of_package(name))
    if folder.exists() or "/" in name or "\\" in name:
        raise InputUnreadableError(f"there is no folder {name}; give a model's folder, not a file")
    raise UsageError(
        f"{name!r} is not a model; use one of {', '.join((DEFAULT, *_PACKAGES))}, or a model's folder"
    )


def _no_labels(choice: ModelChoice) -> None:
    if choice.labels is not None:
        raise UsageError(f"--model-labels is for a model's folder; the labels of {choice.model} are known")


def _of_package(name: str) -> Labeller:
    if name == "totalsegmentator":
        from procguide.segmentation.adapters.totalsegmentator import TotalSegmentator

        return TotalSegmentator.open()
    from procguide.segmentation.adapters.totalspineseg import TotalSpineSeg

    return TotalSpineSeg.open()


def _of_folder(folder: Path, mapping: LabelMapping | None, choice: ModelChoice) -> Segmenter:
    from procguide.segmentation.adapters.monai_bundle import METADATA, MonaiBundle
    from procguide.segmentation.adapters.nnunet import NnUNet, find_model_folder

    own = _own_networks(folder)
    if own:
        _no_labels(choice)
        return Shipped(networks=own)
    if mapping is None and (folder / MAPPING_FILE).is_file():
        mapping = LabelMapping.from_file(folder / MAPPING_FILE)
    if (folder / METADATA).is_file():
        return Foreign(MonaiBundle.open(folder, mapping, trusted=choice.trusted))
    trained = find_model_folder(folder)
    if trained is not None:
        return Foreign(NnUNet.open(trained, mapping))
    raise InputUnreadableError(
        f"{folder} is not a model of a known kind; expected are a MONAI bundle (configs/metadata.json, "
        "configs/inference.json, models/model.pt or model.safetensors) or an nnU-Net v2 model (plans.json, "
        "dataset.json, fold_0/checkpoint_final.pth)"
    )


def _own_networks(folder: Path) -> dict[str, str]:
    """Name to folder of this project's own bundles: ``folder`` itself, or those in it.

    Their metadata have an entry ``procguide``; they are read by
    :func:`procguide.segmentation.network.read_bundle`, which checks their hash.
    """
    found = {}
    for place in (folder, *sorted(child for child in folder.iterdir() if child.is_dir())):
        file = place / "configs" / "metadata.json"
        if file.is_file():
            metadata = read_document(file)
            if "procguide" in metadata:
                found[str(metadata.get("name"))] = str(place)
    unknown = sorted(set(found) - {"locator", "vertebrae", "organs"})
    if unknown:
        raise InputUnreadableError(
            f"{folder} holds a network named {unknown[0]!r}; those of this project are locator, "
            "vertebrae and organs"
        )
    return found
