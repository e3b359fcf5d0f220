"""Transfer functions of linear systems, their sup norm, and closed forms for HiPPO-LegS.

    x' = A x + B u,  y = C x + D u :      G(s) = C (sI - A)^{-1} B + D

sup_w |G(iw)| is the operator norm of the system from L2 to L2 and does not depend on the basis of
the state. Frequencies are flat tensors (F,); B and C may be vectors (one input or output) or
matrices, and G is then (F,), (F, outputs), (F, inputs) or (F, outputs, inputs).
"""

import math
from collections.abc import Callable

import torch
from jaxtyping import Complex, Float
from scipy.optimize import brentq
from torch import Tensor

from common.kernels.discretise import zoh

# Dense solves are done in blocks of this many matrix entries: 64 MB in complex128.
_ENTRIES = 2**22


def transfer_function(
    A: Float[Tensor, "n n"] | Complex[Tensor, "n n"],
    B: Float[Tensor, "n *inputs"] | Complex[Tensor, "n *inputs"],
    C: Float[Tensor, "*outputs n"] | Complex[Tensor, "*outputs n"],
    D: Float[Tensor, "*feed"] | Complex[Tensor, "*feed"] | float,
    s: Complex[Tensor, " frequency"],
) -> Complex[Tensor, "frequency ..."]:
    """``G(s) = C (sI - A)^{-1} B + D`` by a dense solve at every frequency; A need not be
    diagonalisable, which is the point for HiPPO."""
    if A.ndim != 2 or A.shape[0] != A.shape[1]:
        raise ValueError(f"A has shape {tuple(A.shape)}; needed is a square matrix")
    _check_ports(A.shape[0], B, C)
    return _resolvent_response(A, B, C, s, torch.ones_like(s)) + D


def transfer_function_diagonal(
    lam: Complex[Tensor, " n"],
    B: Complex[Tensor, "n *inputs"],
    C: Complex[Tensor, "*outputs n"],
    D: Float[Tensor, "*feed"] | Complex[Tensor, "*feed"] | float,
    s: Complex[Tensor, " frequency"],
) -> Complex[Tensor, "frequency ..."]:
    """``G(s) = C diag(1/(s - lam)) B + D``."""
    _check_ports(lam.shape[0], B, C)
    return _diagonal_response(1 / (s[:, None] - lam), B, C) + D


def zoh_transfer_function(
    A: Float[Tensor, "n n"] | Complex[Tensor, "n n"],
    B: Float[Tensor, "n *inputs"] | Complex[Tensor, "n *inputs"],
    C: Float[Tensor, "*outputs n"] | Complex[Tensor, "*outputs n"],
    D: Float[Tensor, "*feed"] | Complex[Tensor, "*feed"] | float,
    step: float,
    theta: Float[Tensor, " frequency"],
) -> Complex[Tensor, "frequency ..."]:
    """Discrete-time transfer function at ``z = exp(i theta)`` after a zero-order hold.

        x_k = A_bar x_{k-1} + B_bar u_k :     G(z) = C z (zI - A_bar)^{-1} B_bar + D

    The factor z is there because y_k sees u_k, as in S4 and S5. ``A_bar`` and ``B_bar`` come from
    one exponential of the augmented matrix [[A, B], [0, 0]], so A may be singular.
    """
    n = A.shape[0]
    _check_ports(n, B, C)
    columns = B.reshape(n, -1).to(torch.promote_types(A.dtype, B.dtype))
    augmented = torch.cat([A.to(columns.dtype), columns], 1)
    augmented = torch.nn.functional.pad(augmented, (0, 0, 0, columns.shape[1]))
    exponential = torch.linalg.matrix_exp(step * augmented)
    A_bar, B_bar = exponential[:n, :n], exponential[:n, n:].reshape(B.shape)
    z = torch.polar(torch.ones_like(theta), theta)
    return _resolvent_response(A_bar, B_bar, C, z, z) + D


