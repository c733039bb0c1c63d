"""A training file of two small subjects, and where a training of it runs."""

from __future__ import annotations

import io
import json
import os
import zipfile
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from UniFuseLib.training.data import INDEX

if TYPE_CHECKING:
    from pathlib import Path

CPU = torch.device("cpu")
# without threads every sum has one order: two runs agree to the last bit
ENVIRONMENT = {
    **os.environ,
    "OMP_NUM_THREADS": "1",
    "OMP_WAIT_POLICY": "passive",
    "GOMP_SPINCOUNT": "0",
}


def write_tiny_pack(path: Path) -> Path:
    """Two subjects with a CT and an MR of smooth noise on grids of their own."""
    generator = torch.Generator().manual_seed(3)
    index: dict[str, Any] = {"version": 1, "layout": "test", "subjects": []}
    knots = {
        "kind": "knots",
        "values": [-1024.0, -160.0, 240.0, 1600.0],
        "units": [0.0, 0.15, 0.75, 1.0],
    }
    maps = {"ct": knots, "mr": {"kind": "percentile", "scale": 900.0, "ceiling": 2.0}}
    with zipfile.ZipFile(path, "w") as archive:
        for number in range(2):
            volumes = {}
            for kind, shape, spacing in (
                ("ct", (14, 20, 18), (3.0, 2.0, 2.5)),
                ("mr", (20, 18, 16), (2.0, 2.5, 2.5)),
            ):
                coarse = torch.rand(1, 1, 4, 5, 4, generator=generator)
                values = torch.nn.functional.interpolate(coarse, size=shape, mode="trilinear")[0, 0]
                buffer = io.BytesIO()
                np.save(buffer, (values * 255).round().to(torch.uint8).numpy())
                member = f"{number}/{kind}.npy"
                archive.writestr(member, buffer.getvalue())
                affine = np.diag([*spacing, 1.0]).tolist()
                volumes[kind] = {
                    "member": member,
                    "kind": kind,
                    "affine": affine,
                    "top": 1.0,
                    "map": maps[kind],
                }
            index["subjects"].append({"name": str(number), "volumes": volumes})
        archive.writestr(INDEX, json.dumps(index))
    return path
