"""A HiPPO system as the start of a layer: S4 keeps its low-rank part, S4D drops it."""

from __future__ import annotations

import torch

from common.errors import InvalidInputError
from common.kernels.hippo import nplr
from common.nn.modal import ModalBasis, halve


def hippo_basis(
    measure: str,
    n: int,
    *,
    low_rank: bool,
    B_clip: float | None = None,
    halved: bool = True,
) -> ModalBasis:
    """The system of a measure in the unitary eigenvectors of its normal part.

    LegS without its low-rank part has B halved: (A_perp, B_H / 2) is what tends to (A_H, B_H) (S4D,
    theorem 3). A clip is the S4 code's and goes with its whole B, which is not halved there.

    Args:
        measure: one of ``common.kernels.hippo.MEASURES``.
        n: size of the real system.
        low_rank: keep P (S4), or drop it (S4D).
        B_clip: bound on |Im(V* B)|, 2 in the S4 code; the largest entry of LegS is 40.8 for n = 64,
            and what is left of the basis after the clip is no longer the measure's.
        halved: keep one of each conjugate pair.

    Raises:
        InvalidInputError: unknown measure, or a size that it does not have.
    """
    try:
        parts = nplr(measure, n)
    except ValueError as error:
        raise InvalidInputError(f"measure={measure}, state_size={n}: {error}.") from error
    V, B = parts.V, parts.B
    if B_clip is not None:
        modal = V.mH @ B.to(V.dtype)
        B = (V @ torch.complex(modal.real, modal.imag.clamp(-B_clip, B_clip))).real
    elif measure == "legs" and not low_rank:
        B = B / 2
    kept = parts.P if low_rank and len(parts.P) else None
    basis = ModalBasis(parts.lam, V, lambda X: V.mH @ X.to(V.dtype), B, kept)
    return halve(basis) if halved else basis
