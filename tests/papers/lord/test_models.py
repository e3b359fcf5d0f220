"""Layers in the basis of their outputs: the formula, the optimum, and what it is taken for."""

from __future__ import annotations

import copy

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from common.compression.capture import input_moments, output_moments
from common.compression.features import FeatureBasis
from common.compression.output_error import output_errors
from common.errors import InvalidInputError
from common.nn.gpt import GPT, GPTConfig, split_qkv
from papers.lord.conv1d import as_linear, with_linear_layers
from papers.lord.models import (
    AFM,
    METHODS,
    SVD,
    UNCENTRED,
    decompositions,
    groups,
    linear_layers,
    low_rank,
    low_rank_in_groups,
    sequentially_low_rank,
)
from papers.lord.optimality import square_root, worst_margin
from papers.lord.tasks.lm_features import apart_ranks

GPT_CONFIG = GPTConfig(vocabulary=19, context=12, layers=2, heads=2, width=8)


class Two(nn.Module):
    """Two layers with a rectifier between."""

    def __init__(self, inputs=6, hidden=10, outputs=7, bias=True):
        super().__init__()
        self.a = nn.Linear(inputs, hidden, bias)
        self.b = nn.Linear(hidden, outputs, bias)

    def forward(self, x):
        return self.b(self.a(x).relu())


@pytest.fixture
def two():
    return Two().double()


@pytest.fixture
def rows():
    return [torch.randn(50, 6).double() * torch.arange(1, 7) + 3 for _ in range(2)]


@pytest.fixture
def gpt():
    return GPT(GPT_CONFIG).double().eval()


def error_of(model, name, module, batches):
    return output_errors(model, {name: {"x": module}}, batches)[name]["x"]


def test_the_formula_of_the_two_layers(two, rows):
    part = decompositions(two, linear_layers(two), rows)["a"]
    y = two.a(torch.cat(rows))
    mean, centred = y.mean(0), y - y.mean(0)
    Q = torch.linalg.eigh(centred.mT @ centred / len(y)).eigenvectors.flip(1)[:, :3]
    small = part.at(3)
    x = torch.randn(5, 6).double()
    projected = Q @ Q.mT
    wanted = (two.a(x) - mean) @ projected + mean
    torch.testing.assert_close(small(x), wanted, rtol=0, atol=1e-10)
    bias = projected @ two.a.bias + (torch.eye(10) - projected) @ mean
    torch.testing.assert_close(small.bias, bias, rtol=0, atol=1e-10)
    assert (small.first.shape, small.second.shape) == ((3, 6), (10, 3))


@pytest.mark.parametrize("bias", [True, False])
def test_the_error_is_the_tail_of_the_spectrum(rows, bias):
    model = Two(bias=bias).double()
    for name, part in decompositions(model, linear_layers(model), rows).items():
        for rank in range(min(part.layer.weight.shape)):
            error = error_of(model, name, part.at(rank), rows)
            assert error == pytest.approx(part.basis.error(rank), rel=1e-9)


def test_a_mean_a_thousand_times_the_deviation_costs_no_digits(rows):
    model = Two().double()
    with torch.no_grad():
        model.a.bias += 1000
    part = decompositions(model, {"a": model.a}, rows)["a"]
    assert error_of(model, "a", part.at(3), rows) == pytest.approx(part.basis.error(3), rel=1e-9)
    # As float32, where E[y y^T] - mu mu^T would have noise of about 0.1 in each entry.
    single = Two()
    single.load_state_dict({name: t.float() for name, t in model.state_dict().items()})
    found = decompositions(single, {"a": single.a}, [x.float() for x in rows])["a"]
    torch.testing.assert_close(found.spectrum[:5], part.spectrum[:5], rtol=1e-4, atol=1e-4)


@settings(max_examples=20, deadline=None)
@given(st.integers(2, 9), st.integers(2, 9), st.integers(0, 2**31 - 1))
def test_no_method_is_better_on_the_calibration_set(inputs, outputs, seed):
    torch.manual_seed(seed)
    model = Two(inputs, outputs, 2).double()
    rows = [torch.randn(40, inputs).double() @ torch.randn(inputs, inputs).double() + 1]
    targets = {"a": model.a}
    parts = {m: decompositions(model, targets, rows, m)["a"] for m in METHODS}
    for rank in range(1, min(inputs, outputs) + 1):
        errors = {m: error_of(model, "a", part.at(rank), rows) for m, part in parts.items()}
        assert errors[AFM] <= errors[SVD] + 1e-9
        assert errors[AFM] <= errors[UNCENTRED] + 1e-9


