"""LoLDU: its equation, its gradient, the structure of what is left, and as an adapter."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import nn

from common.adapters.plain import adapt, adapter_state
from common.adapters.sites import site
from common.errors import InvalidInputError
from papers.loldu.decompositions import ldu, of_columns
from papers.loldu.models import INITS, LoLDUMethod, fingerprint, starting_values
from tests.adapters.models import Net, Wrapped, stir
from tests.adapters.plain_contract import PlainContract


class TestOnPlainModules(PlainContract):
    method = LoLDUMethod(rank=4)

    def numbers(self, shape):
        return 4


@pytest.mark.slow
class TestAsInThePaper(PlainContract):
    method = LoLDUMethod(rank=3, alpha=1.5, decay="z", train_scale=True)

    def numbers(self, shape):
        return 4


@pytest.mark.slow
class TestRandomAtoms(PlainContract):
    method = LoLDUMethod(rank=6, atoms="random")

    def numbers(self, shape):
        return 6


def built(shape=(9, 7), seed=0, **settings):
    torch.manual_seed(seed)
    place = site("layer", nn.Linear(shape[1], shape[0]).double())
    return place, LoLDUMethod(**settings).build(place, None, 0)


@pytest.mark.parametrize("decay", ["delta", "z"])
@pytest.mark.parametrize("train_scale", [False, True])
def test_the_equation(decay, train_scale):
    place, update = built(rank=4, alpha=2.0, decay=decay, train_scale=train_scale)
    atoms = ldu(place.weight)
    sigma = 0.5
    residual = place.weight - sigma * atoms.first(4).matrix()
    start = residual + sigma * atoms.first(4).matrix()
    torch.testing.assert_close(place.weight + update.change(), start)
    stir([update])
    z = update.z + atoms.values[:4] if decay == "delta" else update.z
    sigma = update.sigma if train_scale else sigma
    expected = residual + sigma * (atoms.left[:, :4] * z @ atoms.right[:4])
    torch.testing.assert_close(place.weight + update.change(), expected)


def test_the_gradient_of_a_pivot():
    place, update = built(rank=5, alpha=10.0)
    stir([update])
    x, grad = torch.randn(11, 7).double(), torch.randn(11, 9).double()
    (update.side(x, place) * grad).sum().backward()
    G = grad.mT @ x
    atoms = ldu(place.weight)
    expected = 2.0 * torch.stack([atoms.left[:, i] @ G @ atoms.right[i] for i in range(5)])
    torch.testing.assert_close(update.z.grad, expected, rtol=1e-10, atol=1e-10)
    by_token = 2.0 * ((grad @ atoms.left[:, :5]) * (x @ atoms.right[:5].mT)).sum(0)
    torch.testing.assert_close(update.z.grad, by_token, rtol=1e-10, atol=1e-10)


def test_training_takes_twelve_bytes_a_pivot():
    """A number and Adam's two moments of it, float32; the factors have none."""
    place = site("layer", nn.Linear(7, 9))
    update = LoLDUMethod(rank=5).build(place, None, 0)
    optimiser = torch.optim.Adam(update.parameters())
    update.side(torch.randn(3, 7), place).sum().backward()
    optimiser.step()
    moments = [
        moment
        for state in optimiser.state.values()
        for name, moment in state.items()
        if name != "step"
    ]
    held = sum(t.numel() * t.element_size() for t in [*update.parameters(), *moments])
    assert held == 12 * 5


def test_a_token_keeps_r_numbers():
    place, update = built((64, 48), rank=8)
    kept = {}
    held = {b.untyped_storage().data_ptr() for b in update.buffers()}

    def keep(tensor):
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in held:
            kept[storage.data_ptr()] = storage.nbytes() // tensor.element_size()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        update.side(torch.randn(100, 48).double().requires_grad_(False), place)
    assert sum(kept.values()) <= 100 * 8 + 2 * 8


@pytest.mark.parametrize("shape", [(8, 8), (12, 7), (7, 12)])
@pytest.mark.parametrize("rank", [1, 3, 7])
def test_the_structure_of_what_is_left(shape, rank):
    torch.manual_seed(sum(shape))
    weight = torch.randn(shape).double()
    atoms = ldu(weight)
    part = atoms.first(rank).matrix()
    rows = atoms.order[:rank]
    C, M, R = weight[:, :rank], weight[rows, :rank], weight[rows]
    torch.testing.assert_close(part, C @ torch.linalg.solve(M, R), rtol=1e-9, atol=1e-9)
    left = weight - part
    assert left[:, :rank].abs().max() < 1e-10
    assert left[rows].abs().max() < 1e-10
    rank_left = int(torch.linalg.matrix_rank(left, atol=1e-10))
    assert rank_left == min(shape) - rank


def test_the_determinant_is_the_product_of_the_pivots():
    place, update = built((6, 6), rank=6)
    stir([update])
    z = update.z + update.pivots
    found = torch.linalg.det(place.weight + update.change()).abs()
    torch.testing.assert_close(found, z.prod().abs(), rtol=1e-8, atol=0)


def test_starts():
    pivots = torch.tensor([3.0, -1.0, 2.0, 0.5])
    values = {init: starting_values(pivots, init, 0) for init in INITS}
    assert torch.equal(values["ldu"], pivots)
    assert torch.equal(values["constant"], torch.full((4,), 1.125))
    assert values["uniform"].abs().max() <= 1.125 / 2
    assert values["std_uniform"].abs().max() <= 1
    assert torch.equal(values["ones"], torch.ones(4))
    assert not values["zeros"].any()
    many = starting_values(torch.randn(4000) * 2 + 1, "normal", 0)
    assert many.mean() == pytest.approx(1, abs=0.15)
    assert many.std() == pytest.approx(2, abs=0.15)


