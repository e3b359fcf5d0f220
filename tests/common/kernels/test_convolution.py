import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from common.kernels.convolution import fft_convolve

properties = settings(max_examples=40, deadline=None, derandomize=True)


def direct(inputs, kernel, reverse_kernel=None):
    """The double loop over outputs and taps, in float64."""
    inputs, length = inputs.double(), inputs.shape[-1]
    output = torch.zeros_like(inputs)
    for t in range(length):
        for i in range(min(t + 1, kernel.shape[-1])):
            output[..., t] += kernel[:, i].double() * inputs[..., t - i]
        if reverse_kernel is not None:
            for i in range(min(length - t - 1, reverse_kernel.shape[-1])):
                output[..., t] += reverse_kernel[:, i].double() * inputs[..., t + 1 + i]
    return output


def draw(*shape, seed=0, dtype=torch.float64):
    return torch.randn(*shape, dtype=dtype, generator=torch.Generator().manual_seed(seed))


@properties
@given(
    length=st.integers(1, 40),
    taps=st.integers(1, 60),
    reverse_taps=st.none() | st.integers(1, 60),
)
def test_equals_the_direct_sum(length, taps, reverse_taps):
    inputs, kernel = draw(2, 3, length), draw(3, taps, seed=1)
    reverse_kernel = None if reverse_taps is None else draw(3, reverse_taps, seed=2)
    output = fft_convolve(inputs, kernel, reverse_kernel)
    torch.testing.assert_close(
        output, direct(inputs, kernel, reverse_kernel), rtol=1e-12, atol=1e-12
    )


def test_lag_of_every_tap():
    impulse = torch.zeros(1, 7)
    impulse[0, 3] = 1.0
    output = fft_convolve(impulse, torch.tensor([[1.0, 2.0, 3.0]]), torch.tensor([[10.0, 20.0]]))
    expected = torch.tensor([[0.0, 20.0, 10.0, 1.0, 2.0, 3.0, 0.0]])
    torch.testing.assert_close(output, expected, rtol=1e-6, atol=1e-5)


def test_single_precision_error_is_relative_to_the_output():
    inputs, kernel = draw(4, 5000, dtype=torch.float32), draw(4, 5000, seed=1, dtype=torch.float32)
    exact = fft_convolve(inputs.double(), kernel.double())
    error = (fft_convolve(inputs, kernel) - exact).abs().max() / exact.abs().max()
    assert error < 1e-6


@properties
@given(length=st.integers(2, 50), shift=st.integers(1, 49))
def test_linear_causal_and_time_invariant(length, shift):
    shift = min(shift, length - 1)
    first, second, kernel = draw(2, length), draw(2, length, seed=1), draw(2, length, seed=2)
    output = fft_convolve(first, kernel)
    torch.testing.assert_close(
        fft_convolve(2 * first - 3 * second, kernel), 2 * output - 3 * fft_convolve(second, kernel)
    )
    changed = first.clone()
    changed[:, shift:] += 1
    torch.testing.assert_close(fft_convolve(changed, kernel)[:, :shift], output[:, :shift])
    delayed = torch.nn.functional.pad(first, (shift, 0))[:, :length]
    torch.testing.assert_close(fft_convolve(delayed, kernel)[:, shift:], output[:, :-shift])


def test_gradients():
    arguments = (draw(2, 2, 6), draw(2, 6, seed=1), draw(2, 4, seed=2))
    assert torch.autograd.gradcheck(fft_convolve, [x.requires_grad_() for x in arguments])


@pytest.mark.parametrize("innermost", [False, True])
def test_parts_of_channels_and_sequences(innermost, monkeypatch):
    monkeypatch.setattr("common.kernels.convolution._ENTRIES", 100)
    inputs = draw(5, 37, 20)
    if innermost:  # (batch, length, channel) seen transposed
        inputs = inputs.mT.contiguous().mT
    kernel, reverse_kernel = draw(37, 20, seed=1), draw(37, 20, seed=2)
    output = fft_convolve(inputs, kernel, reverse_kernel)
    torch.testing.assert_close(output, direct(inputs, kernel, reverse_kernel))
    assert output.stride() == inputs.stride()


def test_operators_keep_the_promises_the_compiler_relies_on():
    operator = torch.ops.structlab.fft_convolve.default
    for inputs in (draw(2, 3, 10), draw(2, 10, 3).mT):
        torch.library.opcheck(operator, (inputs.requires_grad_(), draw(3, 20).requires_grad_()))


def test_half_precision_is_transformed_in_single():
    inputs, kernel = draw(2, 33, dtype=torch.float32).bfloat16(), draw(2, 33, seed=1).float()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        output = fft_convolve(inputs, kernel)
    assert output.dtype == torch.float32
    torch.testing.assert_close(output, direct(inputs, kernel).float(), rtol=1e-4, atol=1e-4)


def test_channels_must_agree():
    with pytest.raises(ValueError, match="3 channels"):
        fft_convolve(torch.zeros(2, 3, 5), torch.zeros(2, 5))
    with pytest.raises(ValueError, match="reverse_kernel"):
        fft_convolve(torch.zeros(2, 3, 5), torch.zeros(3, 5), torch.zeros(1, 5))
