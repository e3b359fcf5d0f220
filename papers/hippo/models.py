"""State spaces whose kernels are orthogonal bases (Gu et al., "How to Train Your HiPPO", 2023).

x' = A x + B u holds the coefficients x_n(t) = int K_n(t - s) u(s) ds of the input's past on the
kernels K(t) = e^{tA} B. For the right (A, B) they are K_n = p_n w with p_n orthonormal under the
weight w: the state is a projection, and sum_n x_n p_n gives the past back.

    legs   e^-t L_n(e^-t)            weight e^-t on [0, inf): Legendre, exponentially warped   S4
           A = -tril(R R^T, -1) - diag(1, 2, ...),  B = R,  R_n = sqrt(2n+1)
    legt   (R_n/2) P_n(1 - t)        window [0, 2]: Legendre, Pade approximants of a delay
           A = -(R_n R_k/2) (1 for k <= n, (-1)^(n-k) above),  B = R/2
    fout   cos, sin(pi n t)/sqrt2    window [0, 2]: truncated Fourier                         new
           A = rotations by pi n - B B^T,  B = 1, 0, sqrt2, 0, sqrt2, ...
    lagt   e^-t/2 L_n(t)             uniform weight: not the decaying one it was meant for
           A = I/2 - tril(1),  B = 1                     (code: common/kernels/hippo)

Running the system with step Delta stretches time by 1/Delta: legs remembers about 1/Delta steps,
the windows end after exactly 2/Delta. A layer is a measure in the unitary basis of its normal
part, its low-rank part kept; ``hippo`` gives half of the copies to legs and half to fout.
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from omegaconf import DictConfig
from torch import Tensor, nn

from common.data.sequence import SequenceData
from common.errors import InvalidInputError
from common.kernels.dense import dense_bilinear, dense_zoh, impulse_responses
from common.kernels.hippo import MEASURES, nplr, system
from common.nn.hippo_basis import hippo_basis
from common.nn.modal import ModalBasis, diagonal_basis, halve
from common.nn.s4 import S4
from common.nn.s4_model import s4_classifier

COMBINATIONS = {"hippo": ("legs", "fout")}
REAL = "s4d_real"  # S4D-Real, the baseline without oscillation: A = -diag(1, ..., n), B = 1
SYSTEMS = (*MEASURES, REAL)
DISCRETISATIONS = {"zoh": dense_zoh, "bilinear": dense_bilinear}


def bases(
    name: str,
    n: int,
    *,
    low_rank: bool = True,
    B_clip: float | None = None,
    halved: bool = True,
) -> tuple[ModalBasis, ...]:
    """The systems that the copies of a layer start from, evenly divided among them.

    Args:
        name: a measure, or ``hippo`` for legs and fout.
        n: size of the real system.
        low_rank: keep P; without it the system is diagonal and, but for legs in the limit, another
            one: dropping fout's rank-one term leaves waves that never end.
        B_clip: bound on the imaginary part of V* B, 2 in the S4 code.
        halved: keep one of each conjugate pair.

    Raises:
        InvalidInputError: unknown name, or a size that cannot be had.
    """
    if name not in (*MEASURES, *COMBINATIONS):
        allowed = ", ".join((*MEASURES, *COMBINATIONS, "real", "random"))
        raise InvalidInputError(f"initialiser={name!r}; allowed: {allowed}.")
    return tuple(
        hippo_basis(measure, n, low_rank=low_rank, B_clip=B_clip, halved=halved)
        for measure in COMBINATIONS.get(name, (name,))
    )


def dense_system(name: str, n: int) -> tuple[Float[Tensor, "{n} {n}"], Float[Tensor, " {n}"]]:
    """``(A, B)`` of a measure or of S4D-Real, float64.

    Raises:
        InvalidInputError: unknown name, or a size that cannot be had.
    """
    if name == REAL and n >= 1:
        decay = torch.arange(1, n + 1, dtype=torch.float64)
        return -torch.diag(decay), torch.ones(n, dtype=torch.float64)
    if name not in SYSTEMS:
        raise InvalidInputError(f"system={name!r}; allowed: {', '.join(SYSTEMS)}.")
    try:
        return system(name, n)
    except ValueError as error:
        raise InvalidInputError(f"system={name}, n={n}: {error}.") from error


def build(model: DictConfig, data: SequenceData) -> nn.Module:
    """The classifier that the configuration describes; the baselines ``real`` (S4D-Real) and
    ``random`` have no measure.

    Raises:
        InvalidInputError: an option is unknown or does not go with the initialiser.
    """
    if model.initialiser == "random":
        return s4_classifier(model, data, (random_basis(model.state_size),))
    if model.initialiser == "real":
        if model.low_rank or model.B_clip is not None:
            raise InvalidInputError("initialiser=real has neither a low-rank part nor a B to clip.")
        starts = (real_basis(model.state_size // 2),)
    else:
        starts = bases(
            model.initialiser, model.state_size, low_rank=model.low_rank, B_clip=model.B_clip
        )
    return s4_classifier(model, data, starts)


def random_basis(n: int) -> ModalBasis:
    """A stable system without a meaning: ``A = -I/2 + G - G^T - p p^T`` with Gaussian G, p and B.

    p and B have the norms of LegS', G - G^T its spectral norm.

    Raises:
        InvalidInputError: n is odd, so that its modes are not conjugate pairs.
    """
    if n < 2 or n % 2:
        raise InvalidInputError(f"state_size={n}; needed is an even number: pairs are stored.")
    legs = nplr("legs", n)
    G = torch.randn(n, n, dtype=torch.float64)
    skew = G - G.mT
    skew *= legs.lam.imag.abs().max() / torch.linalg.matrix_norm(skew, 2)
    p, B = torch.randn(2, n, dtype=torch.float64)
    p *= torch.linalg.vector_norm(legs.P) / torch.linalg.vector_norm(p)
    B *= torch.linalg.vector_norm(legs.B) / torch.linalg.vector_norm(B)
    w, V = torch.linalg.eigh(-1j * skew)
    lam = torch.complex(torch.full_like(w, -0.5), w)
    return halve(ModalBasis(lam, V, lambda X: V.mH @ X.to(V.dtype), B, p[None]))


def real_basis(modes: int) -> ModalBasis:
    """S4D-Real: eigenvalues -1, ..., -modes, B = 1.

    Raises:
        InvalidInputError: there is no mode.
    """
    A, B = dense_system(REAL, modes)
    return diagonal_basis(A.diagonal(), B)


def single_layer(name: str, n: int, d_model: int, step: float) -> S4:
    """One causal S4 layer whose copies start from the same system and the same step; all trained.

    S4D-Real is diagonal, with n real modes where the others have n/2 complex ones.

    Raises:
        InvalidInputError: unknown name, or a size that cannot be had.
    """
    starts = (real_basis(n),) if name == REAL else bases(name, n)
    return S4(
        starts,
        d_model,
        bidirectional=False,
        dt_min=step,
        dt_max=step,
        n_ssm=d_model,
        input_matrix="trained",
    )


def state_responses(
    name: str, n: int, step: float, length: int, discretisation: str = "zoh"
) -> Float[Tensor, "{n} {length}"]:
    """``A_bar^l B_bar`` for l < length: how the frozen state sees the input of l steps ago.

    Raises:
        InvalidInputError: an option is out of range.
    """
    if discretisation not in DISCRETISATIONS:
        raise InvalidInputError(
            f"discretisation={discretisation!r}; allowed: {', '.join(DISCRETISATIONS)}."
        )
    if not step > 0 or length < 1:
        raise InvalidInputError(f"step={step} and length={length} must be positive.")
    A, B = dense_system(name, n)
    return impulse_responses(*DISCRETISATIONS[discretisation](A, B, step), length)
