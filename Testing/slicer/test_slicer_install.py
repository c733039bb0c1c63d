"""Packages: found without importing them, asked for once, installed only with consent, and every
failure in words.
"""

from __future__ import annotations

import importlib.metadata
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest


def state(found, origin="/site-packages/torch/__init__.py"):
    """packageState for a version (or exception) and a module origin (None: namespace package, "":
    no module).
    """
    from UniFuseSlicerLib.Install import packageState

    def version(name):
        if isinstance(found, Exception):
            raise found
        return found

    spec = None if origin == "" else SimpleNamespace(origin=origin)
    return packageState("torch>=2.5", version, lambda name: spec).value


@pytest.mark.parametrize(
    ("found", "origin", "expected"),
    [
        ("2.13.0+cu126", "/torch/__init__.py", "ready"),
        ("2.5.0", "/torch/__init__.py", "ready"),
        ("1.8.1", "/torch/__init__.py", "old"),
        ("2.4.1", "/torch/__init__.py", "old"),
        ("2.14.0.dev20261101+cpu", "/torch/__init__.py", "ready"),
        ("not a version", "/torch/__init__.py", "broken"),
        (importlib.metadata.PackageNotFoundError("torch"), "", "missing"),
        (importlib.metadata.PackageNotFoundError("torch"), "/torch/__init__.py", "ready"),
        ("2.13.0", None, "broken"),  # metadata is there, the package is an empty folder
        ("2.13.0", "", "broken"),
        (None, "/torch/__init__.py", "broken"),  # metadata without a version
        (TypeError("'NoneType' object is not iterable"), "/torch/__init__.py", "broken"),
    ],
)
def test_statesOfAnInstallation(found, origin, expected):
    assert state(found, origin) == expected


def test_lookingAtTorchDoesNotImportIt(monkeypatch):
    from UniFuseSlicerLib.Install import packageState

    monkeypatch.delitem(sys.modules, "torch", raising=False)
    packageState("torch>=2.5")
    assert "torch" not in sys.modules


@pytest.fixture
def build():
    """States of torch and safetensors → Dependencies that record what they do."""
    from UniFuseSlicerLib.Install import Dependencies, PackageState

    def make(
        torch,
        safetensors,
        answer=True,
        utils=None,
        installTorch=lambda **keywords: object(),
        pip=None,
        wheels=None,
        removed=None,
    ):
        done = []

        class Logic:
            def installTorch(self, **keywords):
                done.append(("torch", keywords))
                return installTorch(**keywords)

            def uninstallTorch(self):
                done.append(("removed", None))
                if removed is not None:
                    raise removed

        def importUtils():
            if utils == "missing":
                raise ModuleNotFoundError("No module named 'PyTorchUtils'")
            return SimpleNamespace(PyTorchUtilsLogic=Logic)

        def confirm(question):
            done.append(("asked", question))
            return answer

        states = {"torch": PackageState(torch), "safetensors": PackageState(safetensors)}
        dependencies = Dependencies(
            confirm,
            importUtils,
            pip
            or (
                lambda names, folder: done.append(
                    ("pip", names) if folder is None else (folder, names)
                )
            ),
            lambda wanted: states[wanted.split(">=")[0]],
            lambda: wheels,
        )
        return SimpleNamespace(ensure=dependencies.ensure, done=done)

    return make


def test_nothingIsAskedWhenAllIsThere(build):
    s = build("ready", "ready")
    s.ensure()
    assert s.done == []


def test_oneQuestionNamesEverythingAndItsSize(build):
    s = build("missing", "missing")
    s.ensure()
    assert [kind for kind, _ in s.done] == ["asked", "torch", "pip"]
    question = s.done[0][1]
    for word in ("PyTorch", "GB", "safetensors", "MB", "never leave this computer"):
        assert word in question
    assert s.done[1][1] == {"torchVersionRequirement": ">=2.5"}
    assert s.done[2][1] == ["safetensors>=0.4"]


def test_onlyWhatIsMissingIsInstalled(build):
    s = build("ready", "missing")
    s.ensure()
    assert [kind for kind, _ in s.done] == ["asked", "pip"]
    assert "PyTorch" not in s.done[0][1]


