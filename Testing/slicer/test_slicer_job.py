"""One run from nodes to nodes, with a stand-in tool in a real process."""

from __future__ import annotations

import os
import time

import numpy as np
import pytest

pytestmark = [pytest.mark.slicer, pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")]


@pytest.fixture
def temporary(tmp_path):
    """Where a job makes its own folder."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    return folder


@pytest.fixture
def makeJob(pair, fakeTool, writeResult, temporary):
    from UniFuseSlicerLib.Job import FusionJob
    from UniFuseSlicerLib.Options import FusionOptions
    from UniFuseSlicerLib.Ownership import FusionNodes

    writeResult(fakeTool.result)
    jobs = []

    def make(mode, outputs=None, options=None, **keywords):
        job = FusionJob(
            pair.degraded,
            pair.reference,
            outputs or FusionNodes(),
            options or FusionOptions(),
            fakeTool(mode),
            temporary,
            **keywords,
        )
        jobs.append(job)
        return job

    yield make
    for job in jobs:
        job.endNow()


def finish(job, seconds=15.0):
    end = time.monotonic() + seconds
    while job.poll() is None:
        assert time.monotonic() < end
        time.sleep(0.01)
    return job.outcome


def waitForStage(job, stage):
    end = time.monotonic() + 10
    while job.stage != stage:
        assert job.poll() is None
        assert time.monotonic() < end
        time.sleep(0.01)


def test_fromNodesToNodes(makeJob, temporary, pair):
    from UniFuseSlicerLib.Nodes import deformationImage
    from UniFuseSlicerLib.Outcome import Ending

    job = makeJob("work")
    job.start()
    assert finish(job).ending is Ending.DONE
    assert np.allclose(deformationImage(job.nodes.deformation).array, pair.displacement, atol=1e-3)
    assert list(temporary.iterdir()) == []


@pytest.mark.parametrize(
    ("mode", "words"),
    [
        ("refuse", "do not overlap"),
        ("crash", "crashed"),
        ("silent", "without a result"),
        ("half", "did not write restored"),
    ],
)
def test_aFailureChangesNothingAndLeavesNothing(makeJob, temporary, scene, mode, words):
    count = scene.GetNumberOfNodes()
    job = makeJob(mode)
    job.start()
    assert words in finish(job).message
    with pytest.raises(RuntimeError, match="no result"):
        assert job.nodes
    assert scene.GetNumberOfNodes() == count
    assert list(temporary.iterdir()) == []


def test_cancelWhileRunning(makeJob, temporary, scene):
    from UniFuseSlicerLib.Outcome import Ending

    count = scene.GetNumberOfNodes()
    job = makeJob("deafest")
    job.start()
    waitForStage(job, "Running the network")
    start = time.monotonic()
    job.cancel()
    assert job.stage == "Cancelling"
    assert finish(job).ending is Ending.CANCELLED
    assert time.monotonic() - start <= 2.0
    assert scene.GetNumberOfNodes() == count
    assert list(temporary.iterdir()) == []


def test_cancelAtOnce(makeJob, temporary):
    from UniFuseSlicerLib.Outcome import Ending

    job = makeJob("work")
    job.start()
    job.cancel()
    assert finish(job).ending is Ending.CANCELLED
    assert list(temporary.iterdir()) == []


def test_closingWhileRunning(makeJob, temporary):
    job = makeJob("deafest")
    job.start()
    waitForStage(job, "Running the network")
    process = job._process._process
    job.endNow()
    assert process.poll() is not None
    assert list(temporary.iterdir()) == []


def test_anInputThatIsRemovedWhileRunningIsReported(makeJob, pair, scene):
    job = makeJob("work")
    job.start()
    scene.RemoveNode(pair.reference)
    assert '"T1" was deleted during the run' in finish(job).message


def test_keptFilesHoldTheLog(makeJob, temporary):
    from UniFuseSlicerLib.Options import FusionOptions

    job = makeJob("work", options=FusionOptions(keepFiles=True))
    job.start()
    finish(job)
    (kept,) = temporary.iterdir()
    assert {p.name for p in kept.iterdir()} >= {"degraded.nrrd", "reference.nrrd", "out", "log.txt"}
    assert "Running the network" in (kept / "log.txt").read_text(encoding="utf-8")


def test_filesHaveNamesThatSayNothingAboutThePatient(makeJob, pair):
    pair.degraded.SetName("Doe^John 1970")
    lines: list[str] = []
    job = makeJob("work", log=lines.append)
    job.start()
    finish(job)
    assert not any("Doe" in line for line in lines)


def test_aTemporaryFolderThatCannotBeWrittenIsReported(makeJob, temporary, monkeypatch):
    from UniFuseSlicerLib import JobInputs

    def full(image, path, modality):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(JobInputs, "writeImage", full)
    job = makeJob("work")
    job.start()
    assert "No space left on device" in finish(job).message
    assert list(temporary.iterdir()) == []


def test_theWindowIsNeverHeldUp(makeJob, pair):
    """Every call on the main thread stays under 100 ms (the nodes themselves are made at the very
    end).
    """
    job = makeJob("work")
    longest, start = 0.0, time.perf_counter()
    job.start()
    longest = time.perf_counter() - start
    while job.outcome is None:
        start = time.perf_counter()
        job.poll()
        longest = max(longest, time.perf_counter() - start)
        time.sleep(0.01)
    assert longest < 0.1
