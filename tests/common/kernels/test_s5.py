import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from common.kernels.discretise import zoh
from common.kernels.s5 import s5_apply
from common.kernels.scan import diagonal_scan


@pytest.fixture(autouse=True)
def path(either_path):
    """Everything below holds with the compiled scan and without."""
    return either_path


properties = settings(
    max_examples=25,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],  # the path is one for all examples
)


def composition(u, lam_bar, B_bar, C, *, bidirectional=False, conj_sym=False):
    """The same layer from its parts, complex throughout."""
    driven = u.to(B_bar.dtype) @ B_bar.T
    states = diagonal_scan(lam_bar, driven)
    if bidirectional:
        states = torch.cat([states, diagonal_scan(lam_bar, driven, reverse=True)], -1)
    y = (states @ C.T).real
    return 2 * y if conj_sym else y


def problem(length, *, bidirectional=True, batch=2, width=5, state=3, out=4, seed=0):
    generator = torch.Generator().manual_seed(seed)

    def draw(*shape, dtype=torch.complex128):
        return torch.randn(*shape, dtype=dtype, generator=generator)

    lam = torch.complex(-draw(state, dtype=torch.float64).abs(), 5 * draw(state).real)
    lam_bar, scale = zoh(lam, torch.tensor(0.1).double())
    columns = 2 * state if bidirectional else state
    return (
        draw(batch, length, width, dtype=torch.float64),
        lam_bar,
        scale[:, None] * draw(state, width),
        draw(out, columns),
    )


