"""Tables of cases: what is wrong with them is named, and the shipped one is sound."""

from pathlib import Path

import pytest

from Testing.contracts.case_tables import ANATOMY, HEAD, table
from UniFuseLib.errors import InputError
from UniFuseLib.simulation.case_list import read_case_list
from UniFuseLib.simulation.groups import GROUPS, STRESS


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ("a,b,c,mr,1,0-3,,,,,heads,,", "group"),
        ("a,b,c,mr,1,0-3,,,,,,sideways,", "misalignment"),
        ("a,b,c,mr,1,0-3,,,,,,head,cut", "acquisition"),
        ("a,b,c,mr,1,0-3,,,,,slab,stress,slab", "got the stress test"),
        ("a,b,c,mr,1,0-3,,,,,stripped,head,stripped", "degraded_contrast"),
        ("a,b,c,mr,1,3-8,,,,,turned,turned,", "'>15'"),
        ("a,b,c,mr,1,>15,,,,,,,", "upper end"),
    ],
)
def test_bad_groups_are_named(tmp_path: Path, row: str, expected: str) -> None:
    rows, faults = read_case_list(table(tmp_path / "cases.csv", row, head=HEAD + ANATOMY))
    assert not rows
    assert expected in faults[0]


@pytest.mark.parametrize(
    ("head", "row", "expected"),
    [
        ("id,degraded,reference,task,seed", "a,b,c,mr,1", "missing: bin"),
        (HEAD + ",speed", "a,b,c,mr,1,0-3,9", "unknown: speed"),
        (HEAD, "", "no rows"),
    ],
)
def test_unusable_tables_are_refused(tmp_path: Path, head: str, row: str, expected: str) -> None:
    with pytest.raises(InputError, match=expected):
        read_case_list(table(tmp_path / "cases.csv", *([row] if row else []), head=head))


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ("a,b,c,mr,1,0-3,pet_low_dose,", "class"),
        ("a,b,c,mr,1,0-3,,2", "severity"),
        ("a,b,c,mr,-1,0-3,,", "seed"),
        ("a,,c,mr,1,0-3,,", "degraded"),
    ],
)
def test_bad_values_are_named(tmp_path: Path, row: str, expected: str) -> None:
    rows, faults = read_case_list(table(tmp_path / "cases.csv", row, head=HEAD + ",class,severity"))
    assert not rows
    assert len(faults) == 1
    assert expected in faults[0]
    assert "Line 2" in faults[0]


def test_shipped_validation_list_is_sound() -> None:
    """24 degraded cases, 8 per task in all bins, clean ones, synthetic heads, then the groups."""
    everything, faults = read_case_list(Path(__file__).parents[1] / "cases_val.csv")
    assert not faults
    assert len({row.seed for row in everything}) == len({row.id for row in everything}) == 73
    by_group = {name: [row for row in everything if row.group == name] for name in GROUPS}
    assert all(2 <= len(found) <= 6 for name, found in by_group.items() if name != STRESS)
    rows = by_group[STRESS]
    assert rows == everything[:37]
    assert all(row.misalignment == STRESS and not row.acquisition for row in rows)
    real = rows[:24]
    assert all(row.label != "clean" and not row.degraded_contrast for row in real)
    for task in ("mr", "ctmr", "petct"):
        assert (
            sorted(row.bin for row in real if row.task == task)
            == ["0-3"] * 3 + ["3-8"] * 3 + ["8-15"] * 2
        )
    assert sum(row.label == "clean" for row in rows) == 9
    assert sum(bool(row.reference_contrast) for row in rows) == 4
    paths = [path for row in everything for path in (row.degraded, row.reference, row.labels)]
    assert all(path.startswith("val/") for path in paths if path)
