"""Linear systems with a dense state matrix: one step of them, and their impulse responses."""

import torch
from jaxtyping import Complex, Float
from scipy.linalg import expm
from torch import Tensor


def dense_zoh(
    A: Float[Tensor, "n n"], B: Float[Tensor, " n"], step: float
) -> tuple[Float[Tensor, "n n"], Float[Tensor, " n"]]:
    """Zero-order hold, exact for an input that is constant over each step.

    ``A_bar = exp(step A)`` and ``B_bar = int_0^step exp(s A) B ds`` come from one exponential of
    the augmented matrix [[A, B], [0, 0]], so A may be singular. It is SciPy's: that of torch 2.13
    is off by 1e-10 in float64 where the norm of step A is small, and this is a reference: it runs
    on the CPU and has no gradient.

    Raises:
        ValueError: shapes do not fit, or a gradient is asked for.
    """
    if A.requires_grad or B.requires_grad:
        raise ValueError("A and B require a gradient, which this reference has not; detach them")
    n = _checked(A, B)
    augmented = torch.nn.functional.pad(torch.cat([A, B[:, None]], 1), (0, 0, 0, 1))
    exponential = torch.from_numpy(expm((step * augmented).numpy(force=True))).to(augmented)
    return exponential[:n, :n], exponential[:n, n]


def dense_bilinear(
    A: Float[Tensor, "n n"], B: Float[Tensor, " n"], step: float
) -> tuple[Float[Tensor, "n n"], Float[Tensor, " n"]]:
    """Tustin's rule, that of S4: ``A_bar = (I - step A/2)^{-1} (I + step A/2)``, ``B_bar = (I -
    step A/2)^{-1} step B``. A delay of a high frequency is not what it was: tan warps the axis."""
    n = _checked(A, B)
    identity = torch.eye(n, dtype=A.dtype, device=A.device)
    left = identity - step / 2 * A
    return torch.linalg.solve(left, identity + step / 2 * A), torch.linalg.solve(left, step * B)


def impulse_responses(
    A_bar: Float[Tensor, "n *n"] | Complex[Tensor, "n *n"],
    B_bar: Float[Tensor, " n"] | Complex[Tensor, " n"],
    length: int,
) -> Float[Tensor, "n {length}"] | Complex[Tensor, "n {length}"]:
    """``A_bar^l B_bar`` for l < length, one row a state, as x_k sees u_{k-l}.

    ``A_bar`` is (n, n), or (n,) for a diagonal. The block of what is known is doubled: log2(length)
    products instead of ``length``.

    Raises:
        ValueError: length is below 1, or the shapes do not go together.
    """
    if length < 1:
        raise ValueError(f"length is {length}; needed is at least 1")
    if A_bar.ndim == 1:
        if B_bar.shape != A_bar.shape:
            raise ValueError(f"B_bar has shape {tuple(B_bar.shape)}; needed is {A_bar.shape[0]}")
        return B_bar[:, None] * A_bar[:, None] ** torch.arange(length, device=A_bar.device)
    _checked(A_bar, B_bar)
    responses, power = B_bar[:, None], A_bar
    while responses.shape[1] < length:
        responses = torch.cat([responses, power @ responses], 1)
        if responses.shape[1] < length:
            power = power @ power
    return responses[:, :length]


def _checked(A, B):
    n = A.shape[0]
    if A.shape != (n, n) or B.shape != (n,):
        raise ValueError(
            f"A has shape {tuple(A.shape)} and B {tuple(B.shape)}; needed are (n, n) and (n,)"
        )
    return n
