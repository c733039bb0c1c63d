"""`unifuse batch` with real fusions: on processes, and on a Dask cluster that loses a worker."""

from __future__ import annotations

import csv
import importlib.util
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy import ndimage

from UniFuseLib import cli
from UniFuseLib.batch.case import STATE_FOLDER, Task
from UniFuseLib.batch.work import CASE_FILES, run_case
from UniFuseLib.checkpoint import save_model
from UniFuseLib.commands.fuse_files import (
    OWN,
    RAW_OWN,
    RAW_UNCERTAINTY,
    RAW_VOLUMES,
    UNCERTAINTY,
)
from UniFuseLib.contract import Contract
from UniFuseLib.degradation import CLASSES
from UniFuseLib.errors import CasesFailedError
from UniFuseLib.io.volumes import read_volume, write_volume
from UniFuseLib.network.build import build, preset
from UniFuseLib.preprocessing.intensity import DEFAULT_INTENSITY
from UniFuseLib.spatial.volume import Volume

ROOT = Path(__file__).resolve().parents[2]
SHAPE = (14, 18, 16)
QUICK = ("--align", "none", "--refine", "off", "--no-overview", "--device", "cpu", "--quiet")
ON_REQUEST = {*RAW_VOLUMES, OWN, RAW_OWN, UNCERTAINTY, RAW_UNCERTAINTY}
FILES = sorted(set(CASE_FILES) - {*ON_REQUEST, "overview.png"})


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small oblique pair and untrained weights."""
    folder = tmp_path_factory.mktemp("inputs")
    rng = np.random.default_rng(5)
    axes = np.ogrid[tuple(slice(-1, 1, n * 1j) for n in SHAPE)]
    body = sum(axis**2 for axis in axes) < 0.6
    texture = ndimage.gaussian_filter(rng.normal(size=SHAPE), 2)
    c, s = np.cos(0.2), np.sin(0.2)
    affine = np.array([[0, -s, c, -20], [0, c, s, -25], [1, 0, 0, 5], [0, 0, 0, 1.0]])
    affine[:3, :3] *= (4.0, 3.5, 3.0)
    for name, values in (("reference", 500 + 4000 * texture), ("degraded", 400 - 2000 * texture)):
        array = np.abs(np.where(body, values, 0) + rng.normal(0, 5, SHAPE)).astype(np.int16)
        write_volume(Volume(array, affine), folder / f"{name}.nii.gz")
    torch.manual_seed(0)
    config = preset("small")
    contract = Contract(
        "test", "small", config.to_dict(), CLASSES, 6.0, DEFAULT_INTENSITY, "", "Apache-2.0"
    )
    save_model(build(config), contract, folder / "weights.safetensors")
    return folder


def arguments(inputs: Path, output: Path, cases: int, *more: str) -> list[str]:
    table = output.with_suffix(".csv")
    pair = f"{inputs / 'degraded.nii.gz'},{inputs / 'reference.nii.gz'}"
    lines = [f"{pair},c{number}" for number in range(cases)]
    lines.append(f"{inputs / 'nowhere.nii'},{inputs / 'reference.nii.gz'},broken")
    table.write_text("\n".join(["degraded,reference,name", *lines]), encoding="utf-8")
    weights = str(inputs / "weights.safetensors")
    return ["batch", str(table), "-o", str(output), "--weights", weights, *QUICK, *more]


def rows(output: Path) -> dict[str, dict[str, str]]:
    with (output / "summary.csv").open(encoding="utf-8", newline="") as file:
        return {row["name"]: row for row in csv.DictReader(file)}


def test_each_case_is_a_folder_as_fuse_writes_it(inputs: Path, tmp_path: Path) -> None:
    output = tmp_path / "out"
    assert cli.main(arguments(inputs, output, 2, "--jobs", "2")) == CasesFailedError.exit_code
    found = rows(output)
    assert [row["state"] for row in found.values()] == ["done", "done", "failed"]
    assert "nowhere.nii does not exist" in found["broken"]["sentence"]
    visible = {path.name for path in output.iterdir() if not path.name.startswith(".")}
    assert visible == {"c0", "c1", "summary.csv", "summary.html"}
    assert sorted(path.name for path in (output / "c0").iterdir()) == FILES

    alone = tmp_path / "alone"
    pair = [str(inputs / f"{role}.nii.gz") for role in ("degraded", "reference")]
    weights = ["--weights", str(inputs / "weights.safetensors")]
    assert cli.main(["fuse", *pair, "-o", str(alone), *weights, *QUICK]) == 0
    for name in ("fused.nii.gz", "restored.nii.gz"):
        one, other = read_volume(alone / name), read_volume(output / "c1" / name)
        np.testing.assert_allclose(one.array, other.array, atol=1e-5)
        np.testing.assert_array_equal(one.affine, other.affine)


def test_a_task_that_another_worker_finished_is_not_computed_again(
    inputs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / STATE_FOLDER).mkdir()
    target = tmp_path / "one"
    target.mkdir()
    (target / "case.json").write_text(json.dumps({"settings": {}, "a": 1}), encoding="utf-8")
    args = cli.parser().parse_args(arguments(inputs, tmp_path / "x", 1))
    from UniFuseLib.commands.batch_options import settings_of

    record = {"settings": {}, "a": 1}
    degraded, reference = (str(inputs / f"{role}.nii.gz") for role in ("degraded", "reference"))
    settings = settings_of(args)
    task = Task(str(tmp_path), "one", degraded, reference, settings, record, replace=True)
    assert run_case(task).state == "done"
    assert [path.name for path in target.iterdir()] == ["case.json"]


def test_a_worker_that_does_not_see_the_folder_writes_nothing(tmp_path: Path) -> None:
    task = Task(str(tmp_path / "elsewhere"), "one", "/a", "/b", {}, {})
    outcome = run_case(task)
    assert outcome.state == "failed"
    assert "not visible" in outcome.sentence
    assert not (tmp_path / "elsewhere").exists()


def test_what_nobody_expected_is_a_row_with_its_traceback_kept(
    inputs: Path, tmp_path: Path
) -> None:
    (tmp_path / STATE_FOLDER).mkdir()
    degraded, reference = (str(inputs / f"{role}.nii.gz") for role in ("degraded", "reference"))
    settings = {"degraded_rescale": 3, "weights": str(inputs / "weights.safetensors")}
    outcome = run_case(Task(str(tmp_path), "one", degraded, reference, settings, {}))
    assert outcome.exit_code == 70
    log = tmp_path / STATE_FOLDER / "one.log"
    assert log.name in outcome.sentence
    assert "Traceback" in log.read_text(encoding="utf-8")


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="signals")
def test_dask_goes_on_without_a_worker_that_was_killed(inputs: Path, tmp_path: Path) -> None:
    distributed = pytest.importorskip("distributed")
    output = tmp_path / "out"
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None
    ) as cluster:
        client = distributed.Client(cluster, set_as_default=False)
        workers = client.run(os.getpid)
        command = arguments(inputs, output, 8, "--scheduler", cluster.scheduler_address)
        run = subprocess.Popen([sys.executable, "-m", "UniFuseLib", *command], cwd=ROOT)
        wait_until(lambda: any(output.glob("c*")))
        os.kill(next(iter(workers.values())), signal.SIGKILL)
        code = run.wait(timeout=300)
        client.close()
    found = rows(output)
    assert code == CasesFailedError.exit_code
    assert {row["state"] for name, row in found.items() if name != "broken"} == {"done"}
    assert "does not exist" in found["broken"]["sentence"]
    assert all(
        sorted(p.name for p in output.joinpath(f"c{n}").iterdir()) == FILES for n in range(8)
    )


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="the nanny reads the resident memory")
def test_a_case_beyond_the_memory_limit_of_its_worker_is_a_row_and_the_others_are_right(
    inputs: Path, tmp_path: Path
) -> None:
    """Dask's nanny kills the worker of the large case, each time that it is tried."""
    distributed = pytest.importorskip("distributed")
    small = read_volume(inputs / "reference.nii.gz")
    array, affine = small.array, small.affine.copy()
    for axis in range(3):
        array = array.repeat(20, axis)
    affine[:3, :3] /= 20
    write_volume(Volume(array, affine), tmp_path / "large.nii.gz")
    output = tmp_path / "out"
    with distributed.LocalCluster(
        n_workers=2,
        threads_per_worker=1,
        processes=True,
        dashboard_address=None,
        memory_limit="1.1GB",
    ) as cluster:
        command = arguments(inputs, output, 4, "--scheduler", cluster.scheduler_address)
        with output.with_suffix(".csv").open("a", encoding="utf-8") as table:
            table.write(f"\n{tmp_path / 'large.nii.gz'},{tmp_path / 'large.nii.gz'},large\n")
        run = subprocess.Popen([sys.executable, "-m", "UniFuseLib", *command], cwd=ROOT)
        code = run.wait(timeout=300)
    found = rows(output)
    assert code == CasesFailedError.exit_code
    assert {found[f"c{n}"]["state"] for n in range(4)} == {"done"}
    assert found["large"]["state"] == "failed"
    assert "the memory ran out: give each worker more" in found["large"]["sentence"]
    assert not (output / "large").exists()
    assert all(
        sorted(p.name for p in output.joinpath(f"c{n}").iterdir()) == FILES for n in range(4)
    )


