"""Which pairs a table, a folder, a BIDS data set or two patterns stand for."""

from __future__ import annotations

from pathlib import Path

import pytest

from UniFuseLib.batch.case import Case, LeftOut, Plan, Task
from UniFuseLib.batch.names import check_name, refuse_collisions
from UniFuseLib.cli import parser
from UniFuseLib.commands.batch import plan_of
from UniFuseLib.commands.batch_options import arguments_of, option_columns
from UniFuseLib.errors import InputError


def touch(*paths: Path) -> None:
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


def plan(*argv: str | Path) -> Plan:
    return plan_of(parser().parse_args(["batch", *map(str, argv), "-o", "out"]))


def names(found: Plan) -> list[str]:
    return [case.name for case in found.cases]


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_a_table_of_any_separator_and_encoding(
    tmp_path: Path, separator: str, encoding: str
) -> None:
    path = tmp_path / "table.txt"
    lines = [
        ["Reference", " Degraded", "name", "align", "age"],
        ["ü/b.nii", "a.nii", "first", "rigid", "60"],
        ["", "", " ", "", ""],
        ["b.nii", '"a' + separator + '2.nii"', "", "", ""],
    ]
    text = "\r\n".join(separator.join(cells) for cells in lines) + "\r\n\r\n"
    path.write_text(text, encoding=encoding)
    found = plan(path, "--refine", "off")
    assert names(found) == ["first", "case002"]
    assert found.cases[0].reference == tmp_path / "ü" / "b.nii"
    assert found.cases[1].degraded == tmp_path / f"a{separator}2.nii"
    assert [case.settings["align"] for case in found.cases] == ["rigid", "deformable"]
    assert {case.settings["refine"] for case in found.cases} == {"off"}
    assert "age" in found.notes[0]


