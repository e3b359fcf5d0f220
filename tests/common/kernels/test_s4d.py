import pytest
import torch

from common.kernels.s4d import MODES, faster_mode, s4d_apply


@pytest.fixture(autouse=True)
def path(either_path):
    """Everything below holds with the compiled scan and without."""
    return either_path


def problem(length, *, batch=2, channels=3, state=4, two_sided=True, dtype=torch.complex128):
    generator = torch.Generator().manual_seed(0)

    def draw(*shape, kind=torch.complex128):
        return torch.randn(*shape, dtype=kind, generator=generator)

    step = torch.logspace(-3, -1, channels, dtype=torch.float64)[:, None]
    frequency = torch.pi * torch.arange(state, dtype=torch.float64).expand(channels, state)
    lam_step = step * torch.complex(torch.full_like(frequency, -0.5), frequency)
    arguments = [draw(batch, length, channels, kind=torch.float64), draw(channels, state), lam_step]
    if two_sided:
        arguments.append(draw(channels, state))
    real = torch.float32 if dtype == torch.complex64 else torch.float64
    return [x.to(dtype if x.is_complex() else real) for x in arguments]


def apply(u, weights, lam_step, reverse_weights=None, mode="auto"):
    return s4d_apply(u, weights, lam_step, reverse_weights=reverse_weights, mode=mode)


def direct(u, weights, lam_step, reverse_weights=None):
    """The recurrences, one step after the other."""
    decay, y = torch.exp(lam_step), []
    state = torch.zeros(u.shape[0], *weights.shape, dtype=weights.dtype)
    for t in range(u.shape[1]):
        state = decay * state + u[:, t, :, None]
        y.append(2 * (weights * state).sum(-1).real)
    if reverse_weights is not None:
        state = torch.zeros_like(state)
        for t in reversed(range(u.shape[1] - 1)):
            state = decay * state + u[:, t + 1, :, None]
            y[t] = y[t] + 2 * (reverse_weights * state).sum(-1).real
    return torch.stack(y, 1)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("length", [1, 2, 31, 32, 33, 64, 65, 300])
@pytest.mark.parametrize("two_sided", [False, True])
def test_equals_the_recurrence_and_its_gradients(mode, length, two_sided):
    arguments = problem(length, two_sided=two_sided)
    results = []
    for layer in (direct, lambda *x: apply(*x, mode=mode)):
        leaves = [x.clone().requires_grad_() for x in arguments]
        y = layer(*leaves)
        results.append([y, *torch.autograd.grad(y.sin().sum(), leaves, materialize_grads=True)])
    for expected, ours in zip(*results, strict=True):
        assert (ours - expected).abs().max() <= 1e-11 * expected.abs().max() + 1e-300


@pytest.mark.parametrize("mode", ["convolution", "scan"])
def test_gradcheck(mode):
    arguments = [x.requires_grad_() for x in problem(70, batch=1, channels=2, state=2)]
    assert torch.autograd.gradcheck(lambda *x: apply(*x, mode=mode), arguments, fast_mode=True)


@pytest.mark.parametrize("mode", ["convolution", "scan"])
def test_many_channels_and_sequences_go_in_parts(mode, monkeypatch):
    for module in ("s4d_blocks", "convolution"):
        monkeypatch.setattr(f"common.kernels.{module}._ENTRIES", 500)
    arguments = problem(130, batch=5, channels=37)
    y = apply(*arguments, mode=mode)
    assert (y - direct(*arguments)).abs().max() < 1e-11 * y.abs().max()


@pytest.mark.parametrize("block", [1, 2, 5, 64])
def test_any_length_of_blocks(block, monkeypatch):
    monkeypatch.setattr("common.kernels.s4d._SHORT_BLOCK", block)
    arguments = problem(130)
    y = apply(*arguments, mode="scan")
    assert (y - direct(*arguments)).abs().max() < 1e-11 * y.abs().max()


@pytest.mark.parametrize("mode", ["convolution", "scan"])
def test_single_precision(mode):
    """Worst over outputs and gradients, at a length where phases pass a thousand radians."""
    arguments = problem(4096, state=32)
    results = []
    for dtype in (torch.complex128, torch.complex64):
        real = torch.float64 if dtype == torch.complex128 else torch.float32
        leaves = [x.to(torch.complex64 if x.is_complex() else torch.float32) for x in arguments]
        leaves = [x.to(dtype if x.is_complex() else real).requires_grad_() for x in leaves]
        y = apply(*leaves, mode=mode)
        results.append([y, *torch.autograd.grad(y.sum(), leaves)])
    for exact, ours in zip(*results, strict=True):
        assert (ours - exact).abs().max() < 1e-5 * exact.abs().max()


@pytest.mark.parametrize("mode", ["convolution", "scan"])
def test_same_bits_with_one_thread_and_with_two(mode):
    leaves = [x.requires_grad_() for x in problem(200, channels=12, dtype=torch.complex64)]
    threads, results = torch.get_num_threads(), []
    try:
        for count in (1, 2):
            torch.set_num_threads(count)
            y = apply(*leaves, mode=mode)
            results.append([y, *torch.autograd.grad(y.sin().sum(), leaves)])
    finally:
        torch.set_num_threads(threads)
    for one, two in zip(*results, strict=True):
        assert torch.equal(one, two)


def test_half_precision_input_is_computed_in_single():
    u, *rest = problem(70, dtype=torch.complex64)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        y = apply(u.bfloat16(), *rest, mode="scan")
    assert y.dtype == torch.float32
    expected = direct(u.bfloat16().float(), *rest)
    assert (y - expected).abs().max() < 1e-5 * expected.abs().max()


def test_operators_keep_the_promises_the_compiler_relies_on():
    generator = torch.Generator().manual_seed(0)

    def draw(*shape):
        return torch.randn(*shape, dtype=torch.float64, generator=generator).requires_grad_()

    arguments = (draw(2, 19, 3), draw(3, 8, 8), draw(3, 8, 4), draw(3, 4, 8), draw(3, 4))
    torch.library.opcheck(torch.ops.structlab.s4d_blocks.default, arguments)


@pytest.mark.parametrize("mode", ["convolution", "scan"])
def test_compiles_without_a_graph_break(mode):
    arguments = [x.requires_grad_() for x in problem(90)]
    y = torch.compile(apply, fullgraph=True, backend="aot_eager")(*arguments, mode=mode)
    expected = apply(*arguments, mode=mode)
    torch.testing.assert_close(y, expected)
    torch.testing.assert_close(
        torch.autograd.grad(y.sin().sum(), arguments),
        torch.autograd.grad(expected.sin().sum(), arguments),
    )


def test_auto_by_shape():
    """The scan where the sequence is long and the state small, the FFT where batches are large."""
    assert faster_mode(1, 65536, 4, False) == "scan"
    assert faster_mode(32, 256, 64, True) == "convolution"


def test_bad_input():
    u, weights, lam_step, _ = problem(8)
    with pytest.raises(ValueError, match="mode is 'fft'; allowed: auto"):
        apply(u, weights, lam_step, mode="fft")
    with pytest.raises(ValueError, match="3 channels"):
        apply(u, weights[:2], lam_step)
    with pytest.raises(ValueError, match="lam_step has shape"):
        apply(u, weights, lam_step[:, :2])
    with pytest.raises(ValueError, match="complex dtype"):
        apply(u, weights.real, lam_step)
    with pytest.raises(ValueError, match="u has shape"):
        apply(u[0], weights, lam_step)
