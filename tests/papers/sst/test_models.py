"""The spectral layer: against explicit gradients, plain autograd, and its own refusals."""

from __future__ import annotations

import copy

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from common.errors import InvalidInputError
from papers.sst.identities import layer_of, relative_error, stated_gradients
from papers.sst.models import DEFAULT, ENHANCED, SpectralLinear

SHAPES = [(20, 30), (24, 24), (30, 20)]


def gaussian(*shape):
    return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(7))


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("bias", [True, False])
def test_the_dense_layer_at_the_start(shape, bias):
    linear = nn.Linear(shape[1], shape[0], bias, dtype=torch.float64)
    layer, x = SpectralLinear.from_linear(linear, 5), gaussian(2, 7, shape[1])
    torch.testing.assert_close(layer(x), linear(x), rtol=0, atol=1e-12)
    torch.testing.assert_close(layer.to_linear()(x), linear(x), rtol=0, atol=1e-12)
    assert layer.orthogonality_error() < 1e-12


@pytest.mark.parametrize("gradient", [ENHANCED, DEFAULT])
@pytest.mark.parametrize("shape", SHAPES)
def test_gradients_are_those_stated(shape, gradient):
    m, n = shape
    layer = layer_of(gaussian(m, n), 4, gradient)
    layer.activate(torch.tensor([7, 1, 12, 3]))
    x, g = gaussian(3, 5, n).requires_grad_(), gaussian(3, 5, m)
    (layer(x) * g).sum().backward()
    G = g.flatten(0, 1).T @ x.detach().flatten(0, 1)
    of_U, of_s, of_V = stated_gradients(layer, G)
    assert relative_error(layer.U.grad, of_U) < 1e-12
    assert relative_error(layer.s.grad, of_s) < 1e-12
    assert relative_error(layer.V.grad, of_V) < 1e-12
    torch.testing.assert_close(x.grad, g @ layer.weight(), rtol=1e-10, atol=1e-10)


@settings(max_examples=25, deadline=None)
@given(m=st.integers(1, 9), n=st.integers(1, 9), rows=st.integers(0, 6), seed=st.integers(0, 10**6))
def test_the_default_gradient_is_the_partial_derivative(m, n, rows, seed):
    """Against autograd of the written-out product."""
    torch.manual_seed(seed)
    k = min(m, n)
    layer = SpectralLinear.from_linear(
        nn.Linear(n, m, dtype=torch.float64), 1 + seed % k, gradient=DEFAULT
    )
    x, g = torch.randn(rows, n).double().requires_grad_(), torch.randn(rows, m).double()
    (layer(x) * g).sum().backward()
    U, s, V = (t.detach().requires_grad_() for t in layer.triples())
    bias, plain = layer.bias.detach().requires_grad_(), x.detach().requires_grad_()
    ((((plain @ V) * s) @ U.T + bias) * g).sum().backward()
    for found, wanted in (
        (layer.U.grad, U.grad[:, layer.active]),
        (layer.V.grad, V.grad[:, layer.active]),
        (layer.s.grad, s.grad),
        (layer.bias.grad, bias.grad),
        (x.grad, plain.grad),
    ):
        torch.testing.assert_close(found, wanted, rtol=1e-9, atol=1e-9)


def test_no_gradient_of_the_size_of_the_weight_is_formed():
    """No tensor of m x n entries is made by forward or backward."""
    made = []

    class Watch(torch.utils._python_dispatch.TorchDispatchMode):
        def __torch_dispatch__(self, func, types, args=(), kwargs=None):
            out = func(*args, **(kwargs or {}))
            made.extend(
                o.numel()
                for o in (out if isinstance(out, tuple | list) else [out])
                if isinstance(o, torch.Tensor)
            )
            return out

    layer = SpectralLinear(200, 100, 3)
    x = torch.randn(4, 200, requires_grad=True)
    with Watch():
        layer(x).sum().backward()
    assert max(made) < 200 * 100


def test_frozen_vectors_get_nothing():
    layer = layer_of(gaussian(8, 6), 2)
    layer(gaussian(4, 6)).sum().backward()
    assert {name for name, _ in layer.named_parameters()} == {"U", "V", "s"}
    assert not layer.frozen_U.requires_grad
    assert layer.U.grad.shape == (8, 2)


@settings(max_examples=30, deadline=None)
@given(m=st.integers(2, 12), n=st.integers(2, 12), seed=st.integers(0, 10**6))
def test_activating_changes_no_function(m, n, seed):
    generator = torch.Generator().manual_seed(seed)
    k = min(m, n)
    rank = 1 + seed % k
    layer = layer_of(torch.randn(m, n, dtype=torch.float64, generator=generator), rank)
    before, weight = layer.triples(), layer.weight()
    for _ in range(3):
        chosen = torch.randperm(k, generator=generator)[:rank]
        layer.activate(chosen)
        assert set(layer.active.tolist()) == set(chosen.tolist())
        assert sorted(layer.order.tolist()) == list(range(k))
    for now, then in zip(layer.triples(), before, strict=True):
        assert torch.equal(now, then)
    torch.testing.assert_close(layer.weight(), weight, rtol=0, atol=1e-13)