def zoh_transfer_function_diagonal(
    lam: Complex[Tensor, " n"],
    B: Complex[Tensor, "n *inputs"],
    C: Complex[Tensor, "*outputs n"],
    D: Float[Tensor, "*feed"] | Complex[Tensor, "*feed"] | float,
    step: float | Float[Tensor, " n"],
    theta: Float[Tensor, " frequency"],
) -> Complex[Tensor, "frequency ..."]:
    """:func:`zoh_transfer_function` of a diagonal system: ``C diag(z/(z - lam_bar)) B_bar + D``."""
    _check_ports(lam.shape[0], B, C)
    step = torch.as_tensor(step, dtype=lam.real.dtype, device=lam.device)
    lam_bar, scale = zoh(lam, step)
    z = torch.polar(torch.ones_like(theta), theta)[:, None]
    return _diagonal_response(scale * z / (z - lam_bar), B, C) + D


def _resolvent_response(A, B, C, s, numerator):
    n = A.shape[0]
    dtype = torch.promote_types(A.dtype, s.dtype)
    columns = B.reshape(n, -1).to(dtype)
    rows = C.reshape(-1, n).to(dtype)
    identity = torch.eye(n, dtype=dtype, device=A.device)
    parts = []
    for part in s.split(max(1, _ENTRIES // (n * n))):
        shifted = part[:, None, None] * identity - A
        parts.append(rows @ torch.linalg.solve(shifted, columns))
    response = torch.cat(parts) * numerator[:, None, None]
    return response.reshape(len(s), *C.shape[:-1], *B.shape[1:])


def _diagonal_response(gains, B, C):
    n = gains.shape[1]
    rows = C.reshape(-1, n).to(gains.dtype)
    columns = B.reshape(n, -1).to(gains.dtype)
    response = (rows * gains[:, None]) @ columns
    return response.reshape(len(gains), *C.shape[:-1], *B.shape[1:])


def _check_ports(n, B, C):
    if B.ndim not in (1, 2) or B.shape[0] != n:
        raise ValueError(f"B has shape {tuple(B.shape)}; needed is ({n},) or ({n}, inputs)")
    if C.ndim not in (1, 2) or C.shape[-1] != n:
        raise ValueError(f"C has shape {tuple(C.shape)}; needed is ({n},) or (outputs, {n})")


def frequency_grid(
    n: int, points: int = 1500, device: torch.device | str | None = None
) -> Float[Tensor, " frequency"]:
    """0 and ``points`` frequencies log-spaced in [1e-3, 20 n^2]: LegS of size n resonates at most
    at about n^2/pi, so everything happens inside."""
    spaced = torch.logspace(-3, math.log10(20 * n * n), points, dtype=torch.float64, device=device)
    return torch.cat([spaced.new_zeros(1), spaced])


def sup_norm(
    function: Callable[[Complex[Tensor, " frequency"]], Tensor],
    frequencies: Float[Tensor, " frequency"],
    *,
    refine: int = 8,
) -> tuple[float, float]:
    """``(sup, w)``: the largest modulus of ``function(i w)`` and where it is attained.

    ``function`` maps a flat tensor of points s = i w to values of the same leading size; matrices
    are measured by their spectral norm. Resonances of HiPPO systems are narrower than any grid one
    can afford (for n = 16 the default grid reads 0.541 where the sup is 0.639), so the ``refine``
    largest local maxima of the ascending grid are searched again between their neighbours until
    the bracket has shrunk by 1e9.

    The response of a real system is conjugate-symmetric and w >= 0 is enough; give a two-sided grid
    for a complex one.
    """
    if frequencies.ndim != 1 or len(frequencies) < 3 or (frequencies.diff() <= 0).any():
        raise ValueError(
            f"frequencies have shape {tuple(frequencies.shape)}; needed are at least 3, ascending"
        )

    def modulus(w):
        value = function(torch.complex(torch.zeros_like(w), w).flatten())
        size = value.abs() if value.ndim == 1 else torch.linalg.matrix_norm(value, 2)
        return size.reshape(w.shape)

    height = modulus(frequencies)
    padded = torch.nn.functional.pad(height, (1, 1), value=-math.inf)
    is_peak = (height >= padded[:-2]) & (height >= padded[2:])
    peaks = torch.where(is_peak)[0]
    peaks = peaks[height[peaks].argsort(descending=True)[:refine]]
    low = frequencies[(peaks - 1).clamp(min=0)]
    high = frequencies[(peaks + 1).clamp(max=len(frequencies) - 1)]
    fractions = torch.linspace(0, 1, 21, dtype=frequencies.dtype, device=frequencies.device)
    for _ in range(9):  # the bracket shrinks tenfold a round
        w = low[:, None] + (high - low)[:, None] * fractions
        height = modulus(w)
        best = height.argmax(1)
        rows = torch.arange(len(w), device=w.device)
        low, high = w[rows, (best - 1).clamp(min=0)], w[rows, (best + 1).clamp(max=20)]
    peak = height.flatten().argmax()
    return height.flatten()[peak].item(), w.flatten()[peak].item()


def lemma1_ratio(s: Complex[Tensor, "*shape"], n: int) -> Complex[Tensor, "*shape"]:
    """``r_n(s) = prod_{j=1..n} (s - j + 1)/(s + j)``, for which every C satisfies

        G_DPLR(s) - G_Diag(s) = G_Diag(s) r_n(s)

    where DPLR is ``(A_H, B_H, C)`` and Diag ``(A_perp, B_H/2, C)`` (Yu et al. 2024, Lemma 1, in
    product form).

    Why. Let B = B_H, R = (sI - A_perp)^{-1} and g = B^T R B, and recall A_H = A_perp - B B^T/2.

    1. Woodbury: (sI - A_perp + B B^T/2)^{-1} B = R B/(1 + g/2). Hence G_DPLR = C R B/(1 + g/2),
       while G_Diag = C R B/2. Their difference over G_Diag is (1 - g/2)/(1 + g/2).
    2. The matrix determinant lemma turns both factors into determinants over det(sI - A_perp):
       1 + g/2 belongs to sI - A_perp + B B^T/2 = sI - A_H, and 1 - g/2 belongs to
       sI - A_perp - B B^T/2 = sI - (A_H + B B^T).
    3. A_H is lower triangular with diagonal -1, ..., -n: det(sI - A_H) = prod (s + j). And
       A_H + A_H^T + B B^T = -I makes the other one det((s + 1) I + A_H^T) = prod (s + 1 - j).

    So r_n(0) = 0 (both systems agree at rest), and on the imaginary axis |r_n(iw)| =
    |w|/sqrt(w^2 + n^2) tends to 1: the two never come together uniformly.
    """
    _check_order(n)
    j = torch.arange(1, n + 1, dtype=torch.float64, device=s.device)
    return ((s[..., None] - j + 1) / (s[..., None] + j)).prod(-1)


def spike_frequency(n: int, k: int = 0) -> float:
    """The k-th resonance of ``(A_perp, B_H/2)`` counted from the highest frequency down.

    G_Diag = G_DPLR/(1 + r_n) peaks where r_n(iw) comes closest to -1, that is at phase
    ``phi(w) = sum_{j=1..n} [atan((j - 1)/w) + atan(j/w)] = (2k + 1) pi``. For large n that is
    ``n^2/((2k + 1) pi) - (2k + 1) pi/6``. phi falls from (n - 1/2) pi at 0 to 0.
    """
    _check_order(n)
    if k < 0 or 2 * k + 1 >= n - 0.5:
        raise ValueError(
            f"k is {k}; a system of size {n} has spikes for 0 <= k with 2k + 1 < n - 1/2"
        )

    def excess(log_w):
        w = math.exp(log_w)
        phase = sum(math.atan2(j - 1, w) + math.atan2(j, w) for j in range(1, n + 1))
        return phase - (2 * k + 1) * math.pi

    # phi(n^2) < sum (2j - 1)/n^2 = 1 < pi bounds the root from above.
    return math.exp(brentq(excess, math.log(1e-9), 2 * math.log(n), xtol=1e-15, rtol=1e-14))


def _check_order(n):
    if n < 1:
        raise ValueError(f"n is {n}; needed is a size of at least 1")
