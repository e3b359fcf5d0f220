import pytest
import torch

from common.kernels.vandermonde import vandermonde_kernel


def naive(weights, lam_step, length):
    """2 Re of the Vandermonde product, every exponential evaluated."""
    powers = torch.exp(lam_step[..., None] * torch.arange(length, dtype=lam_step.real.dtype))
    return 2 * torch.einsum("hn,hnl->hl", weights, powers).real


def problem(dtype=torch.complex128, channels=3, state=4, frequency=50.0):
    generator = torch.Generator().manual_seed(0)
    step = torch.logspace(-3, -1, channels, dtype=torch.float64)[:, None]
    imaginary = frequency * torch.rand(channels, state, dtype=torch.float64, generator=generator)
    lam_step = step * torch.complex(torch.full_like(imaginary, -0.5), imaginary)
    weights = torch.randn(channels, state, dtype=torch.complex128, generator=generator)
    return weights.to(dtype), lam_step.to(dtype)


@pytest.mark.parametrize("length", [1, 2, 3, 16, 17, 100, 1024, 1025])
def test_equals_the_naive_product(length):
    weights, lam_step = problem()
    torch.testing.assert_close(
        vandermonde_kernel(weights, lam_step, length),
        naive(weights, lam_step, length),
        rtol=1e-11,
        atol=1e-11,
    )


def test_single_precision_beats_the_naive_product():
    weights, lam_step = problem(torch.complex64, channels=8, state=32, frequency=1300.0)
    exact = naive(weights.to(torch.complex128), lam_step.to(torch.complex128), 4096)

    def error(kernel):
        return ((kernel - exact).abs().max() / exact.abs().max()).item()

    ours = error(vandermonde_kernel(weights, lam_step, 4096))
    assert ours < 1e-6
    assert ours < error(naive(weights, lam_step, 4096))


@pytest.mark.parametrize("length", [1, 9, 23])
def test_gradients(length):
    arguments = problem(channels=2, state=3)
    for tensor in arguments:
        tensor.requires_grad_()
    assert torch.autograd.gradcheck(
        lambda weights, lam_step: vandermonde_kernel(weights, lam_step, length), arguments
    )


def test_single_precision_gradients():
    weights, lam_step = problem(torch.complex64)
    upstream = torch.randn(3, 500, generator=torch.Generator().manual_seed(1))
    pairs = []
    for kernel, dtype in ((vandermonde_kernel, torch.complex64), (naive, torch.complex128)):
        leaves = [x.detach().to(dtype).requires_grad_() for x in (weights, lam_step)]
        (kernel(*leaves, 500) * upstream).sum().backward()
        pairs.append([x.grad for x in leaves])
    for ours, exact in zip(*pairs, strict=True):
        assert (ours - exact).abs().max() / exact.abs().max() < 2e-6


def test_linear_in_the_weights_and_shift_is_a_power():
    weights, lam_step = problem()
    kernel = vandermonde_kernel(weights, lam_step, 60)
    torch.testing.assert_close(vandermonde_kernel(-3 * weights, lam_step, 60), -3 * kernel)
    later = vandermonde_kernel(weights * torch.exp(7 * lam_step), lam_step, 53)
    torch.testing.assert_close(later, kernel[:, 7:])


def test_operators_keep_the_promises_the_compiler_relies_on():
    weights, lam_step = (x.requires_grad_() for x in problem())
    torch.library.opcheck(torch.ops.structlab.vandermonde_kernel.default, (weights, lam_step, 50))
    torch.library.opcheck(
        torch.ops.structlab.vandermonde_kernel_backward.default,
        (torch.ones(3, 50).double(), weights.detach().T.contiguous().T, lam_step.detach()),
        test_utils=("test_schema", "test_faketensor"),
    )


def test_compiles_without_a_graph_break():
    weights, lam_step = problem(torch.complex64)
    weights.requires_grad_()
    compiled = torch.compile(vandermonde_kernel, fullgraph=True, backend="aot_eager")
    kernel = compiled(weights, lam_step, 50)
    torch.testing.assert_close(kernel, vandermonde_kernel(weights, lam_step, 50))
    kernel.square().sum().backward()
    assert torch.isfinite(torch.view_as_real(weights.grad)).all()


def test_autocast_leaves_the_kernel_in_single_precision():
    weights, lam_step = problem(torch.complex64)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        kernel = vandermonde_kernel(weights, lam_step, 50)
    torch.testing.assert_close(kernel, vandermonde_kernel(weights, lam_step, 50))


def test_bad_input():
    weights, lam_step = problem()
    with pytest.raises(ValueError, match="same \\(channel, state\\)"):
        vandermonde_kernel(weights[:2], lam_step, 8)
    with pytest.raises(ValueError, match="complex dtype"):
        vandermonde_kernel(weights.real, lam_step, 8)
    with pytest.raises(ValueError, match="length is 0"):
        vandermonde_kernel(weights, lam_step, 0)
