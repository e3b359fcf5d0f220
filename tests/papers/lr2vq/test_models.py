"""Quantised weights against loops; gradients; what is stored; errors; sizes."""

from __future__ import annotations

import copy
import math
from itertools import pairwise

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from common.compression.budget import Budget
from common.compression.compress import compress
from common.compression.costs import stored_bytes
from common.compression.decoded import Decoded
from common.compression.subvectors import ALONG_IN, ALONG_OUT, Layout
from common.errors import InvalidInputError
from common.nn.cifar_resnet import CifarResNet, inner_convolutions
from papers.lr2vq import network
from papers.lr2vq.bgd import input_moment, quantise_in_order, unrolled, weighted_codes
from papers.lr2vq.compress import LR2VQ
from papers.lr2vq.error import error_parts, predicted, suggested
from papers.lr2vq.models import (
    GroupedBlock,
    VectorQuantised,
    cluster,
    quantise,
    quantise_plainly,
    to_low_rank,
)
from papers.lr2vq.sizes import dense_bits, quantised_bits


def generator():
    return torch.Generator().manual_seed(0)


@given(
    st.sampled_from([(8, 3, 3, 3), (6, 5, 1, 1), (10, 7), (5, 4, 2, 3)]),
    st.sampled_from([1, 2, 4]),
    st.sampled_from([ALONG_OUT, ALONG_IN]),
)
@settings(max_examples=20, deadline=None)
def test_decoding_against_a_loop(shape, size, order):
    weight = torch.randn(shape, generator=generator(), dtype=torch.float64)
    layout = Layout(size, order)
    code = quantise(
        weight, layout, max(1, size // 2), min(3, layout.count(weight.shape)), generator()
    )
    rows = layout.cut(weight)
    decoded = torch.stack([code.map @ code.codebook[int(b)] for b in code.codes])
    assert decoded.shape == rows.shape
    torch.testing.assert_close(code(), layout.join(decoded, weight.shape))


def test_every_code_is_the_nearest_word():
    weight = torch.randn(16, 8, 3, 3, dtype=torch.float64)
    code, rows = quantise(weight, Layout(4), 2, 8, generator()), Layout(4).cut(weight)
    words = code.codebook @ code.map.mT
    distances = (rows[:, None] - words).square().sum(-1)
    assert torch.equal(distances.argmin(1), code.codes.long())


def test_gradients_are_sums_over_members():
    weight = torch.randn(8, 4, 3, 3, dtype=torch.float64)
    code = quantise(weight, Layout(4), 3, 5, generator())
    part = torch.randn_like(weight)
    (code() * part).sum().backward()
    pulled = Layout(4).cut(part)
    for word in range(5):
        members = pulled[code.codes == word]
        torch.testing.assert_close(code.codebook.grad[word], members.sum(0) @ code.map.detach())
    expected = pulled.mT @ code.codebook.detach()[code.codes.long()]
    torch.testing.assert_close(code.map.grad, expected)
    assert not code.codes.is_floating_point()


def test_mean_gradient_divides_by_members():
    weight = torch.randn(8, 4, 3, 3, dtype=torch.float64)
    summed = quantise(weight, Layout(4), 3, 5, generator())
    mean = quantise(weight, Layout(4), 3, 5, generator(), mean_gradient=True)
    for code in (summed, mean):
        code().square().sum().backward()
    counts = torch.bincount(summed.codes.long(), minlength=5)[:, None]
    torch.testing.assert_close(mean.codebook.grad * counts, summed.codebook.grad)
    torch.testing.assert_close(mean.map.grad, summed.map.grad)


def test_orthonormalising_changes_no_weight():
    code = quantise(torch.randn(8, 4, 3, 3), Layout(4), 3, 5, generator())
    with torch.no_grad():
        code.map.mul_(torch.tensor([3.0, 0.1, -2.0]))
    before = code().detach()
    code.orthonormalise()
    torch.testing.assert_close(code(), before)
    torch.testing.assert_close(code.map.mT @ code.map, torch.eye(3), atol=1e-6, rtol=0)


def test_all_dimensions_are_plain_quantisation():
    weight = torch.randn(16, 4, 3, 3, dtype=torch.float64)
    mapped = quantise(weight, Layout(4), 4, 6, generator())
    plain = quantise_plainly(weight, Layout(4), 6, generator())
    rows = Layout(4).cut(weight)
    # k-means++ draws by distances, which a rotation keeps: the same clusters.
    assert torch.equal(mapped.codes, plain.codes)
    torch.testing.assert_close(mapped(), plain())
    means = torch.stack([rows[plain.codes == word].mean(0) for word in range(6)])
    torch.testing.assert_close(plain.codebook.detach(), means)


def test_reassigning():
    weight = torch.randn(16, 4, 3, 3)
    code = quantise(weight, Layout(4), 3, 6, generator())
    assert code.reassign(code().detach()) == 0
    right = code.codes.clone()
    code.codes.fill_(0)
    assert code.reassign(weight) > 0
    assert torch.equal(code.codes, right)


def test_bytes_of_codes():
    code = quantise(torch.randn(64, 32, 3, 3), Layout(8), 6, 256, generator())
    assert code.codes.dtype == torch.uint8
    wide = quantise(torch.randn(64, 32, 3, 3), Layout(8), 6, 257, generator())
    assert wide.codes.dtype == torch.int32
    code.half()
    assert stored_bytes(code) == 2304 + 2 * (256 * 6 + 8 * 6)
    assert code().dtype == torch.float32


def test_low_rank_control_and_clustering_of_it():
    weight = torch.randn(8, 6, 3, 3, dtype=torch.float64)
    low = to_low_rank(weight, Layout(4), 2)
    rows = Layout(4).cut(weight)
    U, S, Vh = torch.linalg.svd(rows, full_matrices=False)
    torch.testing.assert_close(Layout(4).cut(low()), U[:, :2] * S[:2] @ Vh[:2])
    with torch.no_grad():
        low.map.mul_(5.0)  # trained: no longer orthonormal
    every = cluster(low, len(rows), generator())
    torch.testing.assert_close(every(), low())


@pytest.mark.parametrize(("dim", "words"), [(0, 4), (5, 4), (2, 0), (2, 10_000)])
def test_sizes_out_of_range(dim, words):
    with pytest.raises(InvalidInputError, match="allowed: 1 to"):
        quantise(torch.randn(8, 4, 3, 3), Layout(4), dim, words, generator())


def test_weights_that_are_not_finite():
    weight = torch.randn(8, 4, 3, 3)
    weight[0, 0, 0, 0] = float("nan")
    with pytest.raises(ValueError, match="not finite"):
        quantise(weight, Layout(4), 2, 4, generator())
    with pytest.raises(InvalidInputError, match="not finite"):
        quantise_plainly(weight, Layout(4), 4, generator())


def test_block_form_is_refused_where_there_is_none():
    conv = nn.Conv2d(4, 8, 3)
    along_in = Decoded(conv, quantise(conv.weight, Layout(4, ALONG_IN), 2, 4, generator()))
    plain = Decoded(conv, quantise_plainly(conv.weight, Layout(4), 4, generator()))
    with pytest.raises(InvalidInputError, match="along the outputs"):
        GroupedBlock(along_in)
    with pytest.raises(InvalidInputError, match="needs a map"):
        GroupedBlock(plain)


def test_error_identity_and_monotonicity():
    rows = torch.randn(400, 8) @ torch.diag(torch.linspace(3, 0.2, 8))
    parts = {dim: error_parts(rows, dim, 16, seeds=3) for dim in (1, 2, 4, 8)}
    for dim, part in parts.items():
        assert part.identity_error() < 1e-12
        values = torch.linalg.svdvals(rows.double())
        assert part.low_rank == pytest.approx(float(values[dim:].square().sum()), abs=1e-9)
    assert parts[8].low_rank == 0
    ordered = [parts[dim] for dim in (1, 2, 4, 8)]
    for low, high in pairwise(ordered):
        assert high.low_rank <= low.low_rank
        assert high.clustering >= 0.98 * low.clustering


def test_suggestion_and_prediction():
    assert suggested({1: 3.0, 2: 1.005, 4: 1.0}) == 2
    assert suggested({1: 3.0, 2: 1.02, 4: 1.0}) == 4
    values = torch.tensor([4.0, 2.0, 1.0, 0.5])
    n, k = 10, 16
    s2 = values.double().square() / n
    expected = float(s2[2:].sum()) + 2 * math.sqrt(float(s2[0] * s2[1])) / k
    assert predicted(values, n, 2, k) == pytest.approx(expected)
    assert predicted(values, n, 1, k) == pytest.approx(
        float(s2[1:].sum()) + 2.72 * float(s2[0]) / k**2
    )


def test_bits():
    assert quantised_bits(100, 8, 64) == 100 * 6 + 16 * 64 * 8
    assert quantised_bits(100, 8, 64, 6) == 100 * 6 + 16 * 64 * 6 + 16 * 8 * 6


def test_network():
    model = CifarResNet(8)
    dense = dense_bits(model)
    names = inner_convolutions(model)
    layout = Layout(8)
    network.encode_layers(
        model,
        names,
        lambda _, w: quantise(w, layout, 6, network.layout_words(layout, w.shape, 64), generator()),
    )
    assert len(network.quantised(model)) == len(names) == 6
    assert network.bits(model) < dense / 6
    # Codes take bytes on disk, and an archive some overhead for each tensor.
    extra = sum(len(code.codes) * 2 / 8 for code in network.quantised(model))
    norms = sum(b.numel() for n, b in model.named_buffers() if "running" in n) * 4
    counted = network.bits(model) / 8 + extra + norms
    assert counted < network.file_bytes(model) < counted + 20_000


def test_unrolled_inputs():
    conv, x = nn.Conv2d(3, 4, 3, 2, 1, bias=False), torch.randn(2, 3, 8, 8)
    rows = unrolled(conv, x)
    expected = conv(x).permute(0, 2, 3, 1).flatten(0, 2)
    torch.testing.assert_close(rows @ conv.weight.flatten(1).mT, expected)


def test_activations_decide_what_counts():
    torch.manual_seed(0)
    weight = torch.randn(64, 4)
    moment = torch.diag(torch.tensor([100.0, 100.0, 1e-6, 1e-6], dtype=torch.float64))
    weighted = weighted_codes(weight, moment, 8, generator())()
    plain = quantise_plainly(weight, Layout(4, ALONG_IN), 8, generator())()
    error = lambda found: ((found - weight).square() @ moment.diagonal().float()).sum()  # noqa: E731
    assert error(weighted) < 0.7 * error(plain)
    assert (weighted - weight).square().sum() > (plain - weight).square().sum()


def test_layers_in_order_see_what_was_quantised_before():
    torch.manual_seed(0)
    model = nn.Sequential(nn.Conv2d(4, 8, 3), nn.ReLU(), nn.Conv2d(8, 4, 3))
    batches = [torch.randn(4, 4, 10, 10)]
    before = input_moment(model, "2", batches, 4, generator())
    seen = []
    sizes = {"0": (4, 4), "2": (4, 4)}
    found = quantise_in_order(
        model, batches, sizes, generator(), tune=lambda m, layer: seen.append(layer)
    )
    assert seen == list(found.values())
    assert all(isinstance(layer.code, VectorQuantised) for layer in seen)
    with pytest.raises(InvalidInputError, match="does not divide"):
        input_moment(
            nn.Sequential(nn.Conv2d(3, 2, 3)), "0", [torch.randn(1, 3, 5, 5)], 4, generator()
        )
    assert before.shape == (4, 4)


def test_the_first_convolution_stays_dense_and_d_is_below_m():
    """A budget that subvectors of 2 meet: the map is of one dimension, not of two."""
    torch.manual_seed(0)
    model, images = CifarResNet(8), [torch.randn(2, 3, 32, 32)]
    small, report = compress(model, LR2VQ(words=16), budget=Budget(bytes=0.3), calibration=images)
    assert report.skipped["conv1"] == "is the first convolution"
    code = small.layer1[0].conv1.code
    assert code.map.shape == (2, 1)
    plain, _ = compress(model, LR2VQ(words=16, part=1.0), calibration=images)
    assert plain.layer1[0].conv1.code.map is None
    with pytest.raises(InvalidInputError, match="part=0"):
        LR2VQ(part=0)


def test_distances_by_activations_matter_where_inputs_are_not_white():
    """The same course with plain distances leaves a larger error of the outputs."""
    torch.manual_seed(0)
    layer = nn.Linear(8, 64, bias=False)
    inputs = torch.randn(500, 8) * torch.tensor([10.0] * 2 + [0.1] * 6)
    errors = {}
    for weighted in (True, False):
        model = nn.Sequential(copy.deepcopy(layer))
        generator = torch.Generator().manual_seed(0)
        quantise_in_order(model, [inputs], {"0": (4, 16)}, generator, weighted=weighted)
        errors[weighted] = float((model(inputs) - layer(inputs)).detach().square().sum())
    assert errors[True] < errors[False]
