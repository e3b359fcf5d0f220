import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from common.kernels.scan import diagonal_scan

properties = settings(max_examples=25, deadline=None, derandomize=True)


def recurrence(lam_bar, inputs, initial=None, reverse=False):
    """x_k = lam_bar_k x_{k-1} + b_k, one step after the other."""
    lam_bar = lam_bar.expand(inputs.shape)
    state = torch.zeros_like(inputs[..., 0, :]) if initial is None else initial
    length = inputs.shape[-2]
    states = [None] * length
    for k in reversed(range(length)) if reverse else range(length):
        state = lam_bar[..., k, :] * state + inputs[..., k, :]
        states[k] = state
    return torch.stack(states, -2)


def problem(length, *, batch=(2,), state=3, per_step=False, dtype=torch.complex128, seed=0):
    generator = torch.Generator().manual_seed(seed)
    shape = (*batch, length, state) if per_step else (state,)

    def draw(*size):
        return torch.randn(*size, dtype=dtype, generator=generator)

    modulus = 0.7 + 0.3 * torch.rand(shape, dtype=torch.float64, generator=generator)
    sign = draw(*shape)
    lam_bar = (modulus * sign / sign.abs()).to(dtype)
    return lam_bar, draw(*batch, length, state), draw(*batch, state)


def relative_error(value, reference):
    return ((value - reference).abs().max() / reference.abs().max()).item()


@pytest.mark.parametrize("length", [1, 2, 15, 16, 31, 32, 33, 100, 257, 1500, 5000])
@pytest.mark.parametrize("per_step", [False, True])
@pytest.mark.parametrize("reverse", [False, True])
def test_equals_the_recurrence(length, per_step, reverse):
    lam_bar, inputs, initial = problem(length, per_step=per_step)
    for start in (None, initial):
        states = diagonal_scan(lam_bar, inputs, initial=start, reverse=reverse)
        expected = recurrence(lam_bar, inputs, start, reverse)
        assert relative_error(states, expected) < 1e-13


@pytest.mark.parametrize("dtype", [torch.float32, torch.complex64])
def test_single_precision_is_as_good_as_the_sequential_loop(dtype):
    lam_bar, inputs, _ = problem(4096, dtype=dtype)
    wide = torch.complex128 if dtype.is_complex else torch.float64
    exact = recurrence(lam_bar.to(wide), inputs.to(wide))
    peer = relative_error(recurrence(lam_bar, inputs), exact)
    assert relative_error(diagonal_scan(lam_bar, inputs), exact) <= 2 * peer + 1e-6


def test_unstable_and_vanishing_decay():
    lam_bar = torch.tensor([0.0, 1.0, 1.01, -1.0], dtype=torch.complex128)
    inputs = torch.randn(1, 300, 4, dtype=torch.complex128)
    assert relative_error(diagonal_scan(lam_bar, inputs), recurrence(lam_bar, inputs)) < 1e-12


@properties
@given(length=st.integers(1, 200), cut=st.integers(1, 199), reverse=st.booleans())
def test_split_and_join(length, cut, reverse):
    cut = min(cut, length)
    lam_bar, inputs, initial = problem(length, per_step=True, seed=length)
    whole = diagonal_scan(lam_bar, inputs, initial=initial, reverse=reverse)
    parts = [slice(0, cut), slice(cut, length)]
    if cut == length:
        parts = parts[:1]
    joined, state = [], initial
    for part in reversed(parts) if reverse else parts:
        piece = diagonal_scan(lam_bar[:, part], inputs[:, part], initial=state, reverse=reverse)
        state = piece[:, 0] if reverse else piece[:, -1]
        joined.append(piece)
    joined = torch.cat(joined[::-1] if reverse else joined, 1)
    assert relative_error(joined, whole) < 1e-12


@properties
@given(length=st.integers(1, 200), seed=st.integers(0, 9))
def test_linear_and_reversible(length, seed):
    lam_bar, first, _ = problem(length, seed=seed)
    _, second, _ = problem(length, seed=seed + 10)
    combined = diagonal_scan(lam_bar, 2 * first - 3j * second)
    parts = 2 * diagonal_scan(lam_bar, first) - 3j * diagonal_scan(lam_bar, second)
    torch.testing.assert_close(combined, parts, rtol=1e-11, atol=1e-11)
    mirrored = diagonal_scan(lam_bar, first.flip(1), reverse=True).flip(1)
    torch.testing.assert_close(mirrored, diagonal_scan(lam_bar, first), rtol=1e-11, atol=1e-11)