def test_only_what_enters_or_leaves_is_moved():
    layer = layer_of(gaussian(8, 8), 3)
    layer.activate(torch.tensor([2, 7, 0]))
    assert layer.order[:3].tolist() == [0, 7, 2]


def test_columns_have_length_one_and_values_are_not_negative():
    layer = layer_of(gaussian(8, 6), 3)
    with torch.no_grad():
        layer.U.mul_(3.0).add_(0.1)
        layer.s[2] = -1.0
    layer.constrain()
    torch.testing.assert_close(layer.U.norm(dim=0), torch.ones(3, dtype=torch.float64))
    torch.testing.assert_close(layer.V.norm(dim=0), torch.ones(3, dtype=torch.float64))
    assert float(layer.s.min()) == 0.0


def test_both_gradients_take_the_same_first_step_of_adam():
    """Whose division by the gradient's size takes the factor s out again, up to its eps."""
    weight, x = gaussian(12, 9), gaussian(5, 9)
    stepped = []
    for gradient in (ENHANCED, DEFAULT):
        layer = layer_of(weight, 4, gradient)
        optimiser = torch.optim.Adam(layer.parameters(), lr=1e-2)
        layer(x).square().sum().backward()
        optimiser.step()
        layer.constrain()
        stepped.append(layer.weight().detach())
    torch.testing.assert_close(*stepped, rtol=0, atol=1e-8)
    assert float((stepped[0] - weight).abs().max()) > 1e-3


def test_a_singular_value_at_0_can_come_back():
    layer = layer_of(gaussian(6, 5), 2, ENHANCED)
    with torch.no_grad():
        layer.s[0] = 0.0
    u, v = layer.U[:, 0].detach().clone(), layer.V[:, 0].detach().clone()
    (-(u @ layer(v[None])[0])).backward()  # falls as the value rises
    torch.optim.SGD([layer.s], lr=0.5).step()
    layer.constrain()
    assert float(layer.s[0].detach()) == pytest.approx(0.5)


def test_a_random_start_keeps_the_singular_values_alone():
    linear = nn.Linear(20, 12, dtype=torch.float64)
    layer = SpectralLinear.from_linear(linear, 4, start="random")
    wanted = torch.linalg.svdvals(linear.weight.detach())
    torch.testing.assert_close(layer.s.detach(), wanted)
    assert layer.orthogonality_error() < 1e-12
    assert float((layer.weight() - linear.weight).abs().max()) > 0.1


def test_copies_and_state_dicts_are_whole():
    layer = layer_of(gaussian(9, 7), 3)
    layer.activate(torch.tensor([6, 2, 0]))
    other = SpectralLinear(7, 9, 3, bias=False, dtype=torch.float64)
    other.load_state_dict(layer.state_dict())
    x = gaussian(4, 7)
    assert torch.equal(other(x), layer(x))
    assert torch.equal(copy.deepcopy(layer)(x), layer(x))
    assert torch.equal(other.active, layer.active)


def test_under_autocast():
    layer = SpectralLinear.from_linear(nn.Linear(16, 12), 4)
    x = torch.randn(8, 16)
    with torch.autocast("cpu", torch.bfloat16):
        out = layer(x)
        assert out.dtype == torch.bfloat16
        out.float().sum().backward()
    assert layer.U.grad.dtype == torch.float32
    torch.testing.assert_close(out.float(), layer(x), rtol=0.1, atol=0.05)


@pytest.mark.parametrize("rank", [0, 7, -1])
def test_ranks_out_of_range(rank):
    with pytest.raises(
        InvalidInputError, match=f"rank={rank}; a layer of 6 x 8.*allowed are 1 to 6"
    ):
        SpectralLinear(8, 6, rank)


def test_other_refusals():
    with pytest.raises(InvalidInputError, match="allowed: enhanced, default"):
        SpectralLinear(8, 6, 2, gradient="natural")
    with pytest.raises(InvalidInputError, match="allowed: svd, random"):
        SpectralLinear.from_linear(nn.Linear(8, 6), 2, start="zeros")
    broken = nn.Linear(8, 6)
    with torch.no_grad():
        broken.weight[0, 0] = float("nan")
    with pytest.raises(InvalidInputError, match="not finite"):
        SpectralLinear.from_linear(broken, 2)
    with pytest.raises(InvalidInputError, match="are not 2 different indexes"):
        SpectralLinear(8, 6, 2).activate(torch.tensor([1, 1]))


@pytest.mark.gpu
def test_on_a_gpu():
    layer = SpectralLinear.from_linear(nn.Linear(16, 12).cuda(), 4)
    x = torch.randn(8, 16, device="cuda")
    layer(x).sum().backward()
    layer.activate(torch.tensor([5, 1, 2, 9], device="cuda"))
    layer.decompose()
    assert layer.U.grad.is_cuda