def test_other_maps_of_the_rank_are_worse(two, rows):
    outputs, inputs = (f(two, {"a": two.a}, rows)["a"] for f in (output_moments, input_moments))
    basis, generator = FeatureBasis.of(outputs), torch.Generator().manual_seed(0)
    weight = two.a.weight.detach()
    beaten, margin = worst_margin(basis, weight, inputs.covariance, 3, 60, generator)
    assert beaten == 60
    assert 1 < margin < 1.001  # the least disturbed lies close by
    # The SVD's map, in the same way: the figure is that of its measured error.
    factors = decompositions(two, {"a": two.a}, rows, SVD)["a"].at(3).requires_grad_(False)
    root = square_root(inputs.covariance)
    difference = (weight - factors.second @ factors.first) @ root
    centred = torch.cat(rows) - torch.cat(rows).mean(0)
    direct = (centred @ (weight - factors.second @ factors.first).mT).square().sum(1).mean()
    assert float(difference.square().sum()) == pytest.approx(float(direct), rel=1e-9)


def test_square_root_of_a_singular_covariance():
    x = torch.randn(4, 3).double()
    covariance = x @ x.mT
    root = square_root(covariance)
    torch.testing.assert_close(root @ root.mT, covariance, rtol=0, atol=1e-12)


def test_it_is_not_the_pca_of_the_inputs():
    """Directions in which the inputs vary need not be those that the weight passes on."""
    model = nn.ModuleDict({"a": nn.Linear(2, 2, bias=False).double()})
    model.forward = lambda x: model["a"](x)
    with torch.no_grad():
        model["a"].weight.copy_(torch.diag(torch.tensor([0.01, 1.0])).double())
    rows = [torch.randn(500, 2).double() * torch.tensor([10.0, 1.0])]
    small = decompositions(model, {"a": model["a"]}, rows)["a"].at(1)
    axis = torch.tensor([[1.0, 0.0]]).double()  # of the inputs' largest variance
    by_inputs = nn.Linear(2, 2, bias=False).double()
    with torch.no_grad():
        by_inputs.weight.copy_(model["a"].weight @ axis.mT @ axis)
    assert error_of(model, "a", small, rows) < 0.02 * error_of(model, "a", by_inputs, rows)


def test_the_mean_is_not_to_be_left_out(two):
    rows = [torch.randn(200, 6).double() + 5]
    part = decompositions(two, {"a": two.a}, rows)["a"]
    small = part.at(2)
    right = error_of(two, "a", small, rows)
    with torch.no_grad():
        small.bias.copy_(two.a.bias)
    assert error_of(two, "a", small, rows) > 2 * right


def test_fewer_rows_than_outputs(two):
    rows = [torch.randn(4, 6).double()]
    part = decompositions(two, {"a": two.a}, rows)["a"]
    assert int((part.basis.values > 1e-12).sum()) == 3  # N - 1
    assert error_of(two, "a", part.at(3), rows) < 1e-20


def test_at_the_largest_ranks_nothing_changes(gpt):
    tokens = torch.randint(19, (4, 12))
    targets = linear_layers(gpt)
    full = {name: min(layer.weight.shape) for name, layer in targets.items()}
    for method in METHODS:
        parts = decompositions(gpt, targets, [tokens, tokens.flip(1)], method)
        small = low_rank(gpt, parts, full)
        if method == UNCENTRED:  # rank 8 of outputs that do not pass through 0
            continue
        torch.testing.assert_close(small(tokens), gpt(tokens), rtol=0, atol=1e-9)


def test_signs_are_fixed(two, rows):
    part = decompositions(two, {"a": two.a}, rows)["a"]
    peaks = part.basis.vectors.gather(0, part.basis.vectors.abs().argmax(0, keepdim=True))
    assert bool((peaks > 0).all())
    assert bool((part.basis.values >= 0).all())


def test_the_model_itself_is_left_alone(gpt):
    tokens = torch.randint(19, (3, 12))
    before = {name: t.clone() for name, t in gpt.state_dict().items()}
    targets = linear_layers(gpt)
    parts = decompositions(gpt, targets, [tokens])
    small = low_rank(gpt, parts, dict.fromkeys(targets, 2))
    assert all(torch.equal(t, before[name]) for name, t in gpt.state_dict().items())
    assert (small(tokens) - gpt(tokens)).abs().max() > 1e-6


def test_a_tied_head_stays_and_split_queries_are_three_layers(gpt):
    fused, apart = linear_layers(gpt), linear_layers(split_qkv(GPT(GPT_CONFIG)))
    assert len(fused) == 2 * 4
    assert len(apart) == 2 * 6
    assert "lm_head" not in fused
    assert len(linear_layers(gpt, exclude=["*.mlp.*"])) == 4


def test_one_after_the_other_sees_what_came_before(gpt):
    tokens = torch.randint(19, (40, 12))
    targets = linear_layers(gpt)
    ranks = dict.fromkeys(targets, 3)
    small = sequentially_low_rank(gpt, targets, ranks, [tokens])
    # By hand for the second layer: statistics of the model whose first one is replaced.
    names = list(targets)
    first = low_rank(gpt, decompositions(gpt, targets, [tokens]), {names[0]: 3})
    layer = {names[1]: first.get_submodule(names[1])}
    second = decompositions(first, layer, [tokens])[names[1]].at(3)
    torch.testing.assert_close(
        small.get_submodule(names[1]).second, second.second, rtol=0, atol=1e-12
    )
    parallel = low_rank(gpt, decompositions(gpt, targets, [tokens]), ranks)
    assert (parallel(tokens) - small(tokens)).abs().max() > 1e-6
    alone = sequentially_low_rank(gpt, {names[0]: targets[names[0]]}, ranks, [tokens])
    torch.testing.assert_close(alone(tokens), first(tokens), rtol=0, atol=1e-12)


