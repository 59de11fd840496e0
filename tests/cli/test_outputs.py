from __future__ import annotations

import errno
import json
from pathlib import Path

import pytest

from procguide.cli.outputs import output_folder, write_json, write_run
from procguide.cli.steps import Steps
from procguide.errors import CannotWriteError
from procguide.provenance import record


def _finished(folder: Path, text: str = "first", *, force: bool = False) -> None:
    """One complete run into ``folder``."""
    from rich.console import Console

    with output_folder(folder, force=force) as partial:
        (partial / "result.txt").write_text(text)
        write_run(partial, "test", record(()), Steps(Console(stderr=True)))


def _names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


class TestNewFolder:
    def test_appears_only_at_the_end(self, tmp_path: Path) -> None:
        target = tmp_path / "out"
        with output_folder(target, force=False) as partial:
            (partial / "a.txt").write_text("a")
            assert not target.exists()
        assert _names(target) == ["a.txt"]
        assert _names(tmp_path) == ["out"]

    def test_missing_parents_are_made(self, tmp_path: Path) -> None:
        _finished(tmp_path / "a" / "b" / "out")
        assert (tmp_path / "a" / "b" / "out" / "result.txt").read_text() == "first"

    def test_an_empty_folder_may_be_there(self, tmp_path: Path) -> None:
        (tmp_path / "out").mkdir()
        _finished(tmp_path / "out")
        assert _names(tmp_path) == ["out"]


class TestFailure:
    @pytest.mark.parametrize("fault", [ValueError, KeyboardInterrupt, SystemExit])
    def test_leaves_nothing_behind(self, tmp_path: Path, fault: type[BaseException]) -> None:
        def fail() -> None:
            with output_folder(tmp_path / "a" / "out", force=False) as partial:
                (partial / "half.txt").write_text("half")
                raise fault

        with pytest.raises(fault):
            fail()
        assert _names(tmp_path) == []

    def test_keeps_what_was_there(self, tmp_path: Path) -> None:
        _finished(tmp_path / "out")
        with pytest.raises(ValueError, match="late"), output_folder(tmp_path / "out", force=True):
            raise ValueError("late")
        assert (tmp_path / "out" / "result.txt").read_text() == "first"
        assert _names(tmp_path) == ["out"]

    def test_a_full_disk_is_said(self, tmp_path: Path) -> None:
        with (
            pytest.raises(CannotWriteError, match="No space left"),
            output_folder(tmp_path / "out", force=False),
        ):
            raise OSError(errno.ENOSPC, "No space left on device")

    def test_a_fault_of_reading_stays_what_it_is(self, tmp_path: Path) -> None:
        with pytest.raises(FileNotFoundError), output_folder(tmp_path / "out", force=False):
            (tmp_path / "elsewhere").read_text()

    def test_a_file_in_the_way_of_the_parent(self, tmp_path: Path) -> None:
        (tmp_path / "file").write_text("")
        with (
            pytest.raises(CannotWriteError, match="cannot write"),
            output_folder(tmp_path / "file" / "out", force=False),
        ):
            pass


class TestOverwriting:
    def test_refused_without_force(self, tmp_path: Path) -> None:
        _finished(tmp_path / "out")
        with pytest.raises(CannotWriteError, match="--force"):
            _finished(tmp_path / "out", "second")
        assert (tmp_path / "out" / "result.txt").read_text() == "first"

    def test_force_replaces_the_whole(self, tmp_path: Path) -> None:
        _finished(tmp_path / "out")
        with output_folder(tmp_path / "out", force=True) as partial:
            (partial / "other.txt").write_text("second")
        assert _names(tmp_path / "out") == ["other.txt"]
        assert _names(tmp_path) == ["out"]

    def test_force_keeps_foreign_files(self, tmp_path: Path) -> None:
        _finished(tmp_path / "out")
        (tmp_path / "out" / "notes.txt").write_text("mine")
        with pytest.raises(CannotWriteError, match=r"notes\.txt"):
            _finished(tmp_path / "out", "second", force=True)
        assert (tmp_path / "out" / "notes.txt").read_text() == "mine"
        assert (tmp_path / "out" / "result.txt").read_text() == "first"

    def test_force_keeps_folders_of_others(self, tmp_path: Path) -> None:
        (tmp_path / "out").mkdir()
        (tmp_path / "out" / "thesis.txt").write_text("mine")
        with pytest.raises(CannotWriteError, match=r"thesis\.txt"):
            _finished(tmp_path / "out", force=True)

    def test_a_file_is_not_a_folder(self, tmp_path: Path) -> None:
        (tmp_path / "out").write_text("")
        with pytest.raises(CannotWriteError, match="not a folder"):
            _finished(tmp_path / "out", force=True)


class TestInputIsNeverTouched:
    @pytest.mark.parametrize("output", ["study", "study/out", "."])
    def test_output_within_or_round_the_input(self, tmp_path: Path, output: str) -> None:
        (tmp_path / "study").mkdir()
        (tmp_path / "study" / "slice.dcm").write_text("image")
        with (
            pytest.raises(CannotWriteError, match="within one another"),
            output_folder(tmp_path / output, force=True, source=tmp_path / "study"),
        ):
            pass
        assert _names(tmp_path / "study") == ["slice.dcm"]

    def test_a_link_to_the_input_is_seen_through(self, tmp_path: Path) -> None:
        (tmp_path / "study").mkdir()
        (tmp_path / "link").symlink_to(tmp_path / "study")
        with (
            pytest.raises(CannotWriteError, match="within one another"),
            output_folder(tmp_path / "link" / "out", force=True, source=tmp_path / "study"),
        ):
            pass

    def test_beside_a_file_is_fine(self, tmp_path: Path) -> None:
        (tmp_path / "ct.nii.gz").write_text("image")
        with output_folder(tmp_path / "out", force=False, source=tmp_path / "ct.nii.gz"):
            pass
        assert _names(tmp_path) == ["ct.nii.gz", "out"]


def test_json_refuses_nan(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="JSON compliant"):
        write_json({"value": float("nan")}, tmp_path / "a.json")


def test_run_lists_its_files_and_times(tmp_path: Path) -> None:
    from rich.console import Console

    steps = Steps(Console(stderr=True))
    with steps.step("read") as advance:
        advance("reading", 0.5)
    with output_folder(tmp_path / "out", force=False) as partial:
        (partial / "plan.json").write_text("{}")
        write_run(partial, "plan", record((), parameters={"level": "L4"}), steps)
    run = json.loads((tmp_path / "out" / "run.json").read_text())
    assert run["outputs"] == ["plan.json", "run.json"]
    assert set(run["steps_s"]) == {"read"}
    assert run["provenance"]["parameters"] == {"level": "L4"}
    assert run["peak_memory_mb"] > 10
