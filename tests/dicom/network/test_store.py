import threading
from dataclasses import replace

import pydicom
import pytest
from pydicom.uid import ImplicitVRLittleEndian

from procguide.dicom.network.instances import handle, is_uid, looks_like_dicom, read_instance
from procguide.dicom.network.store import Kept, Store, write_safely
from procguide.errors import InputUnreadableError


@pytest.fixture
def arriving(study, tmp_path):
    """Copy an object to where it would have arrived."""
    source = study(1)[0]

    def arrive(name="part", **changes):
        dataset = pydicom.dcmread(source)
        for keyword, value in changes.items():
            setattr(dataset, keyword, value)
        dataset.save_as(tmp_path / name)
        return read_instance(tmp_path / name)

    return arrive


class TestKeeping:
    def test_an_object_is_moved_to_its_place_whole(self, arriving, tmp_path):
        store = Store(tmp_path / "store")
        instance = arriving()
        content = instance.file.read_bytes()
        assert store.keep(instance, "scu") is Kept.NEW
        assert store.path_of(instance).read_bytes() == content
        assert not instance.file.exists()
        assert list(store.studies()) == [handle("1.2.3")]
        assert store.senders(handle("1.2.3")) == ("scu",)

    def test_again_is_kept_once(self, arriving, tmp_path):
        store = Store(tmp_path / "store")
        assert [store.keep(arriving()), store.keep(arriving())] == [Kept.NEW, Kept.AGAIN]
        assert len(store.files(handle("1.2.3"))) == 1

    def test_other_content_under_the_same_uid_does_not_replace_it(self, arriving, tmp_path):
        store = Store(tmp_path / "store")
        first = arriving()
        store.keep(first)
        before = store.path_of(first).read_bytes()
        assert store.keep(arriving(PatientName="Other^Name")) is Kept.OTHER
        assert store.path_of(first).read_bytes() == before

    def test_the_same_in_another_transfer_syntax_is_the_same(self, arriving, tmp_path):
        store = Store(tmp_path / "store")
        store.keep(arriving())
        instance = arriving()
        dataset = pydicom.dcmread(instance.file)
        dataset.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian
        dataset.save_as(instance.file)
        assert store.keep(read_instance(instance.file)) is Kept.AGAIN

    def test_only_the_data_set_counts_not_who_wrote_the_file(self, arriving, tmp_path):
        store = Store(tmp_path / "store")
        store.keep(arriving())
        instance = arriving()
        dataset = pydicom.dcmread(instance.file)
        dataset.file_meta.ImplementationVersionName = "ANOTHER"
        dataset.save_as(instance.file)
        assert store.keep(read_instance(instance.file)) is Kept.AGAIN

    def test_at_the_same_time(self, arriving, tmp_path):
        store = Store(tmp_path / "store")
        found = []
        instances = [arriving(f"part{n}") for n in range(8)]
        threads = [
            threading.Thread(target=lambda one=one: found.append(store.keep(one))) for one in instances
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(found) == [Kept.AGAIN] * 7 + [Kept.NEW]

    def test_a_hostile_uid_is_no_path(self, arriving, tmp_path):
        hostile = replace(arriving(), study="../../climb", sop_instance="/etc/passwd")
        place = Store(tmp_path / "store").path_of(hostile)
        assert place.parent.parent == tmp_path / "store"
        assert place.name == f"{handle('/etc/passwd')}.dcm"


class TestIdentity:
    def test_no_patient_in_names(self):
        assert "4711" not in handle("ID-4711")
        assert len(handle("1.2.3")) == 24

    @pytest.mark.parametrize("text", ["", "1.", ".1", "1..2", "1.2a", "1/2", "..", "1" * 65, "1.2\n"])
    def test_what_is_no_uid(self, text):
        assert not is_uid(text)

    @pytest.mark.parametrize(
        "keyword", ["SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID", "SOPClassUID"]
    )
    def test_objects_without_uids_are_refused(self, arriving, keyword):
        with pytest.raises(InputUnreadableError, match="UIDs are missing"):
            arriving(**{keyword: ""})

    def test_garbage_is_refused(self, tmp_path):
        for content in (b"", b"\0" * 128 + b"DICM", b"\0" * 128 + b"DICM" + b"\xff" * 500, b"MZ" * 100):
            (tmp_path / "x").write_bytes(content)
            with pytest.raises(InputUnreadableError):
                read_instance(tmp_path / "x")

    def test_what_looks_like_dicom(self, study, tmp_path):
        (tmp_path / "text").write_text("no")
        assert looks_like_dicom(study(1)[0])
        assert not looks_like_dicom(tmp_path / "text")
        assert not looks_like_dicom(tmp_path)


def test_a_file_is_replaced_in_one_step(tmp_path):
    path = tmp_path / "x.json"
    write_safely(path, "one")
    write_safely(path, "two")
    assert path.read_text() == "two"
    assert [file.name for file in tmp_path.iterdir()] == ["x.json"]
    assert path.stat().st_mode & 0o077 == 0
