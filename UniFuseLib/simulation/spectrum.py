"""A 120 kVp spectrum and the attenuation of what lies in its way, in 20 bins of 5 keV.

Origin: spectrum from spekpy 2.5.4 (Poludniowski et al. 2021, doi 10.1002/mp.14945), tungsten anode
at 12°, 3.5 mm Al, weighted with the photon's energy (an energy-integrating detector). Attenuation
from xraydb 4.5.8 (Elam et al. 2002, doi 10.1016/S0969-806X(01)00227-4), averaged over each bin with
the spectrum: water 1.00, cortical bone of ICRU-44 1.92, titanium 4.506, iron 7.874, gold 19.3
g/cm³.
"""

from __future__ import annotations

from typing import Literal

import numpy as np

Metal = Literal["titanium", "iron", "gold"]

# centre of the bin (keV), share of the detected signal,
# then μ (1/mm) of water, bone, titanium, iron, gold
_TABLE = np.array(
    [
        [22.5, 0.00790096, 0.0596617, 0.518832, 4.77082, 13.5961, 105.228],
        [27.5, 0.0252535, 0.0425242, 0.315114, 2.81594, 8.07777, 65.2747],
        [32.5, 0.044687, 0.0335878, 0.207936, 1.77766, 5.11248, 42.885],
        [37.5, 0.0598451, 0.0285574, 0.14807, 1.19474, 3.43134, 29.6645],
        [42.5, 0.069285, 0.0254879, 0.11239, 0.847202, 2.42052, 21.4412],
        [47.5, 0.0739633, 0.023473, 0.0898618, 0.628306, 1.78019, 16.0565],
        [52.5, 0.0751997, 0.0220638, 0.0749136, 0.483705, 1.35609, 12.3829],
        [57.5, 0.148283, 0.0209119, 0.0634994, 0.374218, 1.03429, 9.51487],
        [62.5, 0.0714311, 0.020219, 0.0571442, 0.314037, 0.856893, 7.8953],
        [67.5, 0.0922391, 0.0195709, 0.0516343, 0.262606, 0.704975, 6.48094],
        [72.5, 0.0546813, 0.0190339, 0.0474581, 0.224323, 0.591819, 5.40835],
        [77.5, 0.0516253, 0.0185761, 0.0442014, 0.195059, 0.505395, 4.57534],
        [82.5, 0.047799, 0.0181772, 0.0416077, 0.172269, 0.438237, 14.9154],
        [87.5, 0.0433217, 0.0178232, 0.0395007, 0.154218, 0.385187, 14.0199],
        [92.5, 0.0382861, 0.0175045, 0.0377596, 0.139717, 0.342696, 12.17],
        [97.5, 0.03272, 0.0172141, 0.0362981, 0.127917, 0.308219, 10.6471],
        [102.5, 0.0266117, 0.0169471, 0.0350546, 0.118209, 0.279939, 9.3817],
        [107.5, 0.0198929, 0.0167, 0.0339848, 0.110148, 0.256536, 8.32252],
        [112.5, 0.0124933, 0.0164715, 0.0330602, 0.10343, 0.237113, 7.4348],
        [117.5, 0.00448157, 0.0162735, 0.0323052, 0.0981347, 0.22187, 6.73255],
    ]
)

WEIGHT = _TABLE[:, 1] / _TABLE[:, 1].sum()
MU_WATER, MU_BONE = _TABLE[:, 2], _TABLE[:, 3]
#: 1/mm, of the detected signal before anything is in its way
MEAN_MU_WATER = float((WEIGHT * MU_WATER).sum())
MU_METAL: dict[Metal, np.ndarray] = {
    "titanium": _TABLE[:, 4],
    "iron": _TABLE[:, 5],
    "gold": _TABLE[:, 6],
}
