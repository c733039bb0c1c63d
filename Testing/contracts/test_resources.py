"""Where the shipped files are found, in a source tree and in an installed package."""

from __future__ import annotations

from pathlib import Path

import pytest

from UniFuseLib import resources
from UniFuseLib.errors import InputError, WeightsError


@pytest.mark.parametrize("installed", [True, False])
def test_resources_lie_in_the_package_or_beside_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, installed: bool
) -> None:
    package = tmp_path / "UniFuseLib"
    root = (package if installed else tmp_path) / "Resources"
    (root / "Models").mkdir(parents=True)
    (root / "SampleData").mkdir()
    monkeypatch.setattr(resources, "__file__", str(package / "resources.py"))
    assert resources.models_folder() == root / "Models"
    assert resources.sample_folder() == root / "SampleData"


def test_missing_resources_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resources, "__file__", str(tmp_path / "UniFuseLib" / "resources.py"))
    with pytest.raises(WeightsError, match="Resources/Models"):
        resources.models_folder()
    with pytest.raises(InputError, match="Resources/SampleData"):
        resources.sample_folder()


def test_the_source_tree_has_both() -> None:
    assert (resources.models_folder() / resources.DEFAULT_WEIGHTS).is_file()
    assert (resources.sample_folder() / "sample.json").is_file()
    assert Path(resources.__file__).parent.name == "UniFuseLib"
