"""The manifest: valid, and each command is there; readers and writers keep a volume's place."""

from importlib import import_module
from pathlib import Path

import napari_procguide
import numpy as np
import pytest
from conftest import SAMPLE
from napari_procguide._readers import get_reader, read_layers
from napari_procguide._writers import write_layer
from npe2 import PluginManifest

from procguide.errors import UsageError


@pytest.fixture(scope="module")
def manifest() -> PluginManifest:
    return PluginManifest.from_file(Path(napari_procguide.__file__).with_name("napari.yaml"))


class TestManifest:
    def test_its_name_is_the_distribution_and_commands_start_with_it(self, manifest):
        assert manifest.name == "napari-procguide"
        assert all(one.id.startswith("napari-procguide.") for one in manifest.contributions.commands)

    def test_every_command_is_there(self, manifest):
        for command in manifest.contributions.commands:
            module, name = command.python_name.split(":")
            assert callable(getattr(import_module(module), name))

    def test_names_are_hidden_unless_asked_for(self, manifest):
        privacy = manifest.contributions.configurations["privacy"]
        assert privacy.properties["show_identity"].default is False


class TestFiles:
    def test_a_layer_written_and_read_keeps_its_place(self, tmp_path):
        voxels = np.arange(60, dtype=np.int16).reshape(3, 4, 5)
        place = {"scale": (2.0, 1.0, 0.5), "translate": (10.0, -20.0, 30.0)}
        for suffix in (".nii.gz", ".nrrd", ".mha"):
            written = write_layer(str(tmp_path / f"one{suffix}"), voxels, place)
            ((data, kept, kind),) = read_layers(Path(written[0]))
            assert kind == "image"
            assert np.array_equal(data, voxels)
            assert kept["scale"] == pytest.approx(place["scale"])
            assert kept["translate"] == pytest.approx(place["translate"])
            assert kept["units"] == ("mm", "mm", "mm")

    def test_a_plane_picture_is_refused(self, tmp_path):
        with pytest.raises(UsageError, match="Only 3D"):
            write_layer(
                str(tmp_path / "one.nii.gz"), np.zeros((3, 4)), {"scale": (1, 1), "translate": (0, 0)}
            )

    def test_a_dicom_folder_is_read_as_one_straight_layer(self):
        reader = get_reader(str(SAMPLE / "ct"))
        ((data, place, kind),) = reader(str(SAMPLE / "ct"))
        assert kind == "image"
        assert data.shape == (105, 284, 284)
        assert min(place["scale"]) > 0

    def test_what_is_not_there_is_not_ours(self):
        assert get_reader("/nowhere/at/all.dcm") is None
