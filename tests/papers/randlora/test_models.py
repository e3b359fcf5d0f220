"""RandLoRA: by hand, against its closed-form gradients, and as an adapter."""

from __future__ import annotations

import copy
import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from common.adapters.cost import kept_bytes
from common.adapters.plain import adapt, adapter_state
from common.adapters.sites import site
from common.errors import InvalidInputError
from papers.randlora.bases import Bases, Law, number_of_bases
from papers.randlora.models import RandLoRA, RandLoRAMethod, ScaledBasis, ThinLayers
from papers.randlora.variants import SummedMethod
from tests.adapters.models import Net, stir
from tests.adapters.plain_contract import PlainContract


class TestOnPlainModules(PlainContract):
    method = RandLoRAMethod(rank=2, alpha=4.0)

    def numbers(self, shape):
        return math.ceil(min(shape) / 2) * (2 + min(shape))


@pytest.mark.slow
class TestStartingAtGamma(PlainContract):
    method = RandLoRAMethod(
        rank=3, num_bases=2, alpha=4.0, init="gamma_zero", law=Law("ternary", 3.0), compact=True
    )

    def numbers(self, shape):
        return 2 * (3 + min(shape))


def bases(rows, columns, rank, number, **settings) -> Bases:
    return Bases(rows, columns, rank, number, Law("normal"), 0, **settings)


def test_the_update_by_hand():
    shared = bases(3, 2, 1, 2).double()
    shared.long = torch.tensor([[[1.0], [4.0]], [[2.0], [5.0]], [[3.0], [6.0]]]).double()
    shared.short = torch.tensor([[[7.0, 8.0]]]).double()
    update = RandLoRA((3, 2), shared, 2, 0.5, "lambda_zero").double()
    with torch.no_grad():
        update.lam.copy_(torch.tensor([[1.0], [-1.0]]))
        update.gam.copy_(torch.tensor([[1.0, 2.0], [3.0, 4.0]]))
    # .5 (B_1 (7, 16) - B_2 (21, 32))
    expected = [[-38.5, -56.0], [-45.5, -64.0], [-52.5, -72.0]]
    torch.testing.assert_close(
        update.change(), torch.tensor(expected).double(), rtol=1e-12, atol=1e-12
    )
    wide = RandLoRA((2, 3), shared, 2, 0.5, "lambda_zero").double()
    wide.load_state_dict(update.state_dict())
    torch.testing.assert_close(wide.change(), update.change().mT)


def test_gradients_are_those_of_the_paper():
    torch.manual_seed(0)
    rows, columns, rank, number, scale = 9, 7, 2, 4, 0.7
    shared = bases(rows, columns, rank, number).double()
    update = RandLoRA((rows, columns), shared, number, scale, "lambda_zero").double()
    stir([update])
    grad = torch.randn(rows, columns).double()
    update.change().backward(grad)
    A = shared.short[0]
    for j in range(number):
        H = shared.long[:, j].mT @ grad
        lam = scale * (H * A * update.gam[j]).sum(1)
        gam = scale * (update.lam[j][:, None] * A * H).sum(0)
        torch.testing.assert_close(update.lam.grad[j], lam, rtol=1e-10, atol=1e-12)
        torch.testing.assert_close(update.gam.grad[j], gam, rtol=1e-10, atol=1e-12)


def test_the_function_passes_gradcheck_and_keeps_little():
    torch.manual_seed(0)
    kept = []
    with torch.autograd.graph.saved_tensors_hooks(
        lambda t: kept.append(t.numel()) or t, lambda t: t
    ):
        for m in (1, 3):
            basis = torch.randn(m, 2, 5).double()
            lam = torch.randn(3, 2).double().requires_grad_()
            gam = torch.randn(3, 5).double().requires_grad_()
            assert torch.autograd.gradcheck(ScaledBasis.apply, (basis, lam, gam, 0.7))
            if m == 1:
                assert max(kept) <= max(2 * 5, 3 * 2, 3 * 5)


@pytest.mark.parametrize(("rows", "columns"), [(7, 5), (5, 7)])
@pytest.mark.parametrize("separate", [False, True])
def test_thin_layers_pass_gradcheck(rows, columns, separate):
    torch.manual_seed(0)
    long, short, rank, number = 7, 5, 2, 3
    x = torch.randn(4, columns).double().requires_grad_()
    left = torch.randn(long, number * rank).double()
    basis = torch.randn(number if separate else 1, rank, short).double()
    lam = torch.randn(number, rank).double().requires_grad_()
    gam = torch.randn(number, short).double().requires_grad_()

    def outputs(x, lam, gam):
        return ThinLayers.apply(x, left, basis, lam, gam, 0.7, rows >= columns)

    assert torch.autograd.gradcheck(outputs, (x, lam, gam))


@pytest.mark.parametrize("shape", [(48, 24), (24, 48)])
def test_thin_layers_keep_nothing_but_what_is_there_already(shape):
    rows, columns = shape
    model = nn.Sequential(nn.Linear(columns, rows))
    (adapter,) = adapt(model, RandLoRAMethod(rank=2)).values()
    x = torch.randn(4, columns)
    assert not adapter.prefers_merged(x, model[0].site)
    assert kept_bytes(model, x) == 0


