"""The six models against definitions written out and, where it is installed, DeepCTR-Torch."""

from __future__ import annotations

import itertools

import pytest
import torch
from torch import nn

from common.errors import InvalidInputError
from papers.ctr_lowrank.models.ctr import MODELS
from papers.ctr_lowrank.models.interactions import (
    CompressedInteraction,
    CrossNetwork,
    InteractingLayer,
    bi_interaction,
)
from papers.ctr_lowrank.models.perceptron import FactorisedLinear, Perceptron
from papers.ctr_lowrank.models.tables import CompressedTables, DenseTables
from tests.papers.ctr_lowrank.small import NUMBERS, VOCABULARIES, model, rows


def test_a_lookup_is_a_gather_in_each_field():
    tables = DenseTables(VOCABULARIES, 5)
    ids, _ = rows()
    parts = tables.of_fields()
    wanted = torch.stack([part[column] for part, column in zip(parts, ids.mT, strict=True)], 1)
    assert torch.equal(tables(ids), wanted)
    assert [len(part) for part in parts] == list(VOCABULARIES)


def test_decoding_field_by_field():
    weight, decoder, bias = torch.randn(53, 2), torch.randn(4, 2, 5), torch.randn(4, 5)
    tables = CompressedTables(VOCABULARIES, weight, decoder, bias)
    ids, _ = rows()
    codes = tables(ids)
    assert codes.shape == (200, 4, 2)
    for f in range(4):
        wanted = codes[:, f] @ decoder[f] + bias[f]
        torch.testing.assert_close(tables.decode(codes)[:, f], wanted)


def test_pairs_of_fields():
    vectors = torch.randn(3, 5, 4)
    wanted = sum(vectors[:, i] * vectors[:, j] for i, j in itertools.combinations(range(5), 2))
    torch.testing.assert_close(bi_interaction(vectors), wanted)


def test_a_cross_layer():
    network = CrossNetwork(4, 2)
    for bias in network.biases:
        nn.init.normal_(bias)
    first = x = torch.randn(3, 4)
    for weight, bias in zip(network.weights, network.biases, strict=True):
        x = torch.stack([f * (y @ weight) + bias + y for f, y in zip(first, x, strict=True)])
    torch.testing.assert_close(network(first), network.head(x)[:, 0])


def test_the_activation_is_between_the_factors():
    parts = (torch.randn(2, 5), torch.randn(2)), (torch.randn(3, 2), torch.randn(3))
    x = torch.randn(7, 5)
    inner = x @ parts[0][0].mT + parts[0][1]
    plain, active = FactorisedLinear(*parts), FactorisedLinear(*parts, activation=True)
    torch.testing.assert_close(plain(x), inner @ parts[1][0].mT + parts[1][1])
    torch.testing.assert_close(active(x), inner.relu() @ parts[1][0].mT + parts[1][1])
    assert active.rank == 2


def test_the_published_start():
    torch.manual_seed(0)
    mlp = Perceptron(300, [200, 100], std=1e-4)
    assert all(
        float(layer.weight.detach().std()) == pytest.approx(1e-4, rel=0.05) for layer in mlp.layers
    )
    assert float(mlp.head.weight.detach().std()) > 1e-2
    assert float(DenseTables([5000], 8).weight.detach().std()) == pytest.approx(1e-4, rel=0.05)


@pytest.mark.parametrize("name", MODELS)
def test_every_parameter_has_a_gradient(name):
    made = model(name, reduction=1)
    ids, dense = rows()
    made(ids, dense).square().sum().backward()
    idle = [n for n, p in made.named_parameters() if p.grad is None or not p.grad.any()]
    assert idle == []


@pytest.mark.parametrize("name", MODELS)
def test_rows_do_not_mix(name):
    made = model(name)
    ids, dense = rows()
    whole = made(ids, dense)
    assert whole.shape == (200,)
    torch.testing.assert_close(made(ids[:3], dense[:3]), whole[:3], rtol=1e-5, atol=1e-6)