@pytest.mark.slow
def test_a_lost_scheduler_is_a_sentence_and_the_next_run_goes_on(
    inputs: Path, tmp_path: Path
) -> None:
    distributed = pytest.importorskip("distributed")
    output = tmp_path / "out"
    with distributed.LocalCluster(
        n_workers=1, threads_per_worker=1, processes=True, dashboard_address=None
    ) as cluster:
        command = arguments(inputs, output, 30, "--scheduler", cluster.scheduler_address)
        run = subprocess.Popen(
            [sys.executable, "-m", "UniFuseLib", *command],
            cwd=ROOT,
            stderr=subprocess.PIPE,
            text=True,
        )
        wait_until(lambda: any(output.glob("c*")))
    _, said = run.communicate(timeout=300)
    assert run.returncode == 6, said
    assert "scheduler was lost" in said
    states = [row["state"] for row in rows(output).values()]
    assert "open" in states
    finished = {folder.name: folder.stat().st_ino for folder in output.glob("c*")}
    assert cli.main(arguments(inputs, output, 30, "--jobs", "1")) == CasesFailedError.exit_code
    assert [row["state"] for row in rows(output).values()].count("done") == 30
    assert all((output / name).stat().st_ino == inode for name, inode in finished.items())


SBATCH = """#!/bin/sh
[ "$1" = --test-only ] && exit 0
cp "$1" {folder}/job.sh
setsid bash {folder}/job.sh > {folder}/job.log 2>&1 &
echo $! > {folder}/job.pid
echo "Submitted batch job 7"
"""
SCANCEL = """#!/bin/sh
echo "$1" > {folder}/cancelled
kill -- -$(cat {folder}/job.pid)
"""


