"""The layouts of the paper's data sets on tiny made-up folders, and their splits."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from UniFuseLib.errors import InputError
from UniFuseLib.training.layouts import Subject, find_subjects, kind_of
from UniFuseLib.training.splits import hold_out, select


def touch(root: Path, *names: str) -> None:
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


def relative(subject: Subject, root: Path) -> dict[str, str]:
    return {role: path.relative_to(root).as_posix() for role, path in subject.volumes.items()}


def test_brats2020(tmp_path: Path) -> None:
    train, val = "MICCAI_BraTS2020_TrainingData", "MICCAI_BraTS2020_ValidationData"
    for contrast in ("t1", "t2", "flair", "t1ce", "seg"):
        touch(tmp_path, f"{train}/BraTS20_Training_001/BraTS20_Training_001_{contrast}.nii.gz")
        touch(tmp_path, f"{val}/BraTS20_Validation_002/BraTS20_Validation_002_{contrast}.nii")
    touch(tmp_path, f"{train}/name_mapping.csv")
    subjects = find_subjects(tmp_path, "brats2020")
    assert [subject.name for subject in subjects] == [
        "BraTS20_Training_001",
        "BraTS20_Validation_002",
    ]
    assert set(subjects[0].volumes) == {"t1", "t2", "flair", "t1ce"}
    assert all(kind_of(role) == "mr" for role in subjects[0].volumes)
    assert (
        relative(subjects[0], tmp_path)["t1"]
        == f"{train}/BraTS20_Training_001/BraTS20_Training_001_t1.nii.gz"
    )
    assert relative(subjects[1], tmp_path)["t1ce"].endswith("BraTS20_Validation_002_t1ce.nii")
    assert [s.name for s in select(subjects, "brats2020", "train")] == ["BraTS20_Training_001"]
    assert [s.name for s in select(subjects, "brats2020", "val")] == ["BraTS20_Validation_002"]


def test_brats2020_without_its_validation_folder_says_so(tmp_path: Path) -> None:
    touch(tmp_path, "BraTS20_Training_001/BraTS20_Training_001_t1.nii.gz")
    with pytest.raises(InputError, match="whole data set"):
        select(find_subjects(tmp_path, "brats2020"), "brats2020", "val")


@pytest.mark.parametrize("above", ["Task1/", ""])
def test_synthrad2023(tmp_path: Path, above: str) -> None:
    for place in ("brain/1BA001", "brain/overview", "pelvis/1PC098"):
        touch(tmp_path, *(f"{above}{place}/{name}.nii.gz" for name in ("mr", "ct", "mask")))
    subjects = find_subjects(tmp_path, "synthrad2023")
    assert [subject.name for subject in subjects] == ["brain/1BA001", "pelvis/1PC098"]
    assert relative(subjects[1], tmp_path) == {
        "mr": f"{above}pelvis/1PC098/mr.nii.gz",
        "ct": f"{above}pelvis/1PC098/ct.nii.gz",
    }
    assert (kind_of("mr"), kind_of("ct")) == ("mr", "ct")


def test_fdgpetct(tmp_path: Path) -> None:
    files = [f"{name}.nii.gz" for name in ("CT", "CTres", "SUV", "SEG", "PET")]
    for study in (
        "PETCT_aa/10-25-2003-NA-PET-CT",
        "PETCT_aa/01-02-2004-NA-PET-CT",
        "PETCT_bb/05-06-2005-NA-PET-CT",
    ):
        touch(tmp_path, *(f"FDG-PET-CT-Lesions/{study}/{file}" for file in files))
    subjects = find_subjects(tmp_path, "fdgpetct")
    assert len(subjects) == 3
    assert [subject.person for subject in subjects] == ["PETCT_aa", "PETCT_aa", "PETCT_bb"]
    assert {role: path.name for role, path in subjects[0].volumes.items()} == {
        "ct": "CTres.nii.gz",  # on the grid of the PET
        "pet": "SUV.nii.gz",  # in SUV, not Bq/ml
    }


def test_unifuse(tmp_path: Path) -> None:
    """Compressed or not; the compressed one of two."""
    touch(
        tmp_path,
        *(
            f"ct_pet_mr/one/{name}"
            for name in ("ct.nii", "ct.nii.gz", "pet_suv.nii", "mask.nii.gz")
        ),
    )
    touch(tmp_path, "mr_multi/two/t1w.nii", "mr_multi/two/t2.nii.gz", "mr_multi/two/flair.nii.gz")
    touch(tmp_path, "labels/a.nii", "labels/a.nii.gz", "labels/b.nii", "labels/b.1.nii.gz")
    subjects = find_subjects(tmp_path, "unifuse")
    assert {subject.name: relative(subject, tmp_path) for subject in subjects} == {
        "ct_pet_mr/one": {"ct": "ct_pet_mr/one/ct.nii.gz", "pet": "ct_pet_mr/one/pet_suv.nii"},
        "mr_multi/two": {
            "flair": "mr_multi/two/flair.nii.gz",
            "t1": "mr_multi/two/t1w.nii",
            "t2": "mr_multi/two/t2.nii.gz",
        },
        "labels/a": {"labels": "labels/a.nii.gz"},
        "labels/b": {"labels": "labels/b.nii"},
        "labels/b.1": {"labels": "labels/b.1.nii.gz"},
    }
    assert len(subjects) == 5


def test_a_layout_that_does_not_fit_says_what_it_expects(tmp_path: Path) -> None:
    touch(tmp_path, "scan.nii.gz")
    for layout in ("brats2020", "synthrad2023", "fdgpetct", "unifuse"):
        with pytest.raises(InputError, match=layout):
            find_subjects(tmp_path, layout)
    with pytest.raises(InputError, match="synthrad2023"):
        find_subjects(tmp_path, "synthrad")


def people(count: int, sessions: int = 1) -> list[Subject]:
    return [
        Subject(f"p{k:04}/{session}", {"ct": Path("x")}, person=f"p{k:04}")
        for k in range(count)
        for session in range(sessions)
    ]


def test_the_papers_numbers() -> None:
    synthrad = people(360)
    assert len(select(synthrad, "synthrad2023", "val")) == 62
    assert len(select(synthrad, "synthrad2023", "train")) == 298
    fdg = people(900) + [
        Subject(f"p{k:04}/later", {"ct": Path("x")}, person=f"p{k:04}") for k in range(114)
    ]
    assert len(select(fdg, "fdgpetct", "val")) == 500
    assert len(select(fdg, "fdgpetct", "train")) == 514


def test_a_person_is_never_on_both_sides() -> None:
    subjects = people(40, sessions=2) + people(80)[40:]
    val = {subject.person for subject in select(subjects, "fdgpetct", "val", held_out=31)}
    train = {subject.person for subject in select(subjects, "fdgpetct", "train", held_out=31)}
    assert not val & train
    assert len(val | train) == 80


def test_the_split_is_the_same_everywhere() -> None:
    """Figures of two sites are comparable only while nobody touches this."""
    subjects = people(360)
    names = sorted(hold_out(subjects, 62))
    assert names == sorted(hold_out(subjects[::-1], 62))
    assert hashlib.sha256("".join(names).encode()).hexdigest()[:16] == "d0094dca3dc11352"


def test_too_few_subjects_are_refused() -> None:
    with pytest.raises(InputError, match="--held-out"):
        select(people(40), "synthrad2023", "train")
    with pytest.raises(InputError, match="--held-out"):
        select(people(40, sessions=2), "fdgpetct", "train", held_out=31)
    with pytest.raises(InputError, match="no split of its own"):
        select(people(4), "unifuse", "train")


def test_a_split_file_is_written_once_and_then_obeyed(tmp_path: Path) -> None:
    file = tmp_path / "split.json"
    first = select(people(10), "synthrad2023", "val", file, held_out=3)
    names = json.loads(file.read_text(encoding="utf-8"))
    assert names["val"] == [subject.name for subject in first]
    assert len(names["train"]) == 7
    # more subjects arrive: the sides stay as they are
    assert select(people(20), "synthrad2023", "val", file, held_out=9) == first
    assert len(select(people(20), "synthrad2023", "train", file)) == 7
    file.write_text('{"train": []}')
    with pytest.raises(InputError, match=r"split\.json"):
        select(people(10), "synthrad2023", "val", file)


def test_scans_that_stand_alone_are_subjects_of_their_own(tmp_path: Path) -> None:
    touch(
        tmp_path,
        "ct_headneck_openkbp/kbp101_ct.nii.gz",
        "ct_torso/tsABD_ct.nii",
        "mr_t1_head/sagT1_t1.nii.gz",
        "mr_t1_head/notes.txt",
        "labels/one.nii.gz",
        "ct_pet_mr/A/ct.nii.gz",
    )
    subjects = {s.name: relative(s, tmp_path) for s in find_subjects(tmp_path, "unifuse")}
    assert subjects == {
        "ct_pet_mr/A": {"ct": "ct_pet_mr/A/ct.nii.gz"},
        "ct_headneck_openkbp/kbp101": {"ct": "ct_headneck_openkbp/kbp101_ct.nii.gz"},
        "ct_torso/tsABD": {"ct": "ct_torso/tsABD_ct.nii"},
        "mr_t1_head/sagT1": {"t1": "mr_t1_head/sagT1_t1.nii.gz"},
        "labels/one": {"labels": "labels/one.nii.gz"},
    }