def test_without_numbers():
    made = model("dcn", numbers=0)
    ids, dense = rows(numbers=0)
    assert torch.isfinite(made(ids, dense)).all()


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: model("ffm"), "model.name='ffm'; allowed: deepfm, dcn"),
        (lambda: model(hidden=[]), "needed is a layer or more"),
        (lambda: InteractingLayer(6, 4), "heads=4; allowed: divisors of dim=6"),
        (lambda: CompressedInteraction(3, [3, 2]), r"cin=\[3, 2\]"),
    ],
)
def test_refused(make, message):
    with pytest.raises(InvalidInputError, match=message):
        make()


def peer(name, made):
    """The same model of DeepCTR-Torch, with our weights, and our rows as it reads them."""
    inputs = pytest.importorskip("deepctr_torch.inputs")
    models = pytest.importorskip("deepctr_torch.models")
    sparse = [inputs.SparseFeat(f"C{f}", n, embedding_dim=6) for f, n in enumerate(VOCABULARIES)]
    columns = sparse + [inputs.DenseFeat(f"I{k}", 1) for k in range(NUMBERS)]
    options = {
        "deepfm": {}, "nfm": {}, "fibinet": {"reduction_ratio": 3},
        "dcn": {"cross_num": 2}, "autoint": {"att_layer_num": 2, "att_head_num": 2},
        "xdeepfm": {"cin_layer_size": (4, 3)},
    }  # fmt: skip
    kinds = {
        "deepfm": "DeepFM", "dcn": "DCN", "autoint": "AutoInt", "nfm": "NFM",
        "fibinet": "FiBiNET", "xdeepfm": "xDeepFM",
    }  # fmt: skip
    other = getattr(models, kinds[name])(
        columns, columns, dnn_hidden_units=(12, 10, 8), **options[name]
    )
    state = {}
    for f, (table, first) in enumerate(
        zip(made.tables.of_fields(), made.linear.ids.of_fields(), strict=True)
    ):
        state[f"embedding_dict.C{f}.weight"] = table
        state[f"linear_model.embedding_dict.C{f}.weight"] = first
    state["linear_model.weight"] = made.linear.numbers[:, None]
    state["out.bias"] = (made.linear.bias + made.mlp.head.bias).reshape(1)
    for k, layer in enumerate(made.mlp.layers):
        state |= {f"dnn.linears.{k}.{n}": p for n, p in layer.named_parameters()}
    head = made.mlp.head.weight
    if name == "dcn":
        state["crossnet.kernels"] = torch.stack(list(made.cross.weights))[..., None]
        state["crossnet.bias"] = torch.stack(list(made.cross.biases))[..., None]
        head = torch.cat([made.cross.head.weight, head], 1)
    if name == "autoint":
        for k, layer in enumerate(made.attention):
            names = ("W_Query", "W_key", "W_Value", "W_Res")
            for n, part in zip(names, layer.weight.chunk(4), strict=True):
                state[f"int_layers.{k}.{n}"] = part.mT
        head = torch.cat([made.attended.weight, head], 1)
    if name == "fibinet":
        state["SE.excitation.0.weight"] = made.excitation.squeeze.weight
        state["SE.excitation.2.weight"] = made.excitation.excite.weight
        state |= {f"Bilinear.bilinear.{k}.weight": w for k, w in enumerate(made.bilinear.weight)}
    if name == "xdeepfm":
        for k, layer in enumerate(made.cin.layers):
            state[f"cin.conv1ds.{k}.weight"] = layer.weight[..., None]
            state[f"cin.conv1ds.{k}.bias"] = layer.bias
        state["cin_linear.weight"] = made.cin.head.weight
    state["dnn_linear.weight"] = head
    other.load_state_dict({n: w.detach().clone() for n, w in state.items()})
    return other.eval()


@pytest.mark.parametrize("name", MODELS)
def test_as_deepctr_torch(name):
    made = model(name)
    for tensor in made.parameters():  # biases too
        tensor.data.add_(0.1 * torch.randn_like(tensor))
    ids, dense = rows()
    theirs = peer(name, made)(torch.cat([ids.float(), dense], 1))
    torch.testing.assert_close(torch.sigmoid(made(ids, dense))[:, None], theirs, rtol=0, atol=1e-6)
