"""The S4D layer by blocks of time: what a block does to itself, and what the state carries over.

A block of T inputs u gives T outputs ``u M + s out``, M the (T, T) matrix of all lags inside the
block and s the state that meets it, made of what earlier blocks have added, ``u into``, by a short
scan. All products are real and batched over channels. Both operators go through the channels a few
at a time, and backward computes the states again: no array but outputs and gradients has the size
of the input.
"""

import torch
from torch import Tensor

from common.kernels.block_carry import carry_over_blocks
from common.kernels.lanes import run_lanes

_CHANNELS = 16  # at once: one cache line of each (batch, step) row
_ENTRIES = 2**18  # of the input at once, in whole sequences


@torch.library.custom_op("structlab::s4d_blocks", mutates_args=())
def s4d_blocks(u: Tensor, M: Tensor, into: Tensor, out: Tensor, decay: Tensor) -> Tensor:
    """``u`` (batch, length, channel); ``M`` (channel, T, T), ``into`` (channel, T, columns),
    ``out`` (channel, columns, T) and ``decay`` (channel, 2 state) of the same real dtype. Columns
    hold real and imaginary parts of the states of the causal direction, then of the other if there
    is one."""
    y = torch.empty_like(u, memory_format=torch.contiguous_format)

    def task(part):
        for few in _sequences(u, part):
            x = _blocks_of(u[few, :, part], M.shape[1])
            states = _states(x, into[part], decay[part])
            outputs = torch.bmm(states.flatten(1, 2), out[part])
            outputs.baddbmm_(x.flatten(1, 2), M[part])
            _put(y[few, :, part], outputs.view(x.shape))

    with torch.autocast(u.device.type, enabled=False):
        _over_channels(task, u)
    return y


@s4d_blocks.register_fake
def _(u, M, into, out, decay):
    return torch.empty_like(u, memory_format=torch.contiguous_format)


@torch.library.custom_op("structlab::s4d_blocks_backward", mutates_args=())
def _backward_op(
    grad: Tensor, u: Tensor, M: Tensor, into: Tensor, out: Tensor, decay: Tensor
) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
    du = torch.empty_like(u, memory_format=torch.contiguous_format)
    sums = [torch.zeros_like(x, memory_format=torch.contiguous_format) for x in (M, into, out)]
    # Summed over all blocks of all sequences, one term a block: float64 costs nothing.
    decay_sums = torch.zeros(decay.shape, dtype=torch.float64, device=decay.device)
    state = decay.shape[1] // 2
    conjugate = torch.cat([decay[:, :state], -decay[:, state:]], 1)

    def task(part):
        dM, dinto, dout = (x[part] for x in sums)
        for few in _sequences(u, part):
            x = _blocks_of(u[few, :, part], M.shape[1])
            dy = _blocks_of(grad[few, :, part], M.shape[1])
            shape = x.shape
            states = _states(x, into[part], decay[part])
            x, dy = x.flatten(1, 2), dy.flatten(1, 2)
            dM.baddbmm_(x.mT, dy)
            dout.baddbmm_(states.flatten(1, 2).mT, dy)
            dstates = torch.bmm(dy, out[part].mT).view(states.shape)
            dadded = torch.empty_like(dstates)
            # The adjoint of an exclusive scan is one in the other direction.
            for direction, columns in enumerate(_directions(dstates, state)):
                carry_over_blocks(dstates, conjugate[part], columns, direction == 0, out=dadded)
                _add_products(decay_sums[part], states[..., columns], dadded[..., columns], state)
            dadded = dadded.flatten(1, 2)
            dinto.baddbmm_(x.mT, dadded)
            dx = torch.bmm(dadded, into[part].mT).baddbmm_(dy, M[part].mT)
            _put(du[few, :, part], dx.view(shape))

    with torch.autocast(u.device.type, enabled=False):
        _over_channels(task, u)
    return (du, *sums, decay_sums.to(decay.dtype))


@_backward_op.register_fake
def _(grad, u, M, into, out, decay):
    return tuple(x.new_empty(x.shape) for x in (u, M, into, out, decay))


def _setup_context(ctx, inputs, output):
    ctx.save_for_backward(*inputs)


def _backward(ctx, grad):
    return _backward_op(grad, *ctx.saved_tensors)


s4d_blocks.register_autograd(_backward, setup_context=_setup_context)


def _states(x, into, decay):
    added = torch.bmm(x.flatten(1, 2), into).view(*x.shape[:3], -1)
    states = torch.empty_like(added)
    for direction, columns in enumerate(_directions(added, decay.shape[1] // 2)):
        carry_over_blocks(added, decay, columns, direction == 1, out=states)
    return states


def _directions(planes, state):
    """The columns of each direction, causal first."""
    return [slice(start, start + 2 * state) for start in range(0, planes.shape[-1], 2 * state)]


def _add_products(sums, states, adjoint, state):
    """sums += sum conj(states) adjoint, planes (channel, batch, blocks, 2 state)."""
    a, b, c, d = (
        states[..., :state],
        states[..., state:],
        adjoint[..., :state],
        adjoint[..., state:],
    )
    sums[:, :state] += (a * c).addcmul_(b, d).sum((1, 2))
    sums[:, state:] += (a * d).addcmul_(b, c, value=-1).sum((1, 2))


def _blocks_of(u, block):
    """(batch, length, channel) to contiguous (channel, batch, blocks, block), zeros at the end."""
    batch, length, channels = u.shape
    blocks = -(-length // block)
    x = u.new_empty(channels, batch, blocks * block)
    x[..., length:] = 0
    x[..., :length] = u.permute(2, 0, 1)
    return x.view(channels, batch, blocks, block)


def _put(target, blocks):
    target.copy_(blocks.flatten(2)[..., : target.shape[1]].permute(1, 2, 0))


def _sequences(u, part):
    size = max(1, _ENTRIES // (u.shape[1] * (part.stop - part.start)))
    return [slice(start, start + size) for start in range(0, u.shape[0], size)]


def _over_channels(task, u):
    channels = u.shape[2]
    width = channels if u.device.type != "cpu" else min(_CHANNELS, -(-channels // 4))
    parts = [slice(i, min(i + width, channels)) for i in range(0, channels, width)]
    run_lanes(lambda lane: task(parts[lane]), len(parts))
