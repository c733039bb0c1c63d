"""What is fused with what, and how far apart: the tasks and the bins of simulated cases."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from UniFuseLib.degradation import DegradationClass


class Task(NamedTuple):
    """What is fused with what."""

    degraded: str  # modality
    reference: str  # modality
    degradation: DegradationClass
    title: str


TASKS: dict[str, Task] = {
    "mr": Task("mr", "mr", "mr_motion", "MR on MR"),
    "ctmr": Task("ct", "mr", "ct_metal_noise", "CT on MR"),
    "petct": Task("pet", "ct", "pet_low_dose", "PET on CT"),
    "mrct": Task("mr", "ct", "mr_motion", "MR on CT"),
    "petmr": Task("pet", "mr", "pet_low_dose", "PET on MR"),
}
#: those of the paper
PAPER_TASKS = ("mr", "ctmr", "petct")
#: misalignment bin: mean displacement inside the body, mm
BINS: dict[str, tuple[float, float]] = {
    "0-3": (0.0, 3.0),
    "3-8": (3.0, 8.0),
    "8-15": (8.0, 15.0),
    ">15": (15.0, math.inf),
}
