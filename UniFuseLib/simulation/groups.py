"""The groups of cases that tables keep apart: a figure over all hides what one of them meets."""

from __future__ import annotations

STRESS = "stress"
#: column `group` of the case list → title in tables
GROUPS = {
    STRESS: "stress test: 12-parameter misalignment",
    "head-ctmr": "real heads, CT on MR",
    "head-stress": "real heads, CT on MR, stress test",
    "head-mr": "head, MR on MR",
    "limb-ctmr": "limbs, CT on MR",
    "mrct": "MR on CT, heads and limbs",
    "petmr": "limbs, PET on MR",
    "stripped": "stripped brain on whole head, MR on MR",
    "slab": "slab of 8 slices on whole head",
    "thick": "slices of 6 mm",
    "turned": "turned by 30 to 180°, heads",
    "apart": "no initial overlap, heads",
}