@pytest.mark.parametrize("shape", [(9, 6), (6, 9)])
def test_thin_layers_take_any_batch_and_autocast(shape):
    rows, columns = shape
    place = site("layer", nn.Linear(columns, rows))
    adapter = RandLoRAMethod(rank=2).build(place, bases(9, 6, 2, 3), 0)
    stir([adapter])
    x = torch.randn(2, 3, columns, requires_grad=True)
    expected = x @ adapter.change().mT
    for some, wanted in ((x, expected), (x[0, 0], expected[0, 0]), (x[:0], expected[:0])):
        torch.testing.assert_close(adapter.side(some, place), wanted)
    expected.square().sum().backward()
    exact = [x.grad, adapter.lam.grad, adapter.gam.grad]
    x.grad = adapter.lam.grad = adapter.gam.grad = None
    with torch.autocast("cpu", torch.bfloat16):
        y = adapter.side(x, place)
    assert y.dtype == torch.bfloat16
    y.float().square().sum().backward()
    for found, wanted in zip([x.grad, adapter.lam.grad, adapter.gam.grad], exact, strict=True):
        assert found.dtype == torch.float32
        torch.testing.assert_close(found, wanted, rtol=0, atol=0.03 * float(wanted.abs().max()))


@settings(max_examples=30, deadline=None)
@given(
    rows=st.integers(2, 14),
    columns=st.integers(2, 14),
    rank=st.integers(1, 4),
    tokens=st.integers(1, 9),
)
def test_both_paths_agree_forward_and_backward(rows, columns, rank, tokens):
    torch.manual_seed(rows * 100 + columns)
    rank = min(rank, rows, columns)
    layer = nn.Linear(columns, rows).double()
    place = site("layer", layer)
    method = RandLoRAMethod(rank=rank, alpha=2.0)
    update = method.build(place, method.shared({"layer": place}).double(), 0).double()
    stir([update])
    x = torch.randn(tokens, columns).double()
    grads = []
    for y in (
        layer(x) + update.side(x, place),
        place.apply(x, place.weight + update.change(), layer.bias),
    ):
        update.zero_grad()
        y.square().sum().backward()
        grads.append((y.detach(), update.lam.grad, update.gam.grad))
    torch.testing.assert_close(grads[0], grads[1], rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize(
    ("law", "zeros"),
    [(Law("uniform"), 0), (Law("normal"), 0), (Law("binary"), 0), (Law("ternary", 2.0), 0)]
    + [(Law("ternary", s), 1 - 2 / s) for s in (6.0, 768**0.5, 100.0, 200.0)],
)
def test_laws(law, zeros):
    entries = law.draw((768, 100, 4), torch.Generator().manual_seed(0))
    assert (entries == 0).float().mean() == pytest.approx(zeros, abs=2e-3)
    assert entries.std() == pytest.approx(1, abs=1e-5)
    assert entries.mean() == pytest.approx(0, abs=0.02)
    if law.name in ("binary", "ternary"):
        assert entries[entries != 0].abs().unique().numel() == 1


def test_bases_are_drawn_once_and_cut_to_size():
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(8, 12), nn.Linear(12, 6), nn.Linear(6, 6))
    adapters = adapt(model, RandLoRAMethod(rank=2))
    pointers = {a.bases.long.data_ptr() for a in adapters.values()}
    assert len(pointers) == 1
    shared = adapters["0"].bases
    assert shared.long.shape == (12, 4, 2)
    assert shared.short.shape == (1, 2, 8)
    left, _ = adapters["2"].factors()
    assert left.data_ptr() == shared.long.data_ptr()
    assert torch.equal(left, shared.long[:6, :3].reshape(6, 6))
    again = adapt(nn.Sequential(nn.Linear(8, 12)), RandLoRAMethod(rank=2))["0"].bases
    assert torch.equal(again.long, shared.long)
    moved = copy.deepcopy(model).double()
    assert len({layer.adapter.bases.long.data_ptr() for layer in moved}) == 1


def test_saved_bases_stand_in_the_file_once():
    model = Net()
    adapt(model, RandLoRAMethod(rank=2, save_bases=True), include=["first", "second"])
    saved = [key for key in adapter_state(model) if "bases" in key]
    assert len(saved) == 2
    assert sum("bases" in key for key in model.state_dict()) == 2
    plain = Net()
    adapt(plain, RandLoRAMethod(rank=2), include=["first", "second"])
    assert not any("bases" in key for key in plain.state_dict())


def test_starts():
    shared = bases(6, 6, 2, 3)
    for init, zero, other, size in (
        ("lambda_zero", "lam", "gam", 1 / 6),
        ("gamma_zero", "gam", "lam", 1 / 3),
    ):
        update = RandLoRA((6, 6), shared, 3, 1.0, init)
        assert not getattr(update, zero).any()
        assert torch.equal(getattr(update, other), torch.full_like(getattr(update, other), size))


