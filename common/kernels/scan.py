"""The linear recurrence of a diagonal state-space model, as a chunked scan.

    x_k = a_k x_{k-1} + b_k        (reverse: x_k = a_k x_{k+1} + b_k),   elementwise in the state

A textbook parallel scan writes all log2(L) levels to memory. At the bandwidth-bound shapes met here
that is the whole cost, so the sequence is cut into chunks instead and every chunk advances at once,
one fused multiply-add a step. A first pass only accumulates each chunk's last state, a short scan
over chunks carries them on, and a second pass writes the states from the right starting value.
Inputs are read twice and states written once, whatever the length. On a CUDA device with Triton the
same passes are three launches (:mod:`common.kernels.triton_scan`).
"""

import importlib.util
import warnings

import torch
from jaxtyping import Complex, Float
from torch import Tensor

from common.kernels.compiled import switched_off

_SHORTEST_CHUNK, _LONGEST_CHUNK = 16, 64


def diagonal_scan(
    lam_bar: Complex[Tensor, "*#shape state"] | Float[Tensor, "*#shape state"],
    inputs: Complex[Tensor, "*batch length state"] | Float[Tensor, "*batch length state"],
    *,
    initial: Complex[Tensor, "*batch state"] | Float[Tensor, "*batch state"] | None = None,
    reverse: bool = False,
) -> Complex[Tensor, "*batch length state"] | Float[Tensor, "*batch length state"]:
    """States of ``x_k = lam_bar_k x_{k-1} + inputs_k`` for every step k.

    Args:
        lam_bar: decay of one step: ``(state,)`` for a constant step size, or anything that
            broadcasts to the shape of ``inputs`` for a decay that changes from step to step.
        inputs: what is added at each step (``B_bar u_k`` in S5).
        initial: the state before the first step (in reverse: after the last); zero if absent.
        reverse: run from the last step to the first, ``x_k = lam_bar_k x_{k+1} + inputs_k``.

    States are at least float32 (complex64) even where autocast hands over half precision: a decay
    within 1e-3 of 1 is not representable in bfloat16. Differentiable any number of times.
    """
    if inputs.ndim < 2 or inputs.shape[-2] == 0:
        raise ValueError(
            f"inputs have shape {tuple(inputs.shape)}; needed is (..., length, state) with "
            "length >= 1"
        )
    *batch, length, state = inputs.shape
    if lam_bar.ndim == 0 or lam_bar.shape[-1] != state:
        raise ValueError(
            f"lam_bar has shape {tuple(lam_bar.shape)} but inputs have {state} states: needed is "
            f"({state},) or a shape that broadcasts to {tuple(inputs.shape)}"
        )
    if initial is not None and initial.shape != (*batch, state):
        raise ValueError(
            f"initial has shape {tuple(initial.shape)}; needed is {(*batch, state)} for inputs of "
            f"shape {tuple(inputs.shape)}"
        )
    dtype = torch.promote_types(lam_bar.dtype, inputs.dtype)
    if initial is not None:
        dtype = torch.promote_types(dtype, initial.dtype)
        initial = initial.to(dtype).reshape(-1, state)
    if not (dtype.is_floating_point or dtype.is_complex):
        raise ValueError(f"lam_bar and inputs are {dtype}; needed is a real or complex dtype")
    dtype = torch.promote_types(dtype, torch.float32)
    decay = lam_bar.to(dtype)
    if decay.ndim > 1:
        try:
            decay = decay.expand(inputs.shape).reshape(-1, length, state)
        except RuntimeError as error:
            raise ValueError(
                f"lam_bar of shape {tuple(lam_bar.shape)} does not broadcast to inputs of shape "
                f"{tuple(inputs.shape)}"
            ) from error
    flat = inputs.to(dtype).reshape(-1, length, state)
    if initial is not None:
        initial = initial.to(dtype)
    return _scan_op(decay, flat, initial, reverse).reshape(inputs.shape)


# A custom operator rather than an autograd.Function: torch.compile then takes the loop as one
# opaque node (no graph break, no minutes of unrolling) and eager code runs the same kernels.
@torch.library.custom_op("structlab::diagonal_scan", mutates_args=())
def _scan_op(decay: Tensor, inputs: Tensor, initial: Tensor | None, reverse: bool) -> Tensor:
    states = torch.empty(inputs.shape, dtype=inputs.dtype, device=inputs.device)
    if initial is None:
        initial = inputs.new_zeros(inputs.shape[0], inputs.shape[2])
    write_states(states, decay.resolve_conj(), inputs.resolve_conj(), initial, reverse)
    return states


@_scan_op.register_fake
def _(decay, inputs, initial, reverse):
    return inputs.new_empty(inputs.shape)


def write_states(states, decay, inputs, initial, reverse):
    """Fill ``states`` (batch, length, state); ``decay`` is (state,) or like ``inputs``."""
    if states.is_cuda:
        steps = (x if x.ndim == 1 else x[None] for x in (states, decay, inputs))
        if _written_by_triton(*steps, initial, reverse):
            return
    length = inputs.shape[1]
    chunk = chunk_length(length)
    chunks = length // chunk
    if chunks < 2:
        _write_sequentially(states, decay, inputs, initial, reverse)
        return
    whole = chunks * chunk
    body, rest = slice(0, whole), slice(whole, length)
    if reverse and whole < length:
        _write_sequentially(states[:, rest], _steps(decay, rest), inputs[:, rest], initial, reverse)
        initial = states[:, whole]

    def step_major(tensor):
        return tensor[:, body].unflatten(1, (chunks, chunk)).permute(2, 0, 1, 3)

    write_step_major(
        step_major(states),
        decay if decay.ndim == 1 else step_major(decay),
        step_major(inputs),
        initial,
        reverse,
    )
    if not reverse and whole < length:
        _write_sequentially(
            states[:, rest], _steps(decay, rest), inputs[:, rest], states[:, whole - 1], reverse
        )


