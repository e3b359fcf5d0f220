"""The projections and their errors, frequencies, fusion, what may be asked."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import nn

from common.compression.features import FeatureBasis
from common.errors import InvalidInputError
from papers.ctr_lowrank.compression import (
    Plan,
    compress,
    compressed_tables,
    factorised,
    fuse,
    lookup_moments,
    statistics,
)
from papers.ctr_lowrank.identities import projection_errors
from papers.ctr_lowrank.models.ctr import MODELS
from papers.ctr_lowrank.models.perceptron import FactorisedLinear
from papers.ctr_lowrank.models.tables import CompressedTables
from tests.papers.ctr_lowrank.small import NUMBERS, model, rows

FUSING = [name for name, kind in MODELS.items() if kind.FUSES]


def batches(n=200, of=50, dtype=torch.float32):
    ids, dense = rows(n)
    return [(ids[k : k + of], dense[k : k + of].to(dtype)) for k in range(0, n, of)]


def found(made):
    return statistics(made, batches())


def test_statistics_are_those_of_all_outputs():
    made = model()
    ids, dense = rows()
    vectors = made.tables(ids)
    z = made.mlp.layers[1](made.mlp.layers[0](made.deep_input(vectors, vectors, dense)).relu())
    basis = found(made).layers[1]
    centred = (z - z.mean(0)).double()
    torch.testing.assert_close(basis.mean, z.double().mean(0), rtol=1e-5, atol=1e-6)
    rebuilt = (basis.vectors * basis.values) @ basis.vectors.mT
    torch.testing.assert_close(rebuilt, centred.mT @ centred / 200, rtol=1e-4, atol=1e-6)


def test_a_table_is_weighted_by_how_often_an_id_occurs():
    """Against the rows written out as often as they are looked up; unique rows give another."""
    table, counts = torch.randn(6, 3).double(), torch.tensor([50, 0, 3, 1, 1, 7])
    weighted = lookup_moments(table, counts)
    repeated = table[torch.arange(6).repeat_interleave(counts)]
    torch.testing.assert_close(weighted.mean, repeated.mean(0))
    torch.testing.assert_close(weighted.covariance, torch.cov(repeated.mT, correction=0))
    unique = lookup_moments(table, torch.ones(6, dtype=torch.int64))
    assert not torch.allclose(unique.covariance, weighted.covariance, rtol=0.1)


def test_the_pass_counts_the_ids():
    made = model()
    ids, _ = rows()
    for f, basis in enumerate(found(made).fields):
        rows_of = made.tables(ids)[:, f].double()
        torch.testing.assert_close(basis.mean, rows_of.mean(0), rtol=1e-5, atol=1e-6)
        expected = torch.cov(rows_of.mT, correction=0)
        rebuilt = (basis.vectors * basis.values) @ basis.vectors.mT
        torch.testing.assert_close(rebuilt, expected, rtol=1e-4, atol=1e-6)


def test_the_error_is_the_sum_of_the_eigenvalues_left_out():
    made = model().double()
    statistics_of = statistics(made, batches(dtype=torch.float64))
    errors = projection_errors(made, statistics_of, [1, 3, 5], batches(dtype=torch.float64))
    assert len(errors) == 2 * 3 + 3 * made.tables.fields
    for (kind, place, rank), error in errors.items():
        basis = statistics_of.layers[place] if kind == "layer" else statistics_of.fields[place]
        assert error == pytest.approx(basis.error(rank), rel=1e-8, abs=1e-12 * basis.error(0))


def test_a_layer_of_the_paper():
    """z ~ U U^T (z - mu) + mu, in the factors of Section 3."""
    layer = nn.Linear(9, 7).double()
    x = torch.randn(400, 9).double()
    z = layer(x).detach()
    basis = FeatureBasis.of(lookup_moments(z, torch.ones(400, dtype=torch.int64)))
    small = factorised(layer, basis, Plan(layer_rank=3))
    U, mu = basis.vectors[:, :3], z.mean(0)
    torch.testing.assert_close(small(x), (z - mu) @ U @ U.mT + mu)
    torch.testing.assert_close(small.first.bias, U.mT @ layer.bias)
    torch.testing.assert_close(small.second.bias, mu - U @ (U.mT @ mu))


def test_svd_is_the_best_approximation_of_the_weight():
    layer = nn.Linear(9, 7).double()
    small = factorised(layer, None, Plan("svd", layer_rank=3))
    product = small.second.weight @ small.first.weight
    values = torch.linalg.svdvals(layer.weight)
    error = (product - layer.weight).square().sum()
    torch.testing.assert_close(error, values[3:].square().sum())
    assert torch.equal(small.second.bias, layer.bias)
    assert not small.first.bias.any()


def test_svd_of_tables_even_of_fewer_ids_than_the_rank():
    made = model()
    small = compressed_tables(made.tables, found(made).fields, Plan("svd", table_rank=5))
    for f, table in enumerate(made.tables.of_fields()):
        codes = small.of_fields()[f]
        error = (codes @ small.decoder[f] - table).square().sum()
        wanted = torch.linalg.svdvals(table)[5:].square().sum()
        torch.testing.assert_close(error, wanted, rtol=1e-3, atol=1e-9)
        # The decoder is of full rank, so that what a field does not use can be trained.
        torch.testing.assert_close(
            small.decoder[f] @ small.decoder[f].mT, torch.eye(5), rtol=0, atol=1e-5
        )
    assert not small.bias.any()


def test_afm_of_a_table_is_not_its_svd():
    made = model()
    made.tables.weight.data += 1  # a mean to be seen
    statistics_of = found(made)
    ids, _ = rows()
    errors = {}
    for method in ("afm", "svd"):
        small = compressed_tables(made.tables, statistics_of.fields, Plan(method, table_rank=2))
        gap = (small.decode(small(ids)) - made.tables(ids)).detach()
        errors[method] = float(gap.square().sum())
    assert errors["afm"] < 0.9 * errors["svd"]


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("method", ["afm", "svd"])
def test_the_full_rank_changes_nothing(name, method):
    made = model(name)
    ids, dense = rows()
    small = compress(made, found(made), Plan(method, table_rank=6))
    torch.testing.assert_close(small(ids, dense), made(ids, dense), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("method", ["afm", "svd"])
def test_the_full_rank_of_a_layer_changes_nothing(method):
    layer, x = nn.Linear(9, 7).double(), torch.randn(50, 9).double()
    basis = FeatureBasis.of(lookup_moments(layer(x).detach(), torch.ones(50, dtype=torch.int64)))
    torch.testing.assert_close(factorised(layer, basis, Plan(method, layer_rank=7))(x), layer(x))


@pytest.mark.parametrize("name", FUSING)
def test_fusion_is_exact(name):
    made = model(name)
    ids, dense = rows()
    decoded = compress(made, found(made), Plan(table_rank=2, fuse=False))
    fused = compress(made, found(made), Plan(table_rank=2))
    torch.testing.assert_close(fused(ids, dense), decoded(ids, dense), rtol=0, atol=1e-5)
    assert (decoded.fused, fused.fused) == (False, True)
    assert fused.mlp.layers[0].in_features == 4 * 2 + NUMBERS, "the small embeddings are read"
    assert decoded.mlp.layers[0].in_features == 4 * 6 + NUMBERS


@pytest.mark.parametrize("name", ["nfm", "fibinet"])
def test_models_that_read_decoded_vectors_only(name):
    made = model(name)
    small = compress(made, found(made), Plan(table_rank=2))
    assert not small.fused
    assert small.mlp.layers[0].in_features == made.mlp.layers[0].in_features
    with pytest.raises(InvalidInputError, match="cannot be fused"):
        fuse(small)


def test_the_model_is_left_as_it_was():
    made = model()
    before = copy.deepcopy(made.state_dict())
    small = compress(made, found(made), Plan(table_rank=2, layer_rank=3))
    for parameter in small.parameters():
        parameter.data.fill_(0)
    assert all(torch.equal(tensor, before[name]) for name, tensor in made.state_dict().items())


def test_layers_alone_have_tables_of_their_own():
    made = model()
    small = compress(made, found(made), Plan(layer_rank=3))
    small.tables.weight.data.fill_(0)
    assert made.tables.weight.any()


def test_an_activation_breaks_the_equivalence_and_nothing_else():
    made = model()
    ids, dense = rows()
    plain = compress(made, found(made), Plan(layer_rank=3))
    active = compress(made, found(made), Plan(layer_rank=3, activation=True))
    assert not torch.allclose(plain(ids, dense), active(ids, dense), atol=1e-3)
    for one, other in zip(plain.parameters(), active.parameters(), strict=True):
        assert torch.equal(one, other)
    assert isinstance(active.mlp.layers[0], nn.Linear), "the first layer stays dense"
    assert all(isinstance(layer, FactorisedLinear) for layer in active.mlp.layers[1:])


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Plan("pca", table_rank=2), "method='pca'; allowed: afm, svd"),
        (lambda: Plan(), "nothing to do"),
        (lambda: Plan(table_rank=2, activation=True), "activation needs layer_rank"),
        (lambda: compress(model(), found(model()), Plan(table_rank=7)), "table_rank=7; allowed: 1"),
        (lambda: compress(model(), found(model()), Plan(layer_rank=11)), "layer_rank=11"),
        (lambda: statistics(model(), []), "no batch"),
    ],
)
def test_refused(make, message):
    with pytest.raises(InvalidInputError, match=message):
        make()


def test_what_is_compressed_is_not_compressed_again():
    made = model()
    small = compress(made, found(made), Plan(table_rank=2))
    with pytest.raises(InvalidInputError, match="only dense tables"):
        statistics(small, batches())
    with pytest.raises(InvalidInputError, match="cannot be fused"):
        fuse(small)
    assert isinstance(small.tables, CompressedTables)