def test_scales():
    place = site("layer", nn.Linear(8, 8))
    one = RandLoRAMethod(rank=2, alpha=6.0)
    two = RandLoRAMethod(rank=2, alpha=6.0, scale_by_bases=True)
    shared = one.shared({"layer": place})
    assert one.build(place, shared, 0).scale == 3
    assert two.build(place, shared, 0).scale == 1.5


def test_the_path_is_chosen_by_the_number_of_tokens():
    place = site("layer", nn.Linear(64, 64))
    method = RandLoRAMethod(rank=8)
    update = method.build(place, method.shared({"layer": place}), 0)
    assert not update.prefers_merged(torch.zeros(32, 64), place)
    assert update.prefers_merged(torch.zeros(33, 64), place)


def test_mistakes_are_told():
    model = nn.Linear(6, 4)
    for method, message in (
        (RandLoRAMethod(rank=0), "rank=0; allowed: 1 or more"),
        (RandLoRAMethod(rank=5), r"rank=5 is above the 4 of 0, \(4, 6\); allowed: 1 to 4"),
        (RandLoRAMethod(init="zero"), "init='zero'; allowed: lambda_zero, gamma_zero"),
        (RandLoRAMethod(law=Law("cauchy")), "basis='cauchy'; allowed: uniform"),
        (RandLoRAMethod(law=Law("ternary", 1.0)), r"sparsity=1\.0; allowed: 2"),
        (RandLoRAMethod(rank=2, compact=True), "compact bases are binary or ternary"),
        (
            RandLoRAMethod(rank=1, law=Law("ternary", 1e9)),
            "no entry other than 0; lower its sparsity",
        ),
    ):
        with pytest.raises(InvalidInputError, match=message):
            adapt(nn.Sequential(copy.deepcopy(model)), method)
    with pytest.raises(InvalidInputError, match="has no layer for RandLoRA"):
        adapt(nn.Sequential(nn.Conv2d(3, 4, 3)), RandLoRAMethod(rank=1))


def test_number_of_bases():
    assert [number_of_bases(d, r) for d, r in ((768, 6), (384, 12), (10, 3))] == [128, 32, 4]


def test_weight_decay_shrinks_gamma_where_lambda_is_zero():
    """Nothing is left out of the decay: the update that lambda will make is smaller."""
    adapter = RandLoRAMethod(rank=2).build(site("layer", nn.Linear(6, 6)), bases(6, 6, 2, 3), 0)
    before = adapter.gam.detach().clone()
    optimiser = torch.optim.AdamW(adapter.parameters(), lr=0.1, weight_decay=0.1)
    for parameter in adapter.parameters():
        parameter.grad = torch.zeros_like(parameter)
    optimiser.step()
    assert not adapter.lam.any()
    torch.testing.assert_close(adapter.gam, before * (1 - 0.1 * 0.1))


def test_layers_narrower_than_the_bases_take_fewer():
    model = nn.Sequential(nn.Linear(12, 12), nn.Linear(12, 4))
    made = adapt(model, RandLoRAMethod(rank=2, num_bases=5))
    assert [adapter.number_of_bases for adapter in made.values()] == [5, 2]


def test_trained_numbers_take_the_layer_s_dtype_and_device():
    method, shared = RandLoRAMethod(rank=2), bases(6, 6, 2, 3)
    exact = method.build(site("layer", nn.Linear(6, 6).double()), shared, 0)
    assert exact.lam.dtype == exact.gam.dtype == torch.float64
    assert exact.change().dtype == torch.float64
    meta = method.build(site("layer", nn.Linear(6, 6, device="meta")), shared, 0)
    assert meta.lam.is_meta
    half = method.build(site("layer", nn.Linear(6, 6).half()), shared, 0)
    assert half.lam.dtype == torch.float32


def test_more_that_is_refused():
    for method in (
        RandLoRAMethod(alpha=0.0),
        RandLoRAMethod(alpha=float("inf")),
        RandLoRAMethod(law=Law("ternary", float("nan"))),
        SummedMethod(rank=0),
        SummedMethod(law=Law("cauchy")),
    ):
        with pytest.raises(InvalidInputError):
            method.validate()
    with pytest.raises(InvalidInputError, match="rank=100 is above the 8"):
        adapt(nn.Sequential(nn.Linear(8, 8)), SummedMethod(rank=100))
    assert adapt(nn.Sequential(nn.Linear(8, 1)), RandLoRAMethod(rank=1))


def test_second_transforms():
    """torch.func differentiates through the custom function."""
    adapter = RandLoRAMethod(rank=2).build(site("layer", nn.Linear(6, 6)), bases(6, 6, 2, 3), 0)
    values = dict(adapter.named_parameters())

    def total(parameters):
        with torch.nn.utils.stateless._reparametrize_module(adapter, parameters):
            return adapter.change().sum()

    found = torch.func.grad(total)(values)
    adapter.change().sum().backward()
    torch.testing.assert_close(found["lam"], adapter.lam.grad)
