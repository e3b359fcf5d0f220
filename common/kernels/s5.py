"""The multi-input state-space layer of S5, fused: projection in, scan both ways, projection out.

    x_k = lam_bar x_{k-1} + B_bar u_k,        y_k = Re(C x_k)

Composed from parts, autograd keeps every complex intermediate and the complex products cost twice
the real ones (u and y are real). Here both projections and their gradients are real matrix products
on interleaved real and imaginary parts, and the only array kept for the gradient is the states.

On the CPU, where a C compiler is found, the work is done in :mod:`common.kernels.s5_tiled`; what
follows runs on any device.

Layout of the inside, step-major: entry [j, b, i] of a state array is step ``i * chunk + j`` of
sequence b, so that one step of all chunks is one contiguous block for the scan, and the projections
read u and dy in place (a batched product over j with strided rows).
"""

import torch
from jaxtyping import Complex, Float
from torch import Tensor

from common.kernels import s5_tiled
from common.kernels.scan import write_step_major

# Few long steps: every step is one operation that threads share, and waiting for each other after
# each is what costs on a busy machine. Longer chunks leave less to carry, which gains nothing.
_CHUNK = 4


def s5_apply(
    u: Float[Tensor, "batch length width"],
    lam_bar: Complex[Tensor, " state"],
    B_bar: Complex[Tensor, "state width"],
    C: Complex[Tensor, "out_width columns"],
    *,
    bidirectional: bool = False,
    conj_sym: bool = False,
) -> Float[Tensor, "batch length out_width"]:
    """``y_k = Re(C x_k)`` with ``x_k = lam_bar x_{k-1} + B_bar u_k`` (S5, Smith et al. 2023).

    Args:
        u: real input; half precision is computed in float32.
        lam_bar: one step's decay, from :func:`common.kernels.discretise.zoh`.
        B_bar: ``input_scale[:, None] * B`` from the same.
        C: ``(out, state)``; with ``bidirectional`` ``(out, 2 * state)``, forward states first.
        bidirectional: a second recurrence runs from the end, ``x_k = lam_bar x_{k+1} + B_bar u_k``;
            both contain the current input.
        conj_sym: only one of each conjugate pair is stored, so ``y_k = 2 Re(C x_k)``.

    The feed-through ``D * u`` is left to the caller. Keeps one state array a direction for the
    gradient, whose own peak is two a direction. Differentiable once.
    """
    _check(u, lam_bar, B_bar, C, bidirectional)
    dtype = torch.promote_types(lam_bar.dtype, torch.promote_types(B_bar.dtype, C.dtype))
    dtype = torch.promote_types(torch.promote_types(dtype, u.dtype), torch.complex64)
    real = torch.float64 if dtype == torch.complex128 else torch.float32
    if conj_sym:
        C = 2 * C
    y, _ = _forward_op(u.to(real), lam_bar.to(dtype), B_bar.to(dtype), C.to(dtype), bidirectional)
    return y


def _check(u, lam_bar, B_bar, C, bidirectional):
    if u.ndim != 3 or u.is_complex() or u.shape[1] == 0:
        raise ValueError(
            f"u has shape {tuple(u.shape)} and dtype {u.dtype}; needed is a real "
            "(batch, length, width) with length >= 1"
        )
    if lam_bar.ndim != 1 or not lam_bar.is_complex():
        raise ValueError(
            f"lam_bar has shape {tuple(lam_bar.shape)} and dtype {lam_bar.dtype}; needed is a "
            "complex (state,)"
        )
    state, width = lam_bar.shape[0], u.shape[2]
    if B_bar.shape != (state, width) or not B_bar.is_complex():
        raise ValueError(
            f"B_bar has shape {tuple(B_bar.shape)} and dtype {B_bar.dtype}; needed is a complex "
            f"{(state, width)}: (state, width)"
        )
    columns = 2 * state if bidirectional else state
    if C.ndim != 2 or C.shape[1] != columns or not C.is_complex():
        raise ValueError(
            f"C has shape {tuple(C.shape)} and dtype {C.dtype}; needed is a complex "
            f"(out_width, {columns}) for {state} states, bidirectional={bidirectional}"
        )


@torch.library.custom_op("structlab::s5_apply", mutates_args=())
def _forward_op(
    u: Tensor, lam_bar: Tensor, B_bar: Tensor, C: Tensor, bidirectional: bool
) -> tuple[Tensor, Tensor]:
    if s5_tiled.usable(u):
        with torch.autocast(u.device.type, enabled=False):
            return s5_tiled.forward(u, lam_bar, B_bar, C, bidirectional)
    batch, length, _ = u.shape
    states = u.new_empty(_state_shape(u, lam_bar, bidirectional), dtype=lam_bar.dtype)
    chunk = states.shape[0]
    rest = lam_bar.new_zeros(batch, lam_bar.shape[0])
    with torch.autocast(u.device.type, enabled=False):
        driven = _to_complex(_project(_step_major(u, chunk), _to_real(B_bar.T)))
        driven = driven.view(states[..., 0, :].shape)
        for direction, reverse in enumerate((False, True)[: states.shape[3]]):
            write_step_major(states[..., direction, :], lam_bar, driven, rest, reverse)
        # Re(C x) = [Re C, -Im C] [Re x, Im x]: the conjugate carries the sign.
        y = _project_in_time(_rows(states), _to_real(C.conj()).T, batch, length)
    return y, states