def test_special_tokens_stay_out_of_the_statistics(gpt):
    tokens = torch.randint(1, 19, (4, 12))
    marked = torch.cat([torch.zeros(4, 3).long(), tokens[:, :9]], 1)
    targets = {"transformer.h.0.mlp.c_fc": gpt.get_submodule("transformer.h.0.mlp.c_fc")}
    (part,) = decompositions(gpt, targets, [marked], keep=lambda batch: batch != 0).values()
    outputs = []
    layer = part.layer
    handle = layer.register_forward_hook(lambda module, inputs, y: outputs.append(y))
    gpt(marked)
    handle.remove()
    kept = outputs[0][marked != 0]
    torch.testing.assert_close(part.basis.mean, kept.mean(0), rtol=0, atol=1e-12)
    assert part.moments.count == 36


class Conv1D(nn.Module):
    """GPT-2's, as transformers has it: the weight is (in, out)."""

    def __init__(self, outputs, inputs):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(inputs, outputs))
        self.bias = nn.Parameter(torch.randn(outputs))

    def forward(self, x):
        return x @ self.weight + self.bias


def test_a_transposed_weight():
    layer, x = Conv1D(5, 3), torch.randn(7, 3)
    linear = as_linear(layer)
    assert linear.weight.shape == (5, 3)
    torch.testing.assert_close(linear(x), layer(x))
    model = nn.Sequential(Conv1D(4, 3), nn.ReLU(), Conv1D(3, 4))
    before = model(x)
    assert with_linear_layers(model) is model
    assert len(linear_layers(model)) == 2
    torch.testing.assert_close(model(x), before)


def test_half_precision_is_raised_first():
    model = Two().half()
    with torch.no_grad():
        model.a.bias += 300
    rows = [torch.randn(300, 6).half() for _ in range(3)]
    part = decompositions(model, {"a": model.a}, rows)["a"]
    y = torch.cat([model.a(x) for x in rows]).double()
    torch.testing.assert_close(part.basis.mean, y.mean(0), rtol=0, atol=1e-4)
    torch.testing.assert_close(
        part.basis.values.sum(), (y - y.mean(0)).square().sum(1).mean(), rtol=1e-5, atol=0
    )
    assert part.at(2).first.dtype == torch.float16


def test_what_is_out_of_range(two, rows):
    with pytest.raises(InvalidInputError, match="method='pca'; allowed: afm, afm_uncentred, svd"):
        decompositions(two, {"a": two.a}, rows, "pca")
    for method in (AFM, SVD):
        part = decompositions(two, {"a": two.a}, rows, method)["a"]
        with pytest.raises(InvalidInputError, match="rank=7; allowed for this layer: 0 to 6"):
            part.at(7)
    with pytest.raises(InvalidInputError, match="hold no batch"):
        decompositions(two, {"a": two.a}, [])


def test_in_groups_as_in_one_pass():
    torch.manual_seed(0)
    model = GPT(GPT_CONFIG).eval()
    targets, batches = linear_layers(model), [torch.randint(19, (4, 12)) for _ in range(3)]
    ranks = {name: min(layer.weight.shape) // 2 for name, layer in targets.items()}
    whole = low_rank(model, decompositions(model, targets, batches), ranks)
    for memory in (1, 2**14, 2**30):
        small = low_rank_in_groups(model, targets, ranks, iter(batches), memory)
        assert torch.equal(small(batches[0]), whole(batches[0]))


def test_groups_fit_the_memory():
    targets = {name: nn.Linear(4, width) for name, width in zip("abcd", (8, 8, 32, 8), strict=True)}
    assert groups(targets, 2 * 8 * 8**2) == [["a"], ["b"], ["c"], ["d"]]
    assert groups(targets, 4 * 8 * 8**2) == [["a", "b"], ["c"], ["d"]]
    assert groups(targets, 2**30) == [["a", "b", "c", "d"]]


def test_apart_of_as_many_weights():
    model = GPT(GPTConfig(vocabulary=19, context=12, layers=2, heads=2, width=32)).eval()
    half = {n: min(layer.weight.shape) // 2 for n, layer in linear_layers(model).items()}
    apart = split_qkv(copy.deepcopy(model))
    found = apart_ranks(apart, half)
    assert set(found) == set(linear_layers(apart))
    fused = half["transformer.h.0.attn.c_attn"] * (32 + 96)
    parts = found["transformer.h.0.attn.q_proj"] * 3 * 64
    assert found["transformer.h.0.mlp.c_fc"] == half["transformer.h.0.mlp.c_fc"]
    assert parts <= fused < parts + 3 * 64
