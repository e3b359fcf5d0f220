"""The S4D layer: one diagonal state space a channel, by FFT or by blocks of time.

    y[t] = sum_i K[i] u[t - i]  +  sum_i K_rev[i] u[t + 1 + i],
    K[h, l] = 2 Re sum_k weights[h, k] exp(lam_step[h, k] l)

(Gu et al. 2022). The convolution costs O(L log L) a channel and sequence and does not depend on the
state size once the kernel is there; the scan costs O(L (T + state)) with blocks of T steps.
"""

import math

import torch
from jaxtyping import Complex, Float
from torch import Tensor

from common.kernels.convolution import fft_convolve
from common.kernels.s4d_blocks import s4d_blocks
from common.kernels.vandermonde import vandermonde_kernel

MODES = ("auto", "convolution", "scan")
_SHORT_BLOCK, _LONG_BLOCK = 32, 64


def s4d_apply(
    u: Float[Tensor, "batch length channel"],
    weights: Complex[Tensor, "channel state"],
    lam_step: Complex[Tensor, "channel state"],
    *,
    reverse_weights: Complex[Tensor, "channel state"] | None = None,
    mode: str = "auto",
) -> Float[Tensor, "batch length channel"]:
    """y above.

    Args:
        u: real input; half precision is computed in float32.
        weights: ``C * B * (exp(step lam) - 1)/lam`` under the zero-order hold.
        lam_step: ``step * lam``, one of each conjugate pair.
        reverse_weights: those of K_rev, whose first tap weighs the NEXT input (the convention of
            :func:`common.kernels.convolution.fft_convolve`); it shares ``lam_step``.
        mode: ``convolution``, ``scan``, or ``auto``: see :func:`faster_mode`.

    Memory beyond inputs, outputs and gradients does not grow with batch x length x channel in the
    scan. Differentiable once.

    Raises:
        ValueError: shapes, dtypes or mode do not fit.
    """
    _check(u, weights, lam_step, reverse_weights, mode)
    if mode == "auto":
        mode = faster_mode(*u.shape[:2], weights.shape[1], reverse_weights is not None)
    dtype = torch.promote_types(weights.dtype, lam_step.dtype)
    dtype = torch.promote_types(torch.promote_types(dtype, u.dtype), torch.complex64)
    weights, lam_step = weights.to(dtype), lam_step.to(dtype)
    u = u.to(weights.real.dtype)
    if reverse_weights is not None:
        reverse_weights = reverse_weights.to(dtype)
    if mode == "scan":
        return _by_blocks(u, weights, lam_step, reverse_weights)
    kernels = [
        vandermonde_kernel(x, lam_step, u.shape[1])
        for x in (weights, reverse_weights)
        if x is not None
    ]
    return fft_convolve(u.transpose(1, 2), *kernels).transpose(1, 2)


def faster_mode(batch: int, length: int, state: int, two_sided: bool) -> str:
    """``convolution`` or ``scan``, whichever a fit of measured times expects to be faster.

    Nanoseconds a channel of forward and backward on one core, fitted to the relative times
    of 112 shapes (lengths 64 to 65536, 4 to 64 states, batches 1 to 32, one direction and two);
    ``benchmarks/s4d_modes.py`` measures both modes at shapes that the fit has not seen, and bounds
    what the rule loses there. In words: the scan for long sequences, few states and small batches;
    the FFT, whose cost a step does not depend on the state, for short sequences and large batches.
    """
    states, steps = state * (1 + two_sided), batch * length
    T = _block(batch, length, states)
    scan = 42900 + 56 * T * states + steps * (11 + 0.21 * T + 0.55 * states)
    kernels = 101 * states * math.sqrt(length) + (0.36 * states + 8.9 * (1 + two_sided)) * length
    transform = 20 + 3 * max(0.0, math.log2(length) - 8)  # grows where it leaves the cache
    convolution = 32100 + kernels + steps * transform
    return "scan" if scan < convolution else "convolution"


def _block(batch, length, states):
    """Steps a block: long ones carry fewer states over but have larger tables to fill."""
    long = states >= 64 and batch * length >= 2**14
    return min(_LONG_BLOCK if long else _SHORT_BLOCK, length)


def _by_blocks(u, weights, lam_step, reverse_weights):
    states = weights.shape[1] * (1 if reverse_weights is None else 2)
    T = _block(*u.shape[:2], states)
    real = u.dtype
    steps = torch.arange(T + 1, dtype=torch.float64, device=u.device)
    # Rounded from float64: the phase reaches hundreds of radians, as in the long kernel.
    powers = torch.exp(lam_step.to(torch.complex128)[:, None] * steps[:, None])
    powers = powers.to(lam_step.dtype)
    inner, decay = powers[:, :T], powers[:, T]

    scaled = 2 * weights[:, None] * powers
    causal = scaled[:, :T].real.sum(2)
    into, out = [inner.flip(1)], [scaled[:, 1:]]
    anticausal = causal.new_zeros(causal.shape[0], T - 1)
    if reverse_weights is not None:
        scaled = 2 * reverse_weights[:, None] * inner
        anticausal = scaled[:, : T - 1].real.sum(2).flip(1)
        into.append(inner)
        out.append(scaled.flip(1))
    return s4d_blocks(
        u,
        _toeplitz(torch.cat([causal, anticausal], 1)).to(real),
        torch.cat([plane for x in into for plane in (x.real, x.imag)], 2),
        # Re(w x) = Re w Re x - Im w Im x
        torch.cat([plane for x in out for plane in (x.real, -x.imag)], 2).mT.contiguous(),
        torch.cat([decay.real, decay.imag], 1),
    )


def _toeplitz(lags: Float[Tensor, "channel lags"]) -> Float[Tensor, "channel T T"]:
    """``M[i, j] = lags[(j - i) mod (2 T - 1)]``: lags 0 .. T-1, then -(T-1) .. -1. Rows of a
    repetition that are one entry shorter than its period move on by one a row."""
    channels, period = lags.shape
    T = (period + 1) // 2
    flat = lags[:, None].expand(-1, T, -1).reshape(channels, -1)
    if T == 1:
        return flat[..., None]
    return flat[:, : T * (period - 1)].view(channels, T, period - 1)[..., :T].contiguous()


def _check(u, weights, lam_step, reverse_weights, mode):
    if mode not in MODES:
        raise ValueError(f"mode is {mode!r}; allowed: {', '.join(MODES)}")
    if u.ndim != 3 or u.is_complex() or 0 in u.shape:
        raise ValueError(
            f"u has shape {tuple(u.shape)} and dtype {u.dtype}; needed is a real, not empty "
            "(batch, length, channel)"
        )
    named = {"weights": weights, "lam_step": lam_step, "reverse_weights": reverse_weights}
    for name, value in named.items():
        if value is None:
            continue
        if value.ndim != 2 or value.shape[0] != u.shape[2] or value.shape != weights.shape:
            raise ValueError(
                f"{name} has shape {tuple(value.shape)}; needed is (channel, state) with "
                f"{u.shape[2]} channels, the same for all"
            )
        if not value.is_complex():
            raise ValueError(f"{name} is {value.dtype}; needed is a complex dtype")
