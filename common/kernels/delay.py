"""How well a linear read-out of a state recalls its input some steps ago, in closed form.

The delay experiments of S4D and of "How to Train Your HiPPO" (Gu et al., 2022 and 2023) with the
training taken out. For a stationary input of covariance R the state x = K u (K the impulse
responses, one row a state) and the target u_lag have the covariances

    S = K R K^T,   s = K R e_lag,   E u_lag^2 = R_{lag,lag}

and ridge regression on states scaled to unit variance is a small linear solve.
"""

import torch
from jaxtyping import Complex, Float
from torch import Tensor


def band_limited_covariance(
    length: int, band: float = 1.0, dtype: torch.dtype = torch.float64
) -> Float[Tensor, "{length} {length}"]:
    """``sin(pi band (i-j)) / (pi band (i-j))``: white noise up to ``band`` times the Nyquist
    frequency, of unit variance.

    Raises:
        ValueError: length is below 1, or band not in (0, 1].
    """
    if length < 1 or not 0 < band <= 1:
        raise ValueError(f"length is {length}, band {band}; needed are length >= 1, 0 < band <= 1")
    index = torch.arange(length, dtype=dtype)
    return torch.sinc(band * (index[:, None] - index))


def stationary_delay_error(
    responses: Float[Tensor, "state length"] | Complex[Tensor, "state length"],
    lag: int,
    covariance: Float[Tensor, "length length"],
    ridge: float,
) -> float:
    """RMSE / RMS of the best linear estimate of u_{k-lag} from the state at k.

    Args:
        responses: ``A_bar^l B_bar`` (``common.kernels.dense.impulse_responses``): the state starts
            from zero ``length`` steps ago. Of a complex state, half of a real system's, the real
            and the imaginary part are read.
        lag: in steps, below ``length``.
        covariance: of the input; entry (i, j) belongs to u_{k-i} and u_{k-j}.
        ridge: added to the diagonal of the correlation matrix of the states. States that never
            move are left out.

    Raises:
        ValueError: lag, ridge or a shape is out of range.
    """
    length = responses.shape[1]
    if covariance.shape != (length, length) or not 0 <= lag < length or not ridge >= 0:
        raise ValueError(
            f"covariance has shape {tuple(covariance.shape)}, lag is {lag} and ridge {ridge}; "
            f"needed are ({length}, {length}), 0 <= lag < {length} and ridge >= 0"
        )
    K = torch.cat([responses.real, responses.imag]) if responses.is_complex() else responses
    against_input = K @ covariance
    variance = (against_input * K).sum(1)
    moves = variance > 0
    scale = variance[moves].rsqrt()
    K, against_input = K[moves] * scale[:, None], against_input[moves] * scale[:, None]
    S, s, power = against_input @ K.mT, against_input[:, lag], covariance[lag, lag]
    regularised = S + ridge * torch.eye(len(S), dtype=S.dtype, device=S.device)
    weights = torch.linalg.solve(regularised, s)
    error = power - 2 * weights @ s + weights @ S @ weights
    return float((error / power).clamp(min=0).sqrt())
