"""From what each block of a sequence adds to the state, the state that meets each block."""

import ctypes

import torch
from jaxtyping import Float
from torch import Tensor

from common.kernels.compiled import ScanJob, scan_function
from common.kernels.scan import write_states


def carry_over_blocks(
    added: Float[Tensor, "channel batch blocks columns"],
    decay: Float[Tensor, "channel two_states"],
    part: slice,
    reverse: bool,
    out: Float[Tensor, "channel batch blocks columns"],
) -> None:
    """``out_i = decay out_{i-1} + added_{i-1}``, zero at first (in reverse ``i + 1``, zero at the
    end), in the columns ``part``. Complex, all real parts before all imaginary ones. ``out`` is
    another array than ``added``, with the same strides."""
    added, out = added[..., part], out[..., part]
    channels, batch, blocks, _ = added.shape
    out[:, :, -1 if reverse else 0].zero_()
    if blocks == 1:
        return
    if added.device.type != "cpu" or scan_function(added.dtype) is None:
        _in_torch(added, decay, reverse, out)
        return
    decay = decay.contiguous()  # the C code walks it by its address
    state, row, size = decay.shape[1] // 2, added.stride(2), added.element_size()
    memory = added.new_empty(batch, 2 * state)
    first, step = ((blocks - 1) * row, -row) if reverse else (0, row)
    job = ScanJob(
        carry=memory.data_ptr(),
        state=state,
        imaginary=state,
        sequences=batch,
        sequence=added.stride(1),
        steps=blocks - 1,
        row=step,
        fresh=1,
    )
    function = scan_function(added.dtype)
    for channel in range(channels):
        offset = (channel * added.stride(0) + first) * size
        job.decay = decay[channel].data_ptr()
        job.inputs = added.data_ptr() + offset
        job.outputs = out.data_ptr() + offset + step * size
        function(ctypes.byref(job))


def _in_torch(added, decay, reverse, out):
    channels = added.shape[0]

    def as_steps(planes):
        real, imaginary = planes.chunk(2, -1)
        return torch.complex(real, imaginary).permute(1, 2, 0, 3).flatten(2)

    inputs = as_steps(added)
    states = torch.empty_like(inputs)
    factor = torch.complex(*(x.contiguous() for x in decay.chunk(2, 1))).flatten()
    write_states(states, factor, inputs, torch.zeros_like(inputs[:, 0]), reverse)
    states = states.unflatten(2, (channels, -1)).permute(2, 0, 1, 3)
    planes = torch.cat([states.real, states.imag], -1)
    if reverse:
        out[:, :, :-1] = planes[:, :, 1:]
    else:
        out[:, :, 1:] = planes[:, :, :-1]
