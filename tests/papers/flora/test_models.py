"""FLoRA: its formula, its three convolutions against one, its counts, and as an adapter."""

from __future__ import annotations

import warnings

import pytest
import torch
from torch import nn

from common.adapters.cost import kept_bytes
from common.adapters.plain import adapt
from common.adapters.sites import site
from common.errors import InvalidInputError
from common.kernels.multilinear import multilinear_ranks
from papers.flora.lora_view import ViewLoRAMethod
from papers.flora.models import FLoRAMethod
from tests.adapters.models import Net, Wrapped, stir
from tests.adapters.plain_contract import PlainContract


def numbers(shape, rank, spatial_rank) -> int:
    ranks = multilinear_ranks(shape, (rank, rank, *[spatial_rank] * (len(shape) - 2)))
    core = torch.Size(ranks).numel()
    return sum(d * r for d, r in zip(shape, ranks, strict=True)) + core


class TestOnPlainModules(PlainContract):
    method = FLoRAMethod(rank=2, spatial_rank=2, scale=0.5)

    def numbers(self, shape):
        return numbers(shape, 2, 2)


@pytest.mark.slow
class TestFromAZeroFactor(PlainContract):
    method = FLoRAMethod(rank=2, start="zero_factor", alpha=1.0, deviation=0.3)

    def numbers(self, shape):
        return numbers(shape, 2, 2)


@pytest.mark.slow
class TestDiagonalCore(PlainContract):
    method = FLoRAMethod(rank=1, spatial_rank=1, core="diagonal")

    def numbers(self, shape):
        return numbers(shape, 1, 1)


LAYERS = {
    "linear": nn.Linear(7, 6),
    "conv1d": nn.Conv1d(5, 6, 4),
    "conv2d": nn.Conv2d(5, 6, (3, 5)),
    "grouped": nn.Conv2d(6, 6, 3, groups=3),
    "depthwise": nn.Conv2d(6, 6, 7, groups=6),
    "conv3d": nn.Conv3d(4, 5, (2, 3, 2)),
    "embedding": nn.Embedding(9, 5),
}


@pytest.mark.parametrize("name", LAYERS)
@pytest.mark.parametrize("spatial", [True, False])
@pytest.mark.parametrize("core", ["free", "diagonal", "orthogonal"])
def test_the_formula(name, spatial, core):
    place = site(name, LAYERS[name].double())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        update = FLoRAMethod(rank=2, scale=0.5, spatial=spatial, core=core).build(place, None, 0)
    stir([update])
    n = len(place.shape)
    inner, outer = "abcde"[:n], "vwxyz"[:n]
    G = update.core
    if core == "diagonal":
        full = G.new_zeros(G.shape[0], *G.shape)
        for a in range(G.shape[0]):
            full[a, a] = G[a]
        G = full
    factors = [update.modes[m] if m < len(update.modes) else None for m in range(n)]
    factors = [
        torch.eye(d).double() if f is None else torch.linalg.qr(f).Q if core == "orthogonal" else f
        for f, d in zip(factors, place.shape, strict=True)
    ]
    parts = ",".join(o + i for o, i in zip(outer, inner, strict=True))
    expected = 0.5 * torch.einsum(f"{inner},{parts}->{outer}", G, *factors)
    torch.testing.assert_close(update.change().view(place.shape), expected, rtol=1e-12, atol=1e-12)


def test_a_core_of_rank_one_by_hand():
    place = site("layer", nn.Conv2d(2, 2, (1, 2), bias=False).double())
    update = FLoRAMethod(ranks=(1, 1, 1, 1), scale=2.0).build(place, None, 0).double()
    with torch.no_grad():
        update.core.fill_(3.0)
        for mode, values in enumerate(([1.0, 2.0], [1.0, -1.0], [1.0], [5.0, 7.0])):
            update.modes[mode].copy_(torch.tensor(values)[:, None])
    expected = 6.0 * torch.tensor([[[[5.0, 7.0]], [[-5.0, -7.0]]], [[[10, 14]], [[-10, -14]]]])
    torch.testing.assert_close(update.change().view(2, 2, 1, 2), expected.double())


def test_factors_in_the_authors_order_are_the_same_change():
    """Theirs is (in, out, height, width); here that of the weight, (out, in, height, width)."""
    place = site("layer", nn.Conv2d(5, 6, 3, bias=False).double())
    update = FLoRAMethod(ranks=(3, 2, 2, 1), scale=4.0).build(place, None, 0).double()
    core = torch.randn(2, 3, 2, 1, dtype=torch.float64)
    factors = [torch.randn(n, r).double() for n, r in ((5, 2), (6, 3), (3, 2), (3, 1))]
    theirs = 4.0 * torch.einsum("abcd,ia,ob,hc,wd->iohw", core, *factors)
    order = (1, 0, 2, 3)
    with torch.no_grad():
        update.core.copy_(core.permute(order))
        for mode, taken in enumerate(order):
            update.modes[mode].copy_(factors[taken])
    change = update.change().view(place.shape)
    torch.testing.assert_close(change, theirs.transpose(0, 1))


CONFIGURATIONS = [
    {"kernel_size": k, "stride": s, "padding": p, "dilation": d, "groups": g, "padding_mode": m}
    for k, s, p, d in [
        (1, 1, 0, 1),
        (3, 1, 1, 1),
        (3, 2, 1, 1),
        (3, 1, 2, 2),
        ((3, 5), 1, (1, 2), 1),
        ((3, 5), (2, 1), 0, (1, 2)),
        (7, 1, 3, 1),
    ]
    for g in (1, 2, 8)
    for m in ("zeros", "circular", "reflect")
]


