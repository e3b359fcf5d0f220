"""HiPPO systems by the name of their measure."""

from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor

from common.kernels.hippo.fourier import fourier2, fourier_decay, fourier_diag, fout, fout_low_rank
from common.kernels.hippo.laguerre import glagt, lagt, lagt_low_rank
from common.kernels.hippo.legs import legs, legs_low_rank
from common.kernels.hippo.legt import legt, legt_low_rank


def _nothing(n: int) -> Float[Tensor, "0 {n}"]:
    return torch.zeros(0, n, dtype=torch.float64)


_SYSTEMS: dict[str, tuple[Callable, Callable]] = {
    "legs": (legs, lambda n: legs_low_rank(n)[None]),
    "legt": (legt, legt_low_rank),
    "lagt": (lagt, lagt_low_rank),
    "glagt": (glagt, lagt_low_rank),
    "fout": (fout, fout_low_rank),
    "fourier2": (fourier2, lambda n: 2**0.5 * fout_low_rank(n)),
    "fourier_decay": (fourier_decay, lambda n: 0.5**0.5 * fout_low_rank(n)),
    "fourier_diag": (fourier_diag, _nothing),
}
MEASURES = tuple(_SYSTEMS)
FOURIER = ("fout", "fourier2", "fourier_decay", "fourier_diag")


def system(measure: str, n: int) -> tuple[Float[Tensor, "{n} {n}"], Float[Tensor, " {n}"]]:
    """``(A, B)`` of a measure in float64; parameters of the measure at their defaults.

    Raises:
        ValueError: the measure is unknown, n below 1, or n odd for a Fourier measure.
    """
    return _lookup(measure)[0](n)


def low_rank(measure: str, n: int) -> Float[Tensor, "rank {n}"]:
    """Real P in float64, A = normal - P^T P: rank 2 for ``legt``, 0 for ``fourier_diag``, else 1.

    The normal part is skew-symmetric but for a multiple of the identity.

    Raises:
        ValueError: as :func:`system`.
    """
    system(measure, n)
    return _lookup(measure)[1](n)


def _lookup(measure):
    if measure not in _SYSTEMS:
        raise ValueError(f"measure is {measure!r}; allowed: {', '.join(MEASURES)}")
    return _SYSTEMS[measure]
