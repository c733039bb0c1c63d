"""`unifuse info` knows every file of weights that is shipped."""

from __future__ import annotations

import json
import shutil

from UniFuseLib.cli import main
from UniFuseLib.commands import info
from UniFuseLib.fusion import dmfnet_weights
from UniFuseLib.resources import models_folder


def test_every_shipped_set_is_described(capsys):
    shipped = {path.name for path in models_folder().glob("*.safetensors")}
    assert main(["info"]) == 0
    printed = capsys.readouterr().out
    for name in shipped - {dmfnet_weights.FILE}:
        assert f"weights {name}: " in printed
    assert "expected" not in printed
    assert main(["info", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)["weights"]
    assert {entry["file"] for entry in found} == shipped - {dmfnet_weights.FILE}
    assert not [entry["error"] for entry in found if "error" in entry]


def test_a_damaged_set_is_listed_with_its_fault(tmp_path, monkeypatch):
    for path in models_folder().iterdir():
        shutil.copy(path, tmp_path)
    (tmp_path / "restoration.safetensors").write_bytes(b"damaged")
    monkeypatch.setattr("UniFuseLib.resources.models_folder", lambda: tmp_path)
    by_name = {entry["file"]: entry for entry in info.gather()["weights"]}
    assert "SHA-256" in by_name["restoration.safetensors"]["error"]
    assert "contract" in by_name["unifuse.safetensors"]
