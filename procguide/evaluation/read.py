"""One side of an evaluation from files."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from procguide.anatomy.vocabularies import Vocabulary
from procguide.errors import InputUnreadableError, UsageError
from procguide.evaluation.side import Side
from procguide.imaging.files import read_labels

__all__ = ["Source", "find_source"]

_SEGMENT_FILES = {
    "labels.nii.gz": Vocabulary.VERSE,
    "regions.nii.gz": Vocabulary.REGIONS,
    "organs.nii.gz": Vocabulary.REGIONS,
}


@dataclass(frozen=True)
class Source:
    """Files and the vocabulary of each, in the order in which they are asked."""

    files: tuple[tuple[Path, str], ...]

    def read(self) -> Side:
        """The labels; several files are put on the first one's lattice."""
        return Side.of(*((read_labels(file, {}), vocabulary) for file, vocabulary in self.files))

    @property
    def vocabularies(self) -> tuple[str, ...]:
        """In words, for the record."""
        return tuple(str(vocabulary) for _, vocabulary in self.files)


def find_source(path: Path, vocabulary: str | None) -> Source:
    """A label file in ``vocabulary`` (a name of it), or a folder that ``procguide segment`` has written.

    A file without a vocabulary is taken for VerSe integers, or for regions where ``procguide segment``
    gave it that name.
    """
    if path.is_dir():
        files = tuple((path / name, own) for name, own in _SEGMENT_FILES.items() if (path / name).is_file())
        if not files:
            raise InputUnreadableError(
                f"{path} holds no labels.nii.gz; give a label file, or a folder that procguide segment wrote"
            )
        if vocabulary is not None:
            raise UsageError(
                f"{path} is a folder of procguide segment; its vocabularies are known, name none"
            )
        return Source(files)
    if vocabulary is None:
        vocabulary = _SEGMENT_FILES.get(path.name, Vocabulary.VERSE)
    return Source(((path, vocabulary),))