def test_a_row_with_a_fault_is_left_out_and_the_others_stay(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    path.write_text(
        "sep=,\ndegraded,reference,name,align,uncompressed,working_spacing\n"
        "a.nii,b.nii,good,,yes,\na.nii,,no-reference,,,\n"
        "a.nii,b.nii,sideways,sideways,,\na.nii,b.nii,maybe,,perhaps,\na.nii,b.nii,fine,,no,2.5\n",
        encoding="utf-8",
    )
    found = plan(path)
    assert names(found) == ["good", "fine"]
    assert found.cases[0].settings["uncompressed"] is True
    assert found.cases[1].settings["working_spacing"] == 2.5
    sentences = dict(found.left_out)
    assert "line 4: no reference" in sentences["no-reference"]
    assert "--align" in sentences["sideways"]
    assert "expected yes or no" in sentences["maybe"]


def test_every_option_of_fuse_is_one_of_a_case_or_of_the_run() -> None:
    """A new option of `unifuse fuse` must come to `batch_options._add_case_options`, or in here."""
    run = {"degraded", "reference", "output", "overwrite", "json", "dry-run"}
    run |= {"quiet", "progress", "cancel-file", "run"}
    fuse = vars(parser().parse_args(["fuse", "a", "b", "-o", "c"]))
    assert {name.replace("_", "-") for name in fuse} == option_columns() | run


def test_a_task_is_parsed_as_fuse_would_parse_it(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    path.write_text("degraded,reference,align,ct_offset,no-overview\na,b,rigid,-1024,yes\n")
    weights = str(tmp_path / "w.safetensors")
    (case,) = plan(path, "--refine", "3", "--weights", weights).cases
    task = Task("/out", case.name, str(case.degraded), str(case.reference), case.settings, {})
    argv = ["fuse", str(tmp_path / "a"), str(tmp_path / "b"), "-o", "/out/case001", "--quiet"]
    argv += ["--progress", "none", "--align", "rigid", "--ct-offset=-1024", "--no-overview"]
    fuse = vars(parser().parse_args([*argv, "--refine", "3", "--weights", weights]))
    fuse.pop("run")
    assert vars(arguments_of(task)) == fuse


def test_files_that_are_options_start_at_the_table_too(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    path.write_text("degraded,reference,reference mask\na,b,m.nii\n")
    assert plan(path).cases[0].settings["reference_mask"] == str(tmp_path / "m.nii")


def test_weights_are_those_of_the_whole_batch(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    path.write_text("degraded,reference,weights\na,b,w.safetensors\n")
    assert "share their weights" in plan(path).left_out[0].sentence


def test_options_for_two_files_are_given_in_one_cell(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    path.write_text('degraded,reference,frame_group,degraded-rescale\na,b,2;1,"1,-1024"\n')
    settings = plan(path).cases[0].settings
    assert settings["frame_group"] == [2, 1]
    assert settings["degraded_rescale"] == [1.0, -1024.0]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "expected a first row"),
        ("moving,fixed\na,b\n", "expected a first row"),
        ("degraded,reference,degraded\na,b,c\n", "twice"),
        ("degraded,reference\na,b,c\n", "line 2: 3 cells"),
        ('degraded,reference\n"a,b\n', "quotes"),
        ("degraded,reference\n", "No case found"),
        ("degraded,reference,name\na,b,../x\n", "cannot be the name"),
        ("degraded,reference,name\na,b,X\na,b,x\n", "more than one case"),
    ],
)
def test_a_table_that_is_none_is_refused(tmp_path: Path, text: str, sentence: str) -> None:
    path = tmp_path / "table.csv"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=sentence):
        plan(path)


def test_a_binary_file_is_no_table(tmp_path: Path) -> None:
    path = tmp_path / "volume.nii.gz"
    path.write_bytes(b"\x1f\x8b\x08\x00\xff\xfe\x00")
    with pytest.raises(InputError, match="UTF-8"):
        plan(path)


@pytest.mark.parametrize(
    "name",
    [
        *("", ".", "..", "../x", "/etc", "a/b", "a\\b", "C:x", ".hidden", "a.", " a", "a\n"),
        *("NUL.txt", "summary.csv", "Summary.HTML", "x" * 300, "a\u202eb", "a\0"),
    ],
)
def test_a_name_that_could_leave_the_folder_is_refused(name: str) -> None:
    with pytest.raises(InputError, match="cannot be the name"):
        check_name(name, "here")


@pytest.mark.parametrize("name", ["sub-01_ses-2_T2w", "=cmd", "Müller 3", "a.b"])
def test_any_other_name_stays_as_it_is(name: str) -> None:
    assert check_name(name, "here") == name


@pytest.mark.parametrize("other", ["CASE", "case", "Case"])
def test_names_that_one_file_system_confuses_collide(other: str) -> None:
    cases = [Case(name, Path("a"), Path("b")) for name in ("cAse", other)]
    with pytest.raises(InputError, match="more than one"):
        refuse_collisions(Plan(tuple(cases)))


def test_composed_and_decomposed_letters_collide_also_with_rows_left_out() -> None:
    case = Case("M\u00fcller", Path("a"), Path("b"))
    with pytest.raises(InputError, match="more than one"):
        refuse_collisions(Plan((case,), (LeftOut("Mu\u0308ller", "no reference"),)))


def test_a_folder_of_case_folders(tmp_path: Path) -> None:
    touch(*(tmp_path / "one" / f"{role}.nii.gz" for role in ("degraded", "reference")))
    touch(tmp_path / "two" / "degraded" / "1.dcm", tmp_path / "two" / "reference.mha")
    touch(tmp_path / "three" / "degraded.nii")
    found = plan(tmp_path)
    assert names(found) == ["one", "two"]
    assert found.cases[1].degraded == tmp_path / "two" / "degraded"
    assert found.left_out[0].name == "three"


def bids(root: Path, *names: str) -> None:
    for name in names:
        entities = dict(part.split("-") for part in name.split("_")[:-1])
        folders = [f"{key}-{entities[key]}" for key in ("sub", "ses") if key in entities]
        touch(root.joinpath(*folders) / "anat" / f"{name}.nii.gz")


def test_bids_pairs_within_subject_and_session_and_keeps_entities(tmp_path: Path) -> None:
    bids(tmp_path, "sub-01_ses-1_T2w", "sub-01_ses-1_T1w", "sub-01_ses-2_T2w", "sub-02_T1w")
    bids(tmp_path, "sub-02_run-1_T2w", "sub-02_run-2_T2w", "sub-03_T2w")
    bids(tmp_path, "sub-04_acq-a_run-2_T2w", "sub-04_acq-a_T1w", "sub-04_acq-b_T1w")
    touch(tmp_path / "derivatives" / "sub-01" / "sub-01_T2w.nii.gz")
    found = plan("--bids", tmp_path, "--degraded", "*_T2w", "--reference", "*_T1w")
    pairs = {case.name: case.reference.name.split(".")[0] for case in found.cases}
    assert pairs == {
        "sub-01_ses-1_T2w": "sub-01_ses-1_T1w",
        "sub-02_run-1_T2w": "sub-02_T1w",
        "sub-02_run-2_T2w": "sub-02_T1w",
        "sub-04_acq-a_run-2_T2w": "sub-04_acq-a_T1w",
    }
    assert {one.name for one in found.left_out} == {"sub-01_ses-2_T2w", "sub-03_T2w"}


def test_bids_never_guesses_between_references(tmp_path: Path) -> None:
    bids(tmp_path, "sub-01_T2w", "sub-01_run-1_T1w", "sub-01_run-2_T1w")
    found = plan("--bids", tmp_path, "--degraded", "*_T2w", "--reference", "*_T1w")
    assert not found.cases
    assert "several references" in found.left_out[0].sentence


def test_two_suffixes_of_one_bids_name_collide(tmp_path: Path) -> None:
    bids(tmp_path, "sub-01_T2w", "sub-01_T1w")
    touch(tmp_path / "sub-01" / "anat" / "sub-01_T2w.nii")
    with pytest.raises(InputError, match="more than one case"):
        plan("--bids", tmp_path, "--degraded", "*_T2w", "--reference", "*_T1w")


def test_patterns_pair_what_their_wildcards_stand_for(tmp_path: Path) -> None:
    for name in ("a", "b"):
        touch(tmp_path / name / "x1" / "t2.nii", tmp_path / name / "y1" / "t1.nii")
    touch(tmp_path / "c" / "x1" / "t2.nii")
    found = plan(
        "--degraded", tmp_path / "*" / "x[0-9]" / "t2.nii",
        "--reference", tmp_path / "*" / "y[0-9]" / "t1.nii",
    )  # fmt: skip
    assert names(found) == ["a_1", "b_1"]
    assert [case.reference.parts[-3] for case in found.cases] == ["a", "b"]
    assert [one.name for one in found.left_out] == ["c_1"]


def test_patterns_through_any_number_of_folders(tmp_path: Path) -> None:
    touch(tmp_path / "s" / "1" / "t2.nii", tmp_path / "s" / "1" / "t1.nii")
    found = plan("--degraded", tmp_path / "**" / "t2.nii", "--reference", tmp_path / "**/t1.nii")
    assert names(found) == ["s_1"]


@pytest.mark.parametrize("reference", ["*/*/t1.nii", "t1.nii"])
def test_patterns_that_do_not_go_together_are_refused(reference: str) -> None:
    with pytest.raises(InputError, match="as many wildcards"):
        plan("--degraded", "*/t2.nii", "--reference", reference)


def test_one_source_only(tmp_path: Path) -> None:
    for argv in ((), (tmp_path, "--bids", tmp_path), ("--degraded", "*"), ("--bids", tmp_path)):
        with pytest.raises(InputError, match="either TABLE"):
            plan(*argv)