def _skip_without_jobqueue() -> None:
    """Without importing it, which changes what Ctrl-C does."""
    if importlib.util.find_spec("dask_jobqueue") is None:
        pytest.skip("needs dask-jobqueue")


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="setsid")
def test_slurm_jobs_are_submitted_work_and_are_cancelled(
    inputs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With two scripts in place of SLURM, which run the job on this machine."""
    _skip_without_jobqueue()
    _put_slurm(tmp_path, monkeypatch, SBATCH)
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    configuration = tmp_path / "slurm.yaml"
    configuration.write_text("cores: 2\nmemory: 2GB\nqueue: short\n", encoding="utf-8")
    output = tmp_path / "out"
    argv = arguments(inputs, output, 3, "--slurm", str(configuration), "--jobs", "1")
    assert cli.main(argv) == CasesFailedError.exit_code
    assert [row["state"] for row in rows(output).values()] == ["done"] * 3 + ["failed"]
    job = (tmp_path / "job.sh").read_text(encoding="utf-8")
    assert "#SBATCH -p short" in job
    assert job.rindex("--nthreads 1") > job.rindex("--nthreads 2")  # the last one counts
    assert (tmp_path / "cancelled").read_text(encoding="utf-8").strip() == "7"


@pytest.mark.skipif(sys.platform != "linux", reason="scripts of the shell")
@pytest.mark.parametrize(
    ("sbatch", "code", "sentence"),
    [
        ("echo sbatch: error >&2; echo no such partition >&2; exit 1", 3, "(no such partition)"),
        ('[ "$1" = --test-only ] || exit 1', 6, "SLURM took no job"),
        (None, 6, "SLURM is not there"),
    ],
)
def test_jobs_that_slurm_does_not_take_are_a_sentence(
    inputs: Path, tmp_path: Path, monkeypatch, capsys, sbatch: str | None, code: int, sentence: str
) -> None:
    _skip_without_jobqueue()
    if sbatch is None:
        monkeypatch.setenv("PATH", str(tmp_path))
    else:
        _put_slurm(tmp_path, monkeypatch, f"#!/bin/sh\n{sbatch}\n")
    monkeypatch.setattr("UniFuseLib.batch.slurm._SUBMITTING_S", 5.0)
    configuration = tmp_path / "slurm.yaml"
    configuration.write_text("cores: 1\nmemory: 2GB\n", encoding="utf-8")
    argv = arguments(inputs, tmp_path / "out", 1, "--slurm", str(configuration), "--jobs", "1")
    assert cli.main(argv) == code
    assert sentence in capsys.readouterr().err


def _put_slurm(folder: Path, monkeypatch: pytest.MonkeyPatch, sbatch: str) -> None:
    for name, text in (("sbatch", sbatch), ("scancel", SCANCEL)):
        (folder / name).write_text(text.format(folder=folder), encoding="utf-8")
        (folder / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")


def test_no_scheduler_is_a_sentence(inputs: Path, tmp_path: Path, monkeypatch, capsys) -> None:
    pytest.importorskip("distributed")
    monkeypatch.setattr("UniFuseLib.batch.cluster.PATIENCE", "1s")
    argv = arguments(inputs, tmp_path / "out", 1, "--scheduler", "tcp://127.0.0.1:1")
    assert cli.main(argv) == 6
    assert "No Dask scheduler answers" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "sentence"),
    [("- a list", "expected a YAML file"), ("cores: [", "expected a YAML"), ("x: 1", "unexpected")],
)
def test_a_slurm_configuration_that_is_none_is_a_sentence(
    inputs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str, sentence: str
) -> None:
    _skip_without_jobqueue()
    path = tmp_path / "slurm.yaml"
    path.write_text(text, encoding="utf-8")
    argv = arguments(inputs, tmp_path / "out", 1, "--slurm", str(path), "--jobs", "1")
    on_interrupt = signal.getsignal(signal.SIGINT)
    assert cli.main(argv) == 3
    assert sentence in capsys.readouterr().err
    assert signal.getsignal(signal.SIGINT) is on_interrupt


def wait_until(true: object, seconds: float = 120.0) -> None:
    end = time.monotonic() + seconds
    while not true():  # type: ignore[operator]
        assert time.monotonic() < end
        time.sleep(0.05)