@pytest.mark.parametrize(
    ("choices", "words", "asked"),
    [
        (
            {"torch": "missing", "safetensors": "ready", "answer": False},
            "Nothing was installed",
            True,
        ),
        (
            {"torch": "missing", "safetensors": "ready", "utils": "missing"},
            "Extensions Manager",
            False,
        ),
        (
            {"torch": "broken", "safetensors": "ready", "answer": False},
            "half installed.*Uninstall PyTorch, restart",
            True,
        ),
        (
            {"torch": "broken", "safetensors": "ready", "removed": OSError("file in use")},
            "half installed.*Uninstall PyTorch, restart",
            True,
        ),
        (
            {"torch": "old", "safetensors": "ready", "installTorch": lambda **k: None},
            "PyTorch was not installed",
            True,
        ),
    ],
)
def test_everyRefusalHasItsWords(build, choices, words, asked):
    from UniFuseSlicerLib.Errors import InstallError

    s = build(**choices)
    with pytest.raises(InstallError, match=words):
        s.ensure()
    assert any(kind == "asked" for kind, _ in s.done) == asked
    assert not any(kind == "pip" for kind, _ in s.done)


def test_aFailedDownloadPointsToTheOfflineWay(build):
    from UniFuseSlicerLib.Errors import InstallError

    def pip(names, _folder):
        raise RuntimeError("returned non-zero exit status 1")

    with pytest.raises(InstallError, match=r"non-zero exit status 1.*without internet"):
        build("ready", "missing", pip=pip).ensure()


def test_newSlicerUsesItsPackagingModule(monkeypatch):
    import slicer
    from UniFuseSlicerLib import Install

    calls = []
    packaging = SimpleNamespace(
        pip_ensure=lambda names, **keywords: calls.append((names, keywords))
    )
    monkeypatch.setitem(sys.modules, "slicer.packaging", packaging)
    monkeypatch.setattr(slicer, "packaging", packaging, raising=False)
    monkeypatch.setattr(
        Install.importlib.util, "find_spec", lambda name: SimpleNamespace(origin="there")
    )
    Install._pipInstall(["safetensors>=0.4"], None)
    assert calls == [(["safetensors>=0.4"], {"prompt_install": False, "requester": "UniFuse"})]


def test_olderSlicerUsesPipInstall(monkeypatch):
    import slicer
    from UniFuseSlicerLib import Install

    calls: list[str] = []
    monkeypatch.setattr(Install.importlib.util, "find_spec", lambda name: None)
    monkeypatch.setattr(slicer.util, "pip_install", calls.append, raising=False)
    Install._pipInstall(["safetensors>=0.4"], None)
    assert calls == ["safetensors>=0.4"]


def test_whatIsHalfInstalledIsRepaired(build):
    s = build("broken", "ready")
    s.ensure()
    assert [kind for kind, _ in s.done] == ["asked", "removed", "torch"]
    assert "half installed: what is left of it is removed first" in s.done[0][1]


@pytest.mark.parametrize(
    ("torch", "wanted"),
    [("missing", ["torch>=2.5", "safetensors>=0.4"]), ("ready", ["safetensors>=0.4"])],
)
def test_withAFolderOfWheelsNothingIsDownloaded(build, tmp_path, torch, wanted):
    s = build(torch, "missing", wheels=tmp_path)
    s.ensure()
    assert s.done[1:] == [(tmp_path, wanted)]
    assert f"taken from {tmp_path}; nothing is downloaded" in s.done[0][1]
    assert ("• PyTorch" in s.done[0][1]) == (torch != "ready")


def test_theFolderOfWheelsIsWhatPipSearches(monkeypatch, tmp_path):
    import slicer
    from UniFuseSlicerLib import Install

    calls: list[list[str]] = []
    monkeypatch.setattr(slicer.util, "pip_install", calls.append, raising=False)
    Install._pipInstall(["torch>=2.5"], tmp_path)
    assert calls == [["torch>=2.5", "--no-index", "--find-links", str(tmp_path)]]


def test_theFolderOfWheelsIsKeptOnThisComputer():
    import standin_widgets
    from UniFuseSlicerLib.Settings import MachineSettings

    settings = MachineSettings(standin_widgets.QSettings())
    assert settings.wheels is None
    settings.wheels = Path("/media/stick/wheels")
    assert settings.wheels == Path("/media/stick/wheels")
    settings.wheels = None
    assert settings.wheels is None
