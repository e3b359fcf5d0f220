"""The diagonal scan on a CUDA device, written in Triton.

Sequences and blocks of states alone would leave most of a GPU idle, so that time is cut into chunks
too, in three passes: what each chunk makes of a zero state and by what it multiplies another one; a
scan over those ends, short; the states, from the right starting value. Importing this module needs
Triton, which the CUDA builds of torch bring along.
"""

import math

import torch
import triton
import triton.language as tl
from torch import Tensor

_SHORTEST_CHUNK = 64
_STATES = 32  # a program's states: one warp


def write_scan(states: Tensor, decay: Tensor, inputs: Tensor, initial: Tensor, reverse: bool):
    """Fill ``states`` (inner, batch, outer, state), entry [j, :, i] being step ``i * inner + j``.

    ``decay`` is (state,) or like ``inputs``; ``initial`` (batch, state). float32 or float64, real
    or complex; all of one dtype, without lazy conjugation. Strides are free.
    """
    inner, batch, outer, state = inputs.shape
    chunk = max(_SHORTEST_CHUNK, triton.next_power_of_2(math.isqrt(inner * outer)))
    chunks = triton.cdiv(inner * outer, chunk)
    carried = initial[:, None]
    if chunks > 1:
        ends, products = (inputs.new_empty(1, batch, chunks, state) for _ in range(2))
        _launch(ends, decay, inputs, None, reverse, chunk, products)
        passed = torch.empty_like(ends)
        _launch(passed, products, ends, carried, reverse, chunks, None)
        order = (passed[0, :, 1:], carried) if reverse else (carried, passed[0, :, :-1])
        carried = torch.cat(order, 1)
    _launch(states, decay, inputs, carried, reverse, chunk, None)


def _launch(out, decay, inputs, carried, reverse, chunk, products):
    """One pass. ``carried`` (batch, chunks, state) is the state before each chunk; without it the
    chunks start at zero, and their ends and ``products`` are what is written."""
    inner, batch, outer, state = inputs.shape
    length = inner * outer
    complex_ = inputs.is_complex()

    def planes(tensor):
        if tensor is None:
            tensor = inputs  # a pointer that the kernel does not follow
        return torch.view_as_real(tensor) if complex_ else tensor[..., None]

    arrays = [planes(x) for x in (inputs, decay, carried, out, products)]
    per_step = decay.ndim > 1
    strides = [*arrays[0].stride()[:4]]
    strides += arrays[1].stride()[:4] if per_step else (0, 0, 0, arrays[1].stride(0))
    strides += arrays[2].stride()[:3] if carried is not None else (0, 0, 0)
    strides += arrays[3].stride()[:4]
    grid = (triton.cdiv(length, chunk), batch, triton.cdiv(state, _STATES))
    # Triton launches on the current device, wherever the arrays are.
    with torch.cuda.device_of(out):
        _scan_kernel[grid](
            *arrays,
            length,
            state,
            chunk,
            inner,
            *strides,
            COMPLEX=complex_,
            REVERSE=reverse,
            PER_STEP=per_step,
            ENDS=carried is None,
            BLOCK=_STATES,
            num_warps=1,
        )


@triton.jit
def _scan_kernel(
    inputs, decay, carried, out, products,
    length, state, chunk, inner,
    input_inner, input_batch, input_outer, input_state,
    decay_inner, decay_batch, decay_outer, decay_state,
    carried_batch, carried_chunk, carried_state,
    out_inner, out_batch, out_outer, out_state,
    COMPLEX: tl.constexpr,
    REVERSE: tl.constexpr,
    PER_STEP: tl.constexpr,
    ENDS: tl.constexpr,
    BLOCK: tl.constexpr,
):  # fmt: skip
    """A chunk of one sequence, ``BLOCK`` states side by side; the imaginary part of an entry stands
    next to its real part, and is zero throughout where there is none."""
    index = tl.program_id(0)
    batch = tl.program_id(1).to(tl.int64)  # offsets may pass 2^31
    k = tl.program_id(2) * BLOCK + tl.arange(0, BLOCK)
    inside = k < state
    steps = tl.where(inside, length, 0)
    xr = tl.zeros([BLOCK], dtype=out.dtype.element_ty)
    xi = tl.zeros([BLOCK], dtype=out.dtype.element_ty)
    pr = xr + 1
    pi = xi
    if not ENDS:
        at = carried + batch * carried_batch + index * carried_chunk + k * carried_state
        xr = tl.load(at, mask=inside, other=0)
        if COMPLEX:
            xi = tl.load(at + 1, mask=inside, other=0)
    ar = pr
    ai = pi
    if not PER_STEP:
        ar = tl.load(decay + k * decay_state, mask=inside, other=0)
        if COMPLEX:
            ai = tl.load(decay + k * decay_state + 1, mask=inside, other=0)
    for step in range(chunk):
        t = index * chunk + step
        if REVERSE:
            t = index * chunk + chunk - 1 - step
        # A last chunk that is cut short passes its state on unchanged.
        valid = t < steps
        j = (t % inner).to(tl.int64)
        i = (t // inner).to(tl.int64)
        at = inputs + batch * input_batch + j * input_inner + i * input_outer + k * input_state
        gr = tl.load(at, mask=valid, other=0)
        gi = gr
        if COMPLEX:
            gi = tl.load(at + 1, mask=valid, other=0)
        if PER_STEP:
            at = decay + batch * decay_batch + j * decay_inner + i * decay_outer + k * decay_state
            ar = tl.load(at, mask=valid, other=0)
            if COMPLEX:
                ai = tl.load(at + 1, mask=valid, other=0)
        if COMPLEX:
            yr = gr + ar * xr - ai * xi
            yi = gi + ar * xi + ai * xr
            xi = tl.where(valid, yi, xi)
        else:
            yr = gr + ar * xr
        xr = tl.where(valid, yr, xr)
        if ENDS:
            if COMPLEX:
                qr = ar * pr - ai * pi
                qi = ar * pi + ai * pr
                pi = tl.where(valid, qi, pi)
            else:
                qr = ar * pr
            pr = tl.where(valid, qr, pr)
        else:
            at = out + batch * out_batch + j * out_inner + i * out_outer + k * out_state
            tl.store(at, xr, mask=valid)
            if COMPLEX:
                tl.store(at + 1, xi, mask=valid)
    if ENDS:
        offset = batch * out_batch + index * out_outer + k * out_state
        tl.store(out + offset, xr, mask=inside)
        tl.store(products + offset, pr, mask=inside)
        if COMPLEX:
            tl.store(out + offset + 1, xi, mask=inside)
            tl.store(products + offset + 1, pi, mask=inside)
