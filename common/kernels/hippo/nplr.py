"""Normal plus low rank: a HiPPO system in the unitary eigenvectors of its normal part.

Gu et al., "S4" (2022), theorem 1:  A = V (diag(lam) - (V* P^T)(V* P^T)*) V*.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Complex, Float
from torch import Tensor

from common.kernels.hippo.fourier import rotation_modes
from common.kernels.hippo.measures import FOURIER, low_rank, system


@dataclass(frozen=True)
class NPLR:
    """``A = V diag(lam) V* - P^T P``; P and B stay in the original basis.

    Attributes:
        lam: complex128, one constant real part; conjugate-symmetric to the last bit,
            ``lam[k] = conj(lam[n-1-k])``, imaginary parts ascending.
        V: complex128, unitary, ``V[:, k] = conj(V[:, n-1-k])``.
        P: float64.
        B: float64.
    """

    lam: Complex[Tensor, " n"]
    V: Complex[Tensor, "n n"]
    P: Float[Tensor, "rank n"]
    B: Float[Tensor, " n"]


def nplr(measure: str, n: int) -> NPLR:
    """The decomposition of ``system(measure, n)``.

    -i times the skew part is Hermitian, so its solver gives real frequencies and orthonormal V to
    working precision; float64, since in float32 it fails from n = 256 on. The solver knows nothing
    of the conjugate symmetry: the second half is built from the first. Fourier measures, whose
    eigenvalue 0 is double, are diagonalised by hand.

    Raises:
        ValueError: the measure is unknown, n below 1, or n odd for a Fourier measure.
    """
    A, B = system(measure, n)
    P = low_rank(measure, n)
    normal = A + P.mT @ P
    decay = normal.diagonal().mean()
    if measure in FOURIER:
        w, V = rotation_modes(n)
        if measure in ("fourier2", "fourier_diag"):
            w = 2 * w
    else:
        w, V = _conjugate_pairs(normal - decay * torch.eye(n, dtype=torch.float64))
    return NPLR(torch.complex(decay.expand(n).clone(), w), V, P, B)


def _conjugate_pairs(skew):
    """``skew = V diag(i w) V*``, both symmetric under conjugation."""
    n = len(skew)
    w, V = torch.linalg.eigh(-1j * skew)
    half, middle = V[:, : n // 2], V[:, n // 2 : n - n // 2]
    if n % 2:  # the null vector of a real matrix is real up to its phase
        middle = middle * middle[middle.abs().argmax()].conj().sgn()
        middle = middle.real.to(V.dtype)
        middle = middle / torch.linalg.vector_norm(middle)
    return (w - w.flip(0)) / 2, torch.cat([half, middle, half.conj().flip(1)], dim=1)
