"""The convolution kernel of a diagonal state-space model without the (H, N, L) array."""

import math

import torch
from jaxtyping import Complex, Float
from torch import Tensor


def vandermonde_kernel(
    weights: Complex[Tensor, "channel state"],
    lam_step: Complex[Tensor, "channel state"],
    length: int,
) -> Float[Tensor, "channel {length}"]:
    """``K[h, l] = 2 Re sum_k weights[h, k] exp(lam_step[h, k] l)`` for l = 0 .. length - 1.

    With ``weights = C * B * (exp(step lam) - 1)/lam`` and ``lam_step = step * lam`` this is the ZOH
    kernel of S4D (Gu et al. 2022, sec. 3.3), the factor 2 standing for the conjugate half.

    Writing l = i m + j with m about sqrt(length) splits the exponential into two tables of sqrt
    size, ``exp(lam_step m i)`` and ``exp(lam_step j)``, and the sum over states into one batched
    real matrix product: O(H N sqrt(L)) exponentials instead of O(H N L), and memory
    O(H (L + N sqrt(L))) in both directions (the tables are recomputed for the gradient).

    The tables are evaluated in float64: the phase Im(lam_step) l reaches thousands of radians,
    where float32 keeps three digits after the point.

    Differentiable once in ``weights`` and ``lam_step``.
    """
    if weights.ndim != 2 or weights.shape != lam_step.shape:
        raise ValueError(
            f"weights have shape {tuple(weights.shape)}, lam_step {tuple(lam_step.shape)}; needed "
            "is the same (channel, state) for both"
        )
    if not (weights.is_complex() and lam_step.is_complex()):
        raise ValueError(
            f"weights are {weights.dtype}, lam_step {lam_step.dtype}; needed is a complex dtype"
        )
    if length < 1:
        raise ValueError(f"length is {length}; needed is at least 1")
    dtype = torch.promote_types(weights.dtype, lam_step.dtype)
    dtype = torch.promote_types(dtype, torch.complex64)
    return _kernel_op(weights.to(dtype), lam_step.to(dtype), length)


@torch.library.custom_op("structlab::vandermonde_kernel", mutates_args=())
def _kernel_op(weights: Tensor, lam_step: Tensor, length: int) -> Tensor:
    block = _block(length)
    blocks = -(-length // block)
    fine = exponentials(lam_step, torch.arange(block, device=lam_step.device))
    coarse = exponentials(lam_step, block * torch.arange(blocks, device=lam_step.device))
    # Re(a b) = Re(a) Re(b) - Im(a) Im(b): the conjugate puts the minus sign into the real view.
    weighted = (2 * weights[:, None] * coarse).conj_physical()
    kernel = _single_bmm(_as_real(weighted), _as_real(fine).transpose(1, 2))
    return kernel.flatten(1)[:, :length].contiguous()


@_kernel_op.register_fake
def _(weights, lam_step, length):
    return weights.new_empty(weights.shape[0], length, dtype=weights.real.dtype)


@torch.library.custom_op("structlab::vandermonde_kernel_backward", mutates_args=())
def _backward_op(grad: Tensor, weights: Tensor, lam_step: Tensor) -> tuple[Tensor, Tensor]:
    """With S_r = sum_l grad_l l^r exp(lam_step l): dweights = 2 conj(S_0),
    dlam_step = 2 conj(weights S_1), and l = i m + j splits S_1 as it splits the exponential."""
    channels, length = grad.shape
    block = _block(length)
    blocks = -(-length // block)
    columns = torch.arange(block, device=grad.device)
    rows = block * torch.arange(blocks, device=grad.device)
    fine = _as_real(exponentials(lam_step, columns))
    coarse = exponentials(lam_step, rows)
    padded = torch.nn.functional.pad(grad, (0, blocks * block - length))
    table = padded.view(channels, blocks, block)
    inner = torch.view_as_complex(_single_bmm(table, fine).unflatten(-1, (-1, 2)))
    moment = table * columns.to(table.dtype)
    inner_moment = torch.view_as_complex(_single_bmm(moment, fine).unflatten(-1, (-1, 2)))
    inner_moment = torch.addcmul(inner_moment, rows.to(inner.dtype)[:, None], inner)
    zeroth = (coarse * inner).sum(1)
    first = weights * (coarse * inner_moment).sum(1)
    # The compiler is promised contiguous gradients, whatever the strides of the arguments.
    return tuple(2 * total.conj_physical().contiguous() for total in (zeroth, first))


@_backward_op.register_fake
def _(grad, weights, lam_step):
    return weights.new_empty(weights.shape), lam_step.new_empty(lam_step.shape)


def _setup_context(ctx, inputs, output):
    weights, lam_step, _ = inputs
    ctx.save_for_backward(weights, lam_step)


def _backward(ctx, grad):
    grad_weights, grad_lam_step = _backward_op(grad.contiguous(), *ctx.saved_tensors)
    return grad_weights, grad_lam_step, None


_kernel_op.register_autograd(_backward, setup_context=_setup_context)


def _block(length: int) -> int:
    return max(1, math.isqrt(length - 1) + 1)


def exponentials(lam_step: Tensor, exponents: Tensor) -> Tensor:
    """exp(lam_step * exponent) as (channel, exponent, state), rounded from float64."""
    angles = lam_step.to(torch.complex128)[:, None] * exponents.to(torch.float64)[:, None]
    return torch.exp(angles).to(lam_step.dtype)


def _single_bmm(left: Tensor, right: Tensor) -> Tensor:
    # Autocast would round the tables to half precision, and with them every phase.
    with torch.autocast(left.device.type, enabled=False):
        return torch.bmm(left, right)


def _as_real(table: Tensor) -> Tensor:
    return torch.view_as_real(table).flatten(-2)