@pytest.mark.parametrize("length", [1, 2, 3, 4, 5, 17, 64, 300])
@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("conj_sym", [False, True])
def test_equals_the_composition_and_its_gradients(length, bidirectional, conj_sym):
    arguments = problem(length, bidirectional=bidirectional)
    switches = {"bidirectional": bidirectional, "conj_sym": conj_sym}
    results = []
    for layer in (s5_apply, composition):
        leaves = [x.clone().requires_grad_() for x in arguments]
        y = layer(*leaves, **switches)
        upstream = torch.sin(torch.arange(y.numel(), dtype=torch.float64)).view(y.shape)
        results.append([y, *torch.autograd.grad(y, leaves, upstream)])
    for ours, expected in zip(*results, strict=True):
        torch.testing.assert_close(ours, expected, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("bidirectional", [False, True])
def test_gradcheck(bidirectional):
    arguments = problem(21, bidirectional=bidirectional, state=2, width=2, out=2)
    assert torch.autograd.gradcheck(
        lambda *x: s5_apply(*x, bidirectional=bidirectional),
        [x.requires_grad_() for x in arguments],
    )


def test_single_precision_is_as_good_as_the_composition():
    arguments = problem(3000)
    exact = composition(*arguments, bidirectional=True)
    single = [x.to(torch.complex64 if x.is_complex() else torch.float32) for x in arguments]

    def error(layer):
        return ((layer(*single, bidirectional=True) - exact).abs().max() / exact.abs().max()).item()

    assert error(s5_apply) <= 2 * error(composition) + 1e-6


@properties
@given(length=st.integers(2, 80), at=st.integers(1, 79))
def test_causal_forward_and_mirrored_in_reverse(length, at):
    at = min(at, length - 1)
    u, lam_bar, B_bar, C = problem(length, bidirectional=False)
    y = s5_apply(u, lam_bar, B_bar, C)
    changed = u.clone()
    changed[:, at:] += 1
    torch.testing.assert_close(s5_apply(changed, lam_bar, B_bar, C)[:, :at], y[:, :at])
    only_reverse = torch.cat([torch.zeros_like(C), C], 1)
    mirrored = s5_apply(u.flip(1), lam_bar, B_bar, only_reverse, bidirectional=True).flip(1)
    torch.testing.assert_close(mirrored, y)


@pytest.mark.parametrize("state", [1, 4, 7, 8, 16, 19, 40])
def test_any_number_of_states(state):
    """Whole, half, quarter and odd vectors of states."""
    arguments = problem(9, state=state)
    leaves, others = ([x.clone().requires_grad_() for x in arguments] for _ in range(2))
    ours = s5_apply(*leaves, bidirectional=True)
    expected = composition(*others, bidirectional=True)
    torch.testing.assert_close(ours, expected, rtol=1e-10, atol=1e-10)
    for pair in zip(
        torch.autograd.grad(ours.square().sum(), leaves),
        torch.autograd.grad(expected.square().sum(), others),
        strict=True,
    ):
        torch.testing.assert_close(*pair, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize(("batch", "length"), [(3, 2500), (40, 100), (2, 1024)])
@pytest.mark.parametrize("bidirectional", [False, True])
def test_tiles_and_lanes_do_not_show(batch, length, bidirectional):
    arguments = problem(length, batch=batch, bidirectional=bidirectional)
    results = []
    for layer in (s5_apply, composition):
        leaves = [x.clone().requires_grad_() for x in arguments]
        y = layer(*leaves, bidirectional=bidirectional)
        results.append([y, *torch.autograd.grad(y.sin().sum(), leaves)])
    for ours, expected in zip(*results, strict=True):
        assert (ours - expected).abs().max() <= 1e-11 * expected.abs().max()


def test_same_bits_with_one_thread_and_with_two(path):
    if path == "torch":
        pytest.skip("the products of the step-major path are split among threads by the BLAS")
    leaves = [x.requires_grad_() for x in problem(700, batch=5)]

    def results():
        y = s5_apply(*leaves, bidirectional=True)
        return [y, *torch.autograd.grad(y.square().sum(), leaves)]

    threads = torch.get_num_threads()
    try:
        torch.set_num_threads(1)
        one = results()
        torch.set_num_threads(2)
        two = results()
        again = results()
    finally:
        torch.set_num_threads(threads)
    for a, b, c in zip(one, two, again, strict=True):
        assert torch.equal(a, b)
        assert torch.equal(b, c)


def test_inference_mode():
    arguments = problem(2100)
    with torch.inference_mode():
        y = s5_apply(*arguments, bidirectional=True)
    torch.testing.assert_close(y, composition(*arguments, bidirectional=True))


@pytest.mark.parametrize("length", [1000, 1024])
def test_keeps_one_state_array_a_direction(length):
    u, lam_bar, B_bar, C = (x.requires_grad_() for x in problem(length, state=8, width=8, out=8))
    kept = {}

    def pack(tensor):
        kept[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage().nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        s5_apply(u, lam_bar, B_bar, C, bidirectional=True)
    del kept[u.untyped_storage().data_ptr()]
    state_array = u.shape[0] * length * 8 * 16  # complex128
    assert sum(kept.values()) < 2.1 * state_array


def test_autocast_computes_in_single_precision():
    u, lam_bar, B_bar, C = problem(40)
    single = [x.to(torch.complex64) for x in (lam_bar, B_bar, C)]
    u = u.float().bfloat16().requires_grad_()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        y = s5_apply(u, *single, bidirectional=True)
        y.sum().backward()
    assert y.dtype == torch.float32
    assert u.grad.dtype == torch.bfloat16
    expected = composition(u.detach().double(), lam_bar, B_bar, C, bidirectional=True)
    assert (y - expected).abs().max() / expected.abs().max() < 1e-5


@pytest.mark.parametrize("length", [1, 4, 41])
def test_operators_keep_the_promises_the_compiler_relies_on(length):
    u, lam_bar, B_bar, C = (x.requires_grad_() for x in problem(length))
    forward = torch.ops.structlab.s5_apply.default
    torch.library.opcheck(forward, (u, lam_bar, B_bar, C, True))
    transposed = B_bar.detach().T.contiguous().T  # strides of the inputs must not leak out
    y, states = forward(u.detach(), lam_bar.detach(), transposed, C.detach(), True)
    torch.library.opcheck(
        torch.ops.structlab.s5_apply_backward.default,
        (y[..., [0]].expand_as(y), u.detach(), lam_bar.detach(), transposed, C.detach(), states),
        test_utils=("test_schema", "test_faketensor"),
    )


def test_compiles_without_a_graph_break():
    arguments = [x.requires_grad_() for x in problem(40)]
    compiled = torch.compile(s5_apply, fullgraph=True, backend="aot_eager")
    y = compiled(*arguments, bidirectional=True)
    expected = s5_apply(*arguments, bidirectional=True)
    torch.testing.assert_close(y, expected)
    ours = torch.autograd.grad(y.sum(), arguments)
    torch.testing.assert_close(ours, torch.autograd.grad(expected.sum(), arguments))


@pytest.mark.parametrize(
    ("position", "value", "message"),
    [
        (0, torch.zeros(2, 8), "u has shape"),
        (0, torch.zeros(2, 8, 5, dtype=torch.complex64), "u has shape"),
        (1, torch.zeros(3), "lam_bar has shape"),
        (2, torch.zeros(5, 3, dtype=torch.complex64), "B_bar has shape"),
        (3, torch.zeros(4, 3, dtype=torch.complex64), "bidirectional=True"),
    ],
)
def test_bad_input(position, value, message):
    arguments = list(problem(8))
    arguments[position] = value
    with pytest.raises(ValueError, match=message):
        s5_apply(*arguments, bidirectional=True)