@pytest.mark.parametrize("settings", CONFIGURATIONS)
def test_the_side_path_is_the_convolution_with_the_change(settings):
    torch.manual_seed(0)
    layer = nn.Conv2d(8, 8, bias=False, **settings)
    place, x = site("layer", layer), torch.randn(2, 8, 12, 13)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        update = FLoRAMethod(rank=3, spatial_rank=2).build(place, None, 0)
    stir([update])
    both = nn.Conv2d(8, 8, bias=False, **settings)
    both.weight = nn.Parameter(layer.weight + update.change().view(place.shape))
    expected = both(x)
    found = layer(x) + update.side(x, place)
    assert (found - expected).abs().max() <= 1e-5 * expected.abs().max()


@pytest.mark.parametrize(
    ("out", "inputs", "side", "spatial_rank", "flora", "view", "peft"),
    [(256, 256, 3, 2, 20_492, 147_456, 81_920), (512, 512, 7, 4, 49_208, 1_605_632, 819_200)],
)
def test_counts(out, inputs, side, spatial_rank, flora, view, peft):
    place = site("layer", nn.Conv2d(inputs, out, side, bias=False))
    update = FLoRAMethod(rank=32, spatial_rank=spatial_rank).build(place, None, 0)
    assert update.number() == flora
    assert ViewLoRAMethod(rank=32).build(place, None, 0).number() == view
    assert 32 * (inputs * side**2 + out) == peft


def test_ranks_that_no_change_can_have_are_lowered_and_said():
    place = site("stem", nn.Conv2d(3, 64, 3))
    with pytest.warns(UserWarning, match=r"stem: ranks \[16, 16, 2, 2\] are lowered to"):
        update = FLoRAMethod().build(place, None, 0)
    assert update.core.shape == (12, 3, 2, 2)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        depthwise = site("depthwise", nn.Conv2d(8, 8, 7, groups=8))
        found = FLoRAMethod(rank=4).build(depthwise, None, 0)
    assert found.core.shape == (4, 1, 2, 2)


def test_only_the_core_has_a_gradient_at_first():
    torch.manual_seed(0)
    model = Wrapped(nn.Conv2d(6, 8, 3))
    (adapter,) = adapt(model, FLoRAMethod(rank=2)).values()
    model(torch.randn(2, 6, 7, 7)).square().sum().backward()
    assert adapter.core.grad.abs().sum() > 0
    assert all(not factor.grad.any() for factor in adapter.modes)


def test_factors_start_as_the_authors():
    place = site("layer", nn.Linear(2000, 3000))
    update = FLoRAMethod(rank=8).build(place, None, 0)
    for factor in update.modes:
        assert factor.std().item() == pytest.approx((0.5 / 8) ** 0.5, rel=0.02)
    other = FLoRAMethod(rank=8, deviation=0.02).build(place, None, 0)
    assert other.modes[0].std().item() == pytest.approx(0.02, rel=0.02)


def test_an_input_without_a_batch():
    """Where a channel's size is that of the image, a mistaken axis would go unseen."""
    torch.manual_seed(0)
    layer = nn.Conv2d(6, 6, 3, padding=1)
    place = site("layer", layer)
    update = FLoRAMethod(rank=6).build(place, None, 0)
    nn.init.normal_(update.core)
    x = torch.randn(6, 6, 6)
    torch.testing.assert_close(update.side(x, place), update.side(x[None], place)[0])
    assert update.side(x, place).shape == layer(x).shape


@pytest.mark.parametrize("settings", [{}, {"start": "zero_factor"}, {"core": "orthogonal"}])
def test_what_is_formed_again_is_not_kept_and_gives_the_same_gradients(settings):
    torch.manual_seed(0)
    x = torch.randn(2, 6, 9, 9)
    found = []
    for recompute in (True, False):
        torch.manual_seed(1)
        model = nn.Sequential(nn.Conv2d(6, 5, 3, padding=1))
        method = FLoRAMethod(rank=3, recompute=recompute, **settings)
        (adapter,) = adapt(model, method).values()
        stir([adapter])
        kept = kept_bytes(model, x)
        seen = x.clone().requires_grad_()
        model(seen).square().sum().backward()
        found.append((kept, [seen.grad, *(p.grad for p in adapter.parameters())]))
    (again, grads), (kept, expected) = found
    assert again == 0 < kept
    for grad, wanted in zip(grads, expected, strict=True):
        torch.testing.assert_close(grad, wanted)


def test_mistakes_are_told():
    for method, message in (
        (FLoRAMethod(rank=0), "rank=0; allowed: 1 or more"),
        (FLoRAMethod(spatial_rank=0), "spatial_rank=0; allowed: 1 or more"),
        (FLoRAMethod(ranks=(2, 0)), r"ranks=\[2, 0\]; allowed: at least two"),
        (FLoRAMethod(ranks=(2, 2, 2)), r"ranks=\[2, 2, 2\] for first of shape \(8, 6\)"),
        (FLoRAMethod(scale=1.0, alpha=2.0), "exclude each other: give one"),
        (FLoRAMethod(ranks=(2, 2), alpha=2.0), "divided by rank, which ranks"),
        (FLoRAMethod(start="zeros"), "start='zeros'; allowed: zero_core, zero_factor"),
        (FLoRAMethod(start="zero_factor", core="orthogonal"), "has no zero factor"),
        (FLoRAMethod(core="sparse"), "core='sparse'; allowed: free, diagonal, orthogonal"),
    ):
        with pytest.raises(InvalidInputError, match=message):
            adapt(Net(), method, include=["first"])
