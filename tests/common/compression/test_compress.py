"""The public door: budgets, reports, refusals, and that the result is an ordinary module."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from common.compression.budget import Budget
from common.compression.compress import compress
from common.compression.costs import costs
from common.compression.methods import MagnitudePruning, Rounding, TruncatedSVD
from common.errors import InvalidInputError


class Net(nn.Module):
    """Convolution, batch norm, grouped convolution, two linear layers."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 16, 3, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(16)
        self.deep = nn.Conv2d(16, 24, 3, stride=2, padding=1)
        self.depthwise = nn.Conv2d(24, 24, 3, padding=1, groups=24)
        self.hidden = nn.Linear(24, 40)
        self.head = nn.Linear(40, 5)

    def forward(self, x):
        x = F.relu(self.norm(self.conv(x)))
        x = F.relu(self.depthwise(self.deep(x))).mean((-2, -1))
        return self.head(F.relu(self.hidden(x)))


METHODS = {
    "energy": (TruncatedSVD(), Budget(macs=0.5)),
    "uniform": (TruncatedSVD("uniform", form="spatial"), Budget(parameters=0.6)),
    "global": (TruncatedSVD("global", form="decoupled"), Budget(bytes=0.7)),
    "pruning": (MagnitudePruning(), Budget(parameters=0.5)),
    "int8": (Rounding(8), None),
    "int4": (Rounding(4), None),
}


@pytest.fixture
def net():
    torch.manual_seed(0)
    return Net().train()


@pytest.fixture
def batches():
    generator = torch.Generator().manual_seed(1)
    return [torch.randn(4, 3, 8, 8, generator=generator) for _ in range(2)]


@pytest.mark.parametrize("name", METHODS)
def test_an_ordinary_module_that_keeps_its_budget(name, net, batches):
    method, budget = METHODS[name]
    before = copy.deepcopy(net.state_dict())
    small, report = compress(net, method, budget=budget, calibration=batches)
    assert all(
        torch.equal(a, b) for a, b in zip(before.values(), net.state_dict().values(), strict=True)
    )
    assert small.training
    assert report.dense == costs(net, batches[0])
    assert report.compressed == costs(small, batches[0])
    if budget is not None:
        kind = "nonzero" if name == "pruning" else budget.kind
        left = getattr(report.compressed, kind) / getattr(report.dense, budget.kind)
        assert 0.6 * budget.part < left <= budget.part
    else:
        bits = {"int8": 8, "int4": 4}[name]
        weights = sum(layer.parameters[0] for layer in report.layers)
        assert report.compressed.parameters == report.dense.parameters
        assert report.compressed.bytes < report.dense.bytes - weights * (32 - bits) / 8 * 0.8
    assert all(0 <= layer.error < 1 for layer in report.layers)
    assert str(report).startswith(method.name)
    # Trains.
    small(batches[0]).square().sum().backward()
    trained = [p for p in small.parameters() if p.grad is not None and p.grad.abs().sum() > 0]
    assert trained
    # Its state dict holds all of it.
    again, _ = compress(Net(), method, budget=budget, calibration=batches)
    if name in ("pruning", "int8", "int4"):  # the ranks of others depend on the weights
        again.load_state_dict(small.state_dict())
        torch.testing.assert_close(again.eval()(batches[0]), small.eval()(batches[0]))
    # And can be exported.
    small.eval()
    exported = torch.export.export(small, (batches[0],)).module()
    torch.testing.assert_close(exported(batches[0]), small(batches[0]))


def test_error_of_a_layer_is_that_of_its_outputs(net, batches):
    method = TruncatedSVD("uniform", 0.5)
    small, report = compress(net, method, calibration=batches, include=["hidden"])
    (layer,) = report.layers
    seen = {}
    net.eval().hidden.register_forward_hook(lambda m, i, o: seen.update(x=i[0], y=o))
    net(batches[0])
    found = small.hidden(seen["x"])
    expected = (seen["y"] - found).square().sum() / seen["y"].square().sum()
    assert layer.error == pytest.approx(float(expected.detach()), rel=1e-4)
    assert layer.rank == small.hidden.rank == 12


def test_grouped_convolutions_are_skipped_and_refused_by_name(net, batches):
    _, report = compress(net, TruncatedSVD(), budget=Budget(macs=0.8), calibration=batches)
    assert "groups=24" in report.skipped["depthwise"]
    with pytest.raises(InvalidInputError, match="depthwise cannot be compressed: it is a conv"):
        compress(net, TruncatedSVD(amount=0.1), calibration=batches, include=["depthwise"])


def test_another_type_is_named(net, batches):
    with pytest.raises(InvalidInputError, match=r"Layer norm is a BatchNorm2d; .*Linear, Conv2d"):
        compress(net, TruncatedSVD(amount=0.1), calibration=batches, include=["norm"])


