"""Sums of second-order resolvents over many frequencies, without the (channel, state, L) array.

    S[h, v, f] = sum_k rows[h, v, k] E[h, k, f],
    1/E = (s0[f] a0[h, k] + o0[f]) + i (s1[f] a1[h, k] + o1[f])

for real ``rows`` (h, v, k), ``poles`` a (2, h, k), ``scales`` s and ``offsets`` o (2, f). All
Cauchy sums of a DPLR kernel have this form, those over conjugate pairs too (see
:mod:`common.kernels.dplr`): E costs one real reciprocal, and the sums are real matrix products.
"""

import torch
from jaxtyping import Complex, Float
from torch import Tensor

from common.kernels.lanes import run_lanes

_ENTRIES = 2**15  # (channel, state, frequency) entries at once: in float64 the planes fit the cache
_LANES = 16  # at most


def resolvent_sums(
    rows: Float[Tensor, "channel rows state"],
    poles: Float[Tensor, "2 channel state"],
    scales: Float[Tensor, "2 frequency"],
    offsets: Float[Tensor, "2 frequency"],
) -> Complex[Tensor, "channel rows frequency"]:
    """S above, with the precision of ``rows``; E is evaluated in float64, for near a resonance its
    denominator is the small difference of large numbers. Differentiable once in rows and poles."""
    planes = _sums_op(rows, poles.double(), scales.double(), offsets.double())
    return torch.complex(*planes.unbind(2))


@torch.library.custom_op("structlab::resolvent_sums", mutates_args=())
def _sums_op(rows: Tensor, poles: Tensor, scales: Tensor, offsets: Tensor) -> Tensor:
    rows, poles = rows.detach(), poles.detach()
    channels, count, _ = rows.shape
    out = rows.new_empty(channels, count, 2, scales.shape[1])

    def task(part):
        for block in _blocks(rows[part], scales):
            E = _resolvent(poles[:, part], scales[:, block], offsets[:, block], rows.dtype)
            sums = torch.bmm(rows[part], E.flatten(2))
            out[part, ..., block] = sums.view(*sums.shape[:2], 2, -1)

    with torch.autocast(rows.device.type, enabled=False):
        _over_channels(task, channels, rows)
    return out


@_sums_op.register_fake
def _(rows, poles, scales, offsets):
    return rows.new_empty(rows.shape[0], rows.shape[1], 2, scales.shape[1])


@torch.library.custom_op("structlab::resolvent_sums_backward", mutates_args=())
def _backward_op(
    grad: Tensor, rows: Tensor, poles: Tensor, scales: Tensor, offsets: Tensor
) -> tuple[Tensor, Tensor]:
    """With G the gradient of S and dE = -E^2 d(1/E): drows = Re(G conj(E)), and the poles get
    -sum_v rows_v sum_f s conj(E^2) G_v, the real part for a0, the imaginary part for a1."""
    grad, rows, poles = grad.detach(), rows.detach(), poles.detach()
    grad_rows = rows.new_zeros(rows.shape)
    grad_poles = torch.zeros_like(poles, memory_format=torch.contiguous_format)
    narrow = scales.to(rows.dtype)

    def task(part):
        R, count = rows[part], rows.shape[1]
        for block in _blocks(R, scales):
            G = grad[part][..., block]
            E = _resolvent(poles[:, part], scales[:, block], offsets[:, block], rows.dtype)
            grad_rows[part] += torch.bmm(G.flatten(2), E.flatten(2).mT)
            real, imaginary = E.unbind(2)
            square = torch.stack([(real + imaginary) * (real - imaginary), 2 * real * imaginary], 2)
            # Re and Im of conj(E^2) G as products with the planes of E^2.
            turned = torch.stack([G[:, :, 1], -G[:, :, 0]], 2)
            both = torch.cat([G * narrow[0, block], turned * narrow[1, block]], 1)
            moments = torch.bmm(both.flatten(2), square.flatten(2).mT)
            for index, moment in enumerate(moments.split(count, 1)):
                grad_poles[index, part] -= (R * moment).sum(1)

    with torch.autocast(rows.device.type, enabled=False):
        _over_channels(task, rows.shape[0], rows)
    return grad_rows, grad_poles


@_backward_op.register_fake
def _(grad, rows, poles, scales, offsets):
    return rows.new_empty(rows.shape), poles.new_empty(poles.shape)


def _setup_context(ctx, inputs, output):
    ctx.save_for_backward(*inputs)


def _backward(ctx, grad):
    return *_backward_op(grad.contiguous(), *ctx.saved_tensors), None, None


_sums_op.register_autograd(_backward, setup_context=_setup_context)


def _resolvent(poles, scales, offsets, dtype):
    """E as planes (channel, state, 2, frequency)."""
    real, imaginary = torch.addcmul(offsets[:, None, None], poles[..., None], scales[:, None, None])
    inverse = (real * real).addcmul_(imaginary, imaginary).reciprocal_()
    return torch.stack([(real * inverse).to(dtype), (imaginary * inverse).neg_().to(dtype)], 2)


def _blocks(rows, scales):
    size = max(1, _ENTRIES // (rows.shape[0] * rows.shape[2]))
    return [slice(start, start + size) for start in range(0, scales.shape[1], size)]


def _over_channels(task, channels, like):
    """``task(slice of channels)``: on the CPU each thread takes whole slices."""
    if like.device.type != "cpu":
        task(slice(0, channels))
        return
    lanes = min(_LANES, channels)
    cuts = [channels * lane // lanes for lane in range(lanes + 1)]
    run_lanes(lambda lane: task(slice(cuts[lane], cuts[lane + 1])), lanes)
