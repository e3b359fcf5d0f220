"""Long convolution through the FFT: O(L log L) in place of O(L^2)."""

import torch
from jaxtyping import Float
from torch import Tensor


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

    Half-precision input is transformed in float32.
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
    spectrum = torch.fft.rfft(kernel.to(working), n=size)
    if reverse_kernel is not None and reverse_kernel.shape[-1] > 0:
        # Tap i of the reverse kernel sits at lag -(i + 1), on the circle of `size` points.
        anticausal = reverse_kernel.to(working).flip(-1)
        padded = torch.nn.functional.pad(anticausal, (size - anticausal.shape[-1], 0))
        spectrum = spectrum + torch.fft.rfft(padded)
    product = torch.fft.rfft(inputs.to(working), n=size) * spectrum
    return torch.fft.irfft(product, n=size)[..., :length].to(dtype)


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