@properties
@given(length=st.integers(2, 200), at=st.integers(1, 199))
def test_causal_and_time_invariant(length, at):
    at = min(at, length - 1)
    lam_bar, inputs, _ = problem(length)
    states = diagonal_scan(lam_bar, inputs)
    changed = inputs.clone()
    changed[:, at:] += 1
    assert torch.equal(diagonal_scan(lam_bar, changed)[:, :at], states[:, :at])
    delayed = torch.cat([torch.zeros_like(inputs[:, :at]), inputs[:, :-at]], 1)
    torch.testing.assert_close(
        diagonal_scan(lam_bar, delayed)[:, at:], states[:, :-at], rtol=1e-11, atol=1e-11
    )


@pytest.mark.parametrize("per_step", [False, True])
@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("dtype", [torch.float64, torch.complex128])
def test_gradients(per_step, reverse, dtype):
    arguments = problem(35, batch=(2,), state=2, per_step=per_step, dtype=dtype)
    for tensor in arguments:
        tensor.requires_grad_()

    def scan(lam_bar, inputs, initial):
        return diagonal_scan(lam_bar, inputs, initial=initial, reverse=reverse)

    assert torch.autograd.gradcheck(scan, arguments, fast_mode=True)
    assert torch.autograd.gradgradcheck(scan, arguments, fast_mode=True)


def test_gradient_without_an_initial_state_and_with_mixed_dtypes():
    lam_bar, _, _ = problem(40)
    inputs = torch.randn(40, 3, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(
        diagonal_scan, (lam_bar.requires_grad_(), inputs), fast_mode=True
    )


def test_decay_that_broadcasts():
    lam_bar, inputs, _ = problem(50, per_step=True)
    shared = lam_bar[0].clone().requires_grad_()
    states = diagonal_scan(shared, inputs)
    assert relative_error(states, recurrence(shared, inputs)) < 1e-13
    states.abs().sum().backward()
    assert shared.grad.shape == shared.shape


def test_half_precision_keeps_single_precision_states():
    lam_bar, inputs, _ = problem(64, dtype=torch.float32)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        states = diagonal_scan(lam_bar, inputs.bfloat16())
    assert states.dtype == torch.float32
    assert relative_error(states, recurrence(lam_bar, inputs.bfloat16().float())) < 1e-6


@pytest.mark.parametrize("per_step", [False, True])
def test_operator_keeps_the_promises_the_compiler_relies_on(per_step):
    lam_bar, inputs, initial = (x.requires_grad_() for x in problem(40, per_step=per_step))
    operator = torch.ops.structlab.diagonal_scan.default
    torch.library.opcheck(operator, (lam_bar, inputs, initial, True))
    strided = inputs.detach().mT.contiguous().mT  # strides of the inputs must not leak out
    torch.library.opcheck(operator, (lam_bar, strided, None, False))


def test_compiles_without_a_graph_break():
    lam_bar, inputs, _ = problem(40, dtype=torch.complex64)
    lam_bar.requires_grad_()
    compiled = torch.compile(diagonal_scan, fullgraph=True, backend="aot_eager")
    states = compiled(lam_bar, inputs)
    assert torch.equal(states, diagonal_scan(lam_bar, inputs))
    (gradient,) = torch.autograd.grad(states.real.sum(), lam_bar)
    (expected,) = torch.autograd.grad(diagonal_scan(lam_bar, inputs).real.sum(), lam_bar)
    torch.testing.assert_close(gradient, expected)


@pytest.mark.parametrize(
    ("lam_shape", "input_shape", "initial_shape", "message"),
    [
        ((4,), (2, 5, 3), None, "lam_bar has shape"),
        ((2, 4, 3), (2, 5, 3), None, "does not broadcast"),
        ((3,), (2, 5, 3), (2, 4), "initial has shape"),
        ((3,), (2, 0, 3), None, "length >= 1"),
    ],
)
def test_bad_shapes(lam_shape, input_shape, initial_shape, message):
    initial = None if initial_shape is None else torch.zeros(initial_shape)
    with pytest.raises(ValueError, match=message):
        diagonal_scan(torch.zeros(lam_shape), torch.zeros(input_shape), initial=initial)


def test_bad_dtype():
    with pytest.raises(ValueError, match="int64"):
        diagonal_scan(torch.zeros(3, dtype=torch.int64), torch.zeros(2, 3, dtype=torch.int64))