@_forward_op.register_fake
def _(u, lam_bar, B_bar, C, bidirectional):
    if s5_tiled.usable(u):
        states = u.new_empty(s5_tiled.state_shape(u, lam_bar, bidirectional))
    else:
        states = u.new_empty(_state_shape(u, lam_bar, bidirectional), dtype=lam_bar.dtype)
    return u.new_empty(u.shape[0], u.shape[1], C.shape[0]), states


@torch.library.custom_op("structlab::s5_apply_backward", mutates_args=())
def _backward_op(
    grad: Tensor, u: Tensor, lam_bar: Tensor, B_bar: Tensor, C: Tensor, states: Tensor
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Gradients by the adjoint recurrence, which runs against each direction.

    It is carried conjugated, q_k = C^T dy_k + lam_bar q_{k+1}: so the same decay serves both ways,
    no conjugate is ever written out, and conj(dlam_bar) = sum_k q_k x_{k-1}.
    """
    if not states.is_complex():
        with torch.autocast(u.device.type, enabled=False):
            return s5_tiled.backward(grad, u, lam_bar, B_bar, C, states)
    batch, length, _ = u.shape
    chunk, _, chunks, directions, state = states.shape
    rest = lam_bar.new_zeros(batch, state)
    with torch.autocast(u.device.type, enabled=False):
        grad_blocks, u_blocks = _step_major(grad, chunk), _step_major(u, chunk)
        grad_C = torch.bmm(grad_blocks.transpose(1, 2), _rows(states)).sum(0)
        adjoint = _to_complex(_project(grad_blocks, _to_real(C))).view(states.shape)

        decay_sums = lam_bar.new_zeros(batch, chunks, state)
        for direction, reverse in enumerate((False, True)[:directions]):
            x, q = states[..., direction, :], adjoint[..., direction, :]
            write_step_major(q, lam_bar, q, rest, not reverse)
            _accumulate_product(decay_sums, q, x, reverse)
        # The directions share B u: added in place, no further state array.
        total = adjoint[..., 0, :]
        if directions == 2:
            total += adjoint[..., 1, :]
        total = torch.view_as_real(total).view(chunk, batch * chunks, 2 * state)
        grad_u = _project_in_time(total, _to_real(B_bar.T.conj()).T, batch, length)
        grad_B = torch.bmm(u_blocks.transpose(1, 2), total).sum(0)
    return (
        grad_u,
        decay_sums.sum((0, 1)).conj_physical(),
        _to_complex(grad_B).T.conj().resolve_conj().contiguous(),
        _to_complex(grad_C).conj_physical(),
    )


@_backward_op.register_fake
def _(grad, u, lam_bar, B_bar, C, states):
    return tuple(x.new_empty(x.shape) for x in (u, lam_bar, B_bar, C))


def _setup_context(ctx, inputs, output):
    ctx.set_materialize_grads(False)  # the states have no gradient of their own to be zero-filled
    ctx.save_for_backward(*inputs[:4], output[1])


def _backward(ctx, grad, _):
    if grad is None:
        return None, None, None, None, None
    return *_backward_op(grad.contiguous(), *ctx.saved_tensors), None


_forward_op.register_autograd(_backward, setup_context=_setup_context)


def _accumulate_product(sums, q, x, reverse):
    """sums += q_k x_{k-1} over the steps j of every chunk (x_{k+1} in reverse)."""
    chunk = q.shape[0]
    if reverse:
        for j in range(chunk - 1):
            torch.addcmul(sums, q[j], x[j + 1], out=sums)
        sums[:, :-1].addcmul_(q[chunk - 1][:, :-1], x[0][:, 1:])
    else:
        for j in range(1, chunk):
            torch.addcmul(sums, q[j], x[j - 1], out=sums)
        sums[:, 1:].addcmul_(q[0][:, 1:], x[chunk - 1][:, :-1])


def _state_shape(u, lam_bar, bidirectional):
    batch, length, _ = u.shape
    chunk = min(_CHUNK, length)
    return chunk, batch, -(-length // chunk), 2 if bidirectional else 1, lam_bar.shape[0]


def _step_major(sequence, chunk):
    """(batch, length, width) seen as (chunk, batch * chunks, width); a copy only to fill the last
    chunk with zeros, which neither direction carries into the sequence."""
    missing = -sequence.shape[1] % chunk
    if missing:
        sequence = torch.nn.functional.pad(sequence, (0, 0, 0, missing))
    return sequence.contiguous().view(-1, chunk, sequence.shape[2]).transpose(0, 1)


def _project_in_time(blocks, matrix, batch, length):
    """Project step-major blocks straight into (batch, length, width): no second array, no copy."""
    chunk, rows, _ = blocks.shape
    sequence = blocks.new_empty(rows, chunk, matrix.shape[1])
    torch.bmm(blocks, matrix.expand(chunk, -1, -1), out=sequence.transpose(0, 1))
    return sequence.view(batch, -1, matrix.shape[1])[:, :length].contiguous()


def _project(blocks, matrix):
    return torch.bmm(blocks, matrix.expand(blocks.shape[0], -1, -1))


def _rows(states):
    return torch.view_as_real(states).view(states.shape[0], -1, 2 * states.shape[3:].numel())


def _to_real(matrix):
    """Complex columns as interleaved pairs of real ones."""
    return torch.view_as_real(matrix.resolve_conj()).flatten(-2)


def _to_complex(matrix):
    return torch.view_as_complex(matrix.unflatten(-1, (-1, 2)))