@pytest.mark.parametrize("init", INITS)
def test_only_the_weights_own_pivots_leave_it_unchanged(init):
    place, update = built((8, 8), rank=8, init=init)
    change = (update.change() / place.weight.abs().max()).abs().max()
    assert (change < 1e-6) == (init == "ldu")


def test_z_is_refused_on_another_weight_and_takes_the_saved_order():
    torch.manual_seed(0)
    model, x = Net(), torch.randn(3, 6)
    other = copy.deepcopy(model)
    stir(adapt(model, LoLDUMethod(rank=4), include=["first"]).values())
    state = adapter_state(model)
    changed = copy.deepcopy(other)
    nn.init.normal_(changed.first.weight)
    adapt(changed, LoLDUMethod(rank=4), include=["first"])
    with pytest.raises(RuntimeError, match="trained on another base weight"):
        changed.load_state_dict(state, strict=False)
    # As if another LAPACK had chosen other pivots: the same order must come back with z.
    (adapter,) = adapt(other, LoLDUMethod(rank=4), include=["first"]).values()
    atoms = ldu(other.first.base_layer.weight, torch.arange(8)).first(4)
    adapter.left.copy_(atoms.left)
    adapter.right.copy_(atoms.right)
    adapter.pivots.copy_(atoms.values)
    adapter.order.copy_(torch.arange(8))
    other.load_state_dict(state, strict=False)
    torch.testing.assert_close(other(x), model(x))


def test_fingerprints():
    weight = torch.randn(4, 3)
    assert torch.equal(fingerprint(weight), fingerprint(weight.mT.contiguous().mT))
    assert not torch.equal(fingerprint(weight), fingerprint(weight + 1e-6))


def test_a_convolution_is_its_matrix():
    torch.manual_seed(0)
    model = Wrapped(nn.Conv2d(3, 5, (2, 3)))
    adapter = adapt(model, LoLDUMethod(rank=5))["layer"]
    weight = model.layer.base_layer.weight.reshape(5, 18)
    torch.testing.assert_close(
        (adapter.left * adapter.pivots @ adapter.right), weight.detach(), rtol=1e-5, atol=1e-5
    )


def test_mistakes_are_told():
    for method, message in (
        (LoLDUMethod(rank=0), "rank=0; allowed: 1 or more"),
        (LoLDUMethod(rank=7), r"rank=7 is above the 6 of first, \(8, 6\); allowed: 1 to 6"),
        (LoLDUMethod(init="one"), "init='one'; allowed: ldu, constant"),
        (LoLDUMethod(atoms="qr"), "atoms='qr'; allowed: ldu"),
        (LoLDUMethod(decay="both"), "decay='both'; allowed: delta, z"),
    ):
        with pytest.raises(InvalidInputError, match=message):
            adapt(Net(), method, include=["first"])


@pytest.mark.parametrize(("decay", "left"), [("delta", 1.0), ("z", 0.0)])
def test_weight_decay_pulls_towards_the_weight_or_away_from_it(decay, left):
    """At full rank nothing but the atoms is left of a layer: decay of z erases it."""
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(8, 8, bias=False))
    before = model[0].weight.detach().clone()
    (adapter,) = adapt(model, LoLDUMethod(rank=8, decay=decay)).values()
    optimiser = torch.optim.AdamW(adapter.parameters(), lr=0.1, weight_decay=1.0)
    for _ in range(100):
        optimiser.zero_grad()
        (0 * model(torch.randn(2, 8)).sum()).backward()
        optimiser.step()
    part = float((before + adapter.change()).norm() / before.norm())
    assert part == pytest.approx(left, abs=1e-3)


def test_the_order_of_shuffled_columns_is_kept():
    torch.manual_seed(0)
    weight = torch.randn(9, 7)
    method = LoLDUMethod(rank=4, atoms="shuffled", seed=3)
    layer = nn.Linear(7, 9)
    layer.weight.data.copy_(weight)
    adapter, other = (method.build(site("layer", layer), None, 0) for _ in range(2))
    nn.init.normal_(adapter.z)
    state = adapter.state_dict()
    # As if another LAPACK had taken the rows in another order.
    state["order"] = torch.flip(state["order"], (0,))
    found = {}
    for built in (adapter, other):
        built.load_state_dict(state)
        found[id(built)] = built.change()
    assert torch.equal(*found.values())
    expected = of_columns(weight, other.columns, state["order"].long()).first(4)
    torch.testing.assert_close(other.right, expected.right.float())
    state["order"][0] = state["order"][1]
    with pytest.raises(RuntimeError, match="names a row twice"):
        other.load_state_dict(state)


def test_no_numbers_no_decomposition():
    with pytest.raises(InvalidInputError, match="on the meta device"):
        LoLDUMethod(rank=2).build(site("layer", nn.Linear(4, 4, device="meta")), None, 0)
    for alpha in (0.0, float("nan")):
        with pytest.raises(InvalidInputError, match="alpha="):
            LoLDUMethod(rank=2, alpha=alpha).validate()


@pytest.mark.parametrize("settings", [{"decay": "z"}, {"train_scale": True}, {}])
def test_parameters_in_half_precision(settings):
    model = nn.Sequential(nn.Linear(8, 8).bfloat16())
    (adapter,) = adapt(model, LoLDUMethod(rank=3, **settings)).values()
    adapter.to(torch.bfloat16)
    assert model(torch.randn(2, 8, dtype=torch.bfloat16)).isfinite().all()
