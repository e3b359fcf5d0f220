"""Long convolution through the FFT: O(L log L) in place of O(L^2)."""

import torch
from jaxtyping import Float
from torch import Tensor

from common.kernels.lanes import run_lanes

_CHANNELS = 16  # at once: one cache line of each step where channels lie innermost
_ENTRIES = 2**18  # of the input at once, in whole sequences


def fft_convolve(
    inputs: Float[Tensor, "*batch channel length"],
    kernel: Float[Tensor, "channel taps"],
    reverse_kernel: Float[Tensor, "channel reverse_taps"] | None = None,
) -> Float[Tensor, "*batch channel length"]:
    """Depthwise convolution along the last axis, one kernel a channel.

        y[t] = sum_{i>=0} kernel[i] u[t - i]  +  sum_{i>=0} reverse_kernel[i] u[t + 1 + i]

    ``kernel[0]`` weighs the current input. ``reverse_kernel[0]`` weighs the NEXT input (lag -1):
    the current one is seen by the causal half alone, the convention of the state-spaces/s4 code
    (S5's pair of scans differs: there both directions contain the current input). Inputs outside
    the sequence are zero. Kernels may be shorter or longer than the sequence.

    Half-precision input is transformed in float32. A few channels and sequences at a time, spectra
    recomputed in backward: no array but outputs and gradients has the size of the inputs.
    Differentiable once.
    """
    channels, length = inputs.shape[-2:]
    for name, taps in (("kernel", kernel), ("reverse_kernel", reverse_kernel)):
        if taps is not None and (taps.ndim < 2 or taps.shape[-2] != channels):
            raise ValueError(
                f"{name} has shape {tuple(taps.shape)}; needed is (channel, taps) with "
                f"{channels} channels for inputs of shape {tuple(inputs.shape)}"
            )
    kernel = kernel[..., :length]  # later taps only meet inputs before the sequence
    size = length + kernel.shape[-1] - 1
    if reverse_kernel is not None:
        reverse_kernel = reverse_kernel[..., : length - 1]
        size = max(size, length + reverse_kernel.shape[-1])
    size = _fast_size(size)
    dtype = torch.promote_types(inputs.dtype, kernel.dtype)
    working = torch.promote_types(dtype, torch.float32)
    # All taps in one row on the circle of `size` points: tap i of the reverse kernel at lag -(i+1).
    taps = torch.nn.functional.pad(kernel.to(working), (0, size - kernel.shape[-1]))
    if reverse_kernel is not None and reverse_kernel.shape[-1] > 0:
        anticausal = reverse_kernel.to(working).flip(-1)
        taps = taps + torch.nn.functional.pad(anticausal, (size - anticausal.shape[-1], 0))
    flat = inputs.to(working).reshape(-1, channels, length)
    return _convolve_op(flat, taps).reshape(inputs.shape).to(dtype)


@torch.library.custom_op("structlab::fft_convolve", mutates_args=())
def _convolve_op(inputs: Tensor, taps: Tensor) -> Tensor:
    """Circular: ``inputs`` (batch, channel, length) with ``taps`` (channel, size >= length)."""
    inputs, taps = inputs.detach(), taps.detach()
    length, size = inputs.shape[2], taps.shape[1]
    output = _like(inputs)

    def task(part):
        spectrum = torch.fft.rfft(taps[part])
        for few in _sequences(inputs, part):
            product = torch.fft.rfft(inputs[few, part], n=size).mul_(spectrum)
            output[few, part] = torch.fft.irfft(product, n=size)[..., :length]

    _over_channels(task, inputs)
    return output


@_convolve_op.register_fake
def _(inputs, taps):
    return _like(inputs)


@torch.library.custom_op("structlab::fft_convolve_backward", mutates_args=())
def _backward_op(grad: Tensor, inputs: Tensor, taps: Tensor) -> tuple[Tensor, Tensor]:
    """Correlations: the gradient with the taps, and with the inputs, whose spectra are computed
    again instead of kept."""
    inputs, taps = inputs.detach(), taps.detach()
    length, size = inputs.shape[2], taps.shape[1]
    grad_inputs = _like(inputs)
    grad_taps = torch.empty_like(taps, memory_format=torch.contiguous_format)

    def task(part):
        conjugate = torch.fft.rfft(taps[part]).conj_physical_()
        total = torch.zeros_like(conjugate)
        for few in _sequences(inputs, part):
            upstream = torch.fft.rfft(grad[few, part], n=size)
            spectrum = torch.fft.rfft(inputs[few, part], n=size).conj_physical_()
            total += spectrum.mul_(upstream).sum(0)
            product = upstream.mul_(conjugate)
            grad_inputs[few, part] = torch.fft.irfft(product, n=size)[..., :length]
        grad_taps[part] = torch.fft.irfft(total, n=size)

    _over_channels(task, inputs)
    return grad_inputs, grad_taps


@_backward_op.register_fake
def _(grad, inputs, taps):
    return _like(inputs), taps.new_empty(taps.shape)


def _setup_context(ctx, inputs, output):
    ctx.save_for_backward(*inputs)


def _backward(ctx, grad):
    return _backward_op(grad, *ctx.saved_tensors)


_convolve_op.register_autograd(_backward, setup_context=_setup_context)


def _like(inputs: Tensor) -> Tensor:
    """Channels innermost where the inputs have them so: (batch, length, channel) seen transposed
    is what layers pass, and each copy into the other order costs as much as a transform."""
    batch, channels, length = inputs.shape
    if inputs.stride(1) == 1 and inputs.stride(2) != 1:
        return inputs.new_empty(batch, length, channels).transpose(1, 2)
    return inputs.new_empty(batch, channels, length)


def _sequences(inputs, part):
    size = max(1, _ENTRIES // (inputs.shape[2] * (part.stop - part.start)))
    return [slice(start, start + size) for start in range(0, inputs.shape[0], size)]


def _over_channels(task, inputs):
    channels = inputs.shape[1]
    width = channels if inputs.device.type != "cpu" else min(_CHANNELS, -(-channels // 4))
    parts = [slice(i, min(i + width, channels)) for i in range(0, channels, width)]
    with torch.autocast(inputs.device.type, enabled=False):
        run_lanes(lambda lane: task(parts[lane]), len(parts))


def _fast_size(minimum: int) -> int:
    """The smallest 2^a 3^b 5^c that is even and at least ``minimum``."""
    best = 2
    while best < minimum:
        best *= 2
    for five in (1, 5, 25):
        for three in (1, 3, 9):
            size = 2 * three * five
            while size < minimum:
                size *= 2
            best = min(best, size)
    return best