def test_no_such_layer(net, batches):
    with pytest.raises(InvalidInputError, match="No layer is called 'tail'"):
        compress(net, TruncatedSVD(amount=0.1), calibration=batches, include=["tail"])


def test_nothing_to_compress(batches):
    with pytest.raises(InvalidInputError, match="has no layer that truncated SVD can compress"):
        compress(nn.Sequential(nn.BatchNorm2d(3)), TruncatedSVD(amount=0.1), calibration=batches)


class Tied(nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(20, 8)
        self.mix = nn.Linear(8, 8)
        self.head = nn.Linear(8, 20, bias=False)
        self.head.weight = self.embedding.weight

    def forward(self, tokens):
        return self.head(self.mix(self.embedding(tokens)))


def test_tied_weights():
    tokens = [torch.arange(12).reshape(2, 6)]
    small, report = compress(Tied(), TruncatedSVD("uniform", 0.4), calibration=tokens)
    assert report.skipped == {"head": "shares a parameter with embedding"}
    assert small.head.weight is small.embedding.weight
    with pytest.raises(InvalidInputError, match="head cannot be compressed: it shares"):
        compress(Tied(), TruncatedSVD("uniform", 0.4), calibration=tokens, include=["head"])


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
@pytest.mark.parametrize("name", METHODS)
def test_half_precision_stays_half(name, dtype, net, batches):
    method, budget = METHODS[name]
    half = [batch.to(dtype) for batch in batches]
    small, report = compress(net.to(dtype).eval(), method, budget=budget, calibration=half)
    assert {p.dtype for p in small.parameters()} == {dtype}
    assert small(half[0]).dtype == dtype
    full, _ = compress(net.float(), method, budget=budget, calibration=batches)
    scale = full(batches[0]).abs().max()
    assert (small(half[0]).float() - full(batches[0])).abs().max() < 0.1 * scale
    assert report.compressed.bytes < report.dense.bytes or name == "pruning"


def test_calibration_at_the_door(net, batches):
    with pytest.raises(InvalidInputError, match="no batch"):
        compress(net, TruncatedSVD(amount=0.1), calibration=[])
    batches[1][0, 0, 0, 0] = float("nan")
    with pytest.raises(InvalidInputError, match="Batch 1 of the calibration data holds NaN"):
        compress(net, TruncatedSVD(amount=0.1), calibration=batches)


@pytest.mark.parametrize("given", [{}, {"macs": 0.5, "bytes": 0.5}, {"macs": 0}, {"macs": 1.1}])
def test_budgets(given):
    with pytest.raises(InvalidInputError, match=r"exactly one of|allowed: above 0"):
        Budget(**given)


def test_budgets_that_cannot_be_met(net, batches):
    # Of what is not compressed there is more than allowed.
    with pytest.raises(InvalidInputError, match="what is not compressed takes"):
        compress(net, TruncatedSVD(), budget=Budget(parameters=0.05), calibration=batches)
    # Rank 1 everywhere is too much.
    with pytest.raises(InvalidInputError, match="rank 1 in each costs"):
        compress(net, TruncatedSVD(), budget=Budget(parameters=0.1), calibration=batches)
    with pytest.raises(InvalidInputError, match="cannot meet a budget of macs; it can: parameters"):
        compress(net, MagnitudePruning(), budget=Budget(macs=0.5), calibration=batches)
    with pytest.raises(InvalidInputError, match="none, its settings decide"):
        compress(net, Rounding(), budget=Budget(bytes=0.5), calibration=batches)


def test_neither_budget_nor_amount(net, batches):
    with pytest.raises(InvalidInputError, match="Give either a budget or the amount"):
        compress(net, TruncatedSVD(), calibration=batches)
    with pytest.raises(InvalidInputError, match="Give a budget of parameters, or keep="):
        compress(net, MagnitudePruning(), calibration=batches)
    with pytest.raises(InvalidInputError, match="rule='best'; allowed"):
        compress(net, TruncatedSVD("best", 0.5), calibration=batches)
    with pytest.raises(InvalidInputError, match="bits=3; allowed: 4, 8"):
        Rounding(3)


def test_pruning_keeps_the_largest(net, batches):
    small, _ = compress(net, MagnitudePruning(keep=0.25), calibration=batches, include=["head"])
    kept = small.head.weight != 0
    assert kept.sum() == 50
    assert net.head.weight[kept].abs().min() >= net.head.weight[~kept].abs().max()


def test_four_bits_are_packed(net, batches):
    small, report = compress(net, Rounding(4, group=8), calibration=batches, include=["hidden"])
    code = small.hidden.code
    assert code.codes.numel() == 24 * 40 // 2
    assert code.codes.dtype == torch.uint8
    scales = code.scales.repeat_interleave(8, 1).float()
    assert (small.hidden.weight - net.hidden.weight).abs().le(scales * 0.51).all()
    (layer,) = report.layers
    assert layer.bytes[1] == 480 + 2 * 120 + 4 * 40
