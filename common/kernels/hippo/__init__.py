"""HiPPO matrices: state spaces x' = A x + B u whose kernels e^{tA} B are orthogonal bases.

Gu et al., "HiPPO" (2020), "S4" (2022) and "How to Train Your HiPPO" (2023). One family a module,
all in float64, indices from 0; :func:`system` finds them by name and :func:`nplr` diagonalises.
"""

from common.kernels.hippo.fourier import fourier2, fourier_decay, fourier_diag, fout
from common.kernels.hippo.laguerre import glagt, lagt
from common.kernels.hippo.legs import diagonalise_normal, legs, legs_low_rank, legs_normal
from common.kernels.hippo.legt import delay_readout, legt
from common.kernels.hippo.measures import MEASURES, low_rank, system
from common.kernels.hippo.nplr import NPLR, nplr

__all__ = [
    "MEASURES",
    "NPLR",
    "delay_readout",
    "diagonalise_normal",
    "fourier2",
    "fourier_decay",
    "fourier_diag",
    "fout",
    "glagt",
    "lagt",
    "legs",
    "legs_low_rank",
    "legs_normal",
    "legt",
    "low_rank",
    "nplr",
    "system",
]