def write_step_major(
    states: Complex[Tensor, "chunk batch chunks state"] | Float[Tensor, "chunk batch chunks state"],
    decay: Tensor,
    inputs: Complex[Tensor, "chunk batch chunks state"] | Float[Tensor, "chunk batch chunks state"],
    initial: Complex[Tensor, "batch state"] | Float[Tensor, "batch state"],
    reverse: bool,
) -> None:
    """Fill ``states`` by the recurrence; entry [j, :, i] is step ``i * chunk + j`` of the sequence.

    ``decay`` is ``(state,)`` or has the shape of ``inputs``. Strides are free: the layout is an
    order of indices, and callers who choose it in memory too get contiguous steps.
    """
    if states.is_cuda and _written_by_triton(states, decay, inputs, initial, reverse):
        return
    chunk = inputs.shape[0]
    constant = decay.ndim == 1
    order = range(chunk - 1, -1, -1) if reverse else range(chunk)

    last = inputs[order[0]].clone(memory_format=torch.contiguous_format)
    for j in order[1:]:
        torch.addcmul(inputs[j], decay if constant else decay[j], last, out=last)
    chunk_decay = _repeated_square(decay, chunk) if constant else decay.prod(0)
    carried = torch.empty_like(last)
    write_states(carried, chunk_decay, last, initial, reverse)

    if reverse:
        previous = torch.cat([carried[:, 1:], initial[:, None]], 1)
    else:
        previous = torch.cat([initial[:, None], carried[:, :-1]], 1)
    for j in order:
        torch.addcmul(inputs[j], decay if constant else decay[j], previous, out=states[j])
        previous = states[j]


_refused: list[str] = []


def _written_by_triton(states, decay, inputs, initial, reverse) -> bool:
    """Whether Triton filled ``states``. It needs a host compiler at its first launch and does not
    know every GPU: where it fails to build, which it does before it writes, the torch code serves,
    and it is not asked again. ``STRUCTLAB_COMPILED=0`` leaves it out from the start."""
    if _refused or switched_off() or importlib.util.find_spec("triton") is None:
        return False
    from common.kernels.triton_scan import write_scan

    try:
        write_scan(states, decay, inputs, initial, reverse)
    except torch.OutOfMemoryError:
        raise
    except Exception as error:
        _refused.append(str(error))
        warnings.warn(f"Triton cannot scan here ({error}); using torch instead.", stacklevel=2)
        return False
    return True


def _write_sequentially(states, decay, inputs, initial, reverse):
    length = inputs.shape[1]
    previous = initial
    for step in range(length - 1, -1, -1) if reverse else range(length):
        now = states[:, step]
        factor = decay if decay.ndim == 1 else decay[:, step]
        torch.addcmul(inputs[:, step], factor, previous, out=now)
        previous = now


def _steps(decay, part):
    return decay if decay.ndim == 1 else decay[:, part]


def chunk_length(length: int) -> int:
    """A power of two near sqrt(length): as many steps inside a chunk as chunks to carry over."""
    chunk = _SHORTEST_CHUNK
    while chunk < _LONGEST_CHUNK and chunk * chunk < length:
        chunk *= 2
    return chunk


def _repeated_square(decay: Tensor, power: int) -> Tensor:
    """``decay ** power`` for a power of two; unlike ``torch.pow`` exact at decay = 0."""
    while power > 1:
        decay, power = decay * decay, power // 2
    return decay


def _setup_context(ctx, inputs, output):
    decay, _, initial, reverse = inputs
    ctx.reverse = reverse
    ctx.save_for_backward(decay, initial, output)


def _backward(ctx, grad):
    """The adjoint q runs the other way, q_k = g_k + conj(a_{k+1}) q_{k+1}; then
    db = q,  da_k = q_k conj(x_{k-1}),  dx_initial = conj(a_first) q_first."""
    decay, initial, states = ctx.saved_tensors
    reverse, constant = ctx.reverse, decay.ndim == 1
    first = -1 if reverse else 0
    conjugate = decay.conj_physical()
    if constant:
        next_decay = conjugate
    else:
        # The last step has no successor; its factor multiplies a zero state.
        shift = 1 if reverse else -1
        next_decay = torch.roll(conjugate, shift, dims=1)
    adjoint = _scan_op(next_decay, grad, None, not reverse)

    grad_decay = grad_initial = None
    if ctx.needs_input_grad[0]:
        before = torch.zeros_like(states[:, 0]) if initial is None else initial
        if reverse:
            earlier = torch.cat([states[:, 1:], before[:, None]], 1)
        else:
            earlier = torch.cat([before[:, None], states[:, :-1]], 1)
        grad_decay = adjoint * earlier.conj()
        if constant:
            grad_decay = grad_decay.sum((0, 1))
    if initial is not None and ctx.needs_input_grad[2]:
        grad_initial = (conjugate if constant else conjugate[:, first]) * adjoint[:, first]
    return grad_decay, adjoint, grad_initial, None


_scan_op.register_autograd(_backward, setup_context=_setup_context)
