"""From continuous time to steps: x' = lam x + b u  becomes  x_k = lam_bar x_{k-1} + scale b u_k."""

import torch
from jaxtyping import Complex, Float
from torch import Tensor

# Below this modulus exp(z) - 1 cancels, so (exp(z) - 1)/z is summed as sum_k z^k/(k + 1)!.
# The first term left out is below 0.5^14/15! = 5e-17: nothing in float64.
_SERIES_RADIUS = 0.5
_SERIES_TERMS = 14


def zoh(
    lam: Complex[Tensor, "*#shape"], step: Float[Tensor, "*#shape"] | float
) -> tuple[Complex[Tensor, "*shape"], Complex[Tensor, "*shape"]]:
    """Zero-order hold: ``lam_bar = exp(lam step)``, ``input_scale = (exp(lam step) - 1)/lam``.

    The second is computed as ``step * phi(lam step)`` with phi(z) = (exp(z) - 1)/z, free of
    cancellation and with finite gradients down to and at lam = 0, where phi(0) = 1. ``B_bar`` is
    ``input_scale[:, None] * B`` (S5, Smith et al. 2023, eq. 6).
    """
    step = _as_step(step, lam)
    z = lam * step
    return torch.exp(z), step * phi(z)


def phi(z: Complex[Tensor, "*shape"]) -> Complex[Tensor, "*shape"]:
    """(exp(z) - 1)/z, continued to phi(0) = 1."""
    small = z.abs().detach() < _SERIES_RADIUS
    # Each branch gets a harmless argument where the other is taken: torch.where would otherwise
    # turn an unused inf into a NaN gradient.
    near = torch.where(small, z, torch.zeros_like(z))
    series = torch.ones_like(z)
    for k in range(_SERIES_TERMS, 1, -1):
        series = 1 + near / k * series
    away = torch.where(small, torch.ones_like(z), z)
    return torch.where(small, series, (torch.exp(away) - 1) / away)


def bilinear(
    lam: Complex[Tensor, "*#shape"], step: Float[Tensor, "*#shape"] | float
) -> tuple[Complex[Tensor, "*shape"], Complex[Tensor, "*shape"]]:
    """Bilinear (Tustin) rule with w = 1/(1 - step lam/2):

    lam_bar = w (1 + step lam/2),   input_scale = w step.
    """
    step = _as_step(step, lam)
    half = lam * step / 2
    weight = 1 / (1 - half)
    return weight * (1 + half), weight * step


def _as_step(step, lam):
    if not isinstance(step, Tensor):
        return torch.as_tensor(step, dtype=lam.real.dtype, device=lam.device)
    if step.is_complex():
        raise ValueError(f"step is {step.dtype}; needed is a real step size")
    return step
