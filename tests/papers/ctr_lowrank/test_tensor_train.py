"""Tensor-train tables against the product of their cores written out."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from common.compression.costs import parameters
from common.errors import InvalidInputError
from papers.ctr_lowrank.accounting import tensor_train
from papers.ctr_lowrank.models.tensor_train import (
    TensorTrainTable,
    TensorTrainTables,
    published,
    two_cores,
)
from tests.papers.ctr_lowrank.small import VOCABULARIES, rows


def whole(table):
    """Every row of the grid, (prod n, prod d), by contracting the cores."""
    result = torch.ones(1, 1, 1)  # rows, columns, rank
    for core in table.cores:
        result = torch.einsum("nda,maeb->nmdeb", result, core)
        result = result.flatten(0, 1).flatten(1, 2)
    return result[..., 0]


@settings(max_examples=25, deadline=None)
@given(
    st.lists(st.tuples(st.integers(1, 4), st.integers(1, 3)), min_size=1, max_size=4),
    st.integers(1, 3),
)
def test_lookups_by_index(modes, rank):
    row_modes, column_modes = zip(*modes, strict=True)
    table = TensorTrainTable(1, row_modes, column_modes, [rank] * (len(modes) - 1), std=1.0)
    everything = whole(table)
    ids = torch.randperm(len(everything))
    torch.testing.assert_close(table(ids), everything[ids], rtol=1e-4, atol=1e-5)
    counted = parameters(table)
    assert counted == tensor_train(row_modes, column_modes, [rank] * (len(modes) - 1))


def test_the_published_form():
    table = published(30, (2, 4, 5), 6, rank=8)
    shapes = [tuple(core.shape) for core in table.cores]
    # (n, R, d, R'): the paper's (1, n1, R), (R, n2, R), (R, n3, R'), (R', D, 1) with R' = min(R, D)
    assert shapes == [(2, 1, 1, 8), (4, 8, 1, 8), (5, 8, 1, 6), (1, 6, 6, 1)]
    A, B, C, D = (core.detach() for core in table.cores)
    wanted = torch.einsum("iar,jrbs,ksct,td->ijkd", A[:, 0], B, C, D[0, :, :, 0])
    torch.testing.assert_close(table.table(), wanted.reshape(40, 6)[:30])


def test_the_sizes_of_the_comparison():
    tables = [two_cores(rows, (4, 4), 18) for rows in (944, 1653)]
    assert [table.row_modes for table in tables] == [(31, 31), (41, 41)]
    assert sum(parameters(table) for table in tables) == 10_368


def test_rows_start_as_dense_ones_do():
    torch.manual_seed(0)
    started = two_cores(4000, (4, 4), 18).table()
    assert float(started.std()) == pytest.approx(1e-4, rel=0.1)
    # At the published deviation of the cores nothing is left for a gradient to act on.
    assert float(published(4000, (16, 16, 16), 16, 16).table().abs().max()) < 1e-13


def test_fields_keep_their_places():
    trains = {1: two_cores(30, (2, 3), 4), 3: two_cores(12, (3, 2), 2)}
    tables = TensorTrainTables(VOCABULARIES, 6, trains)
    ids, _ = rows()
    found = tables(ids)
    torch.testing.assert_close(found[:, 1], trains[1](ids[:, 1]))
    torch.testing.assert_close(found[:, 3], trains[3](ids[:, 3]))
    torch.testing.assert_close(found[:, 2], tables.dense.of_fields()[1][ids[:, 2]])
    regularised = {id(p) for p in tables.regularised()}
    assert regularised == {id(p) for p in tables.parameters()}


def test_all_fields():
    trains = {f: two_cores(n, (2, 3), 2) for f, n in enumerate(VOCABULARIES)}
    ids, _ = rows()
    assert TensorTrainTables(VOCABULARIES, 6, trains)(ids).shape == (200, 4, 6)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: TensorTrainTable(10, (3, 3), (2, 2), (2,)), "number 9 rows; needed are 10"),
        (lambda: TensorTrainTable(9, (3, 3), (2,), (2,)), "2 row modes, 1 column modes"),
        (lambda: TensorTrainTable(9, (3, 3), (2, 2), (0,)), "every mode and rank 1 or more"),
        (
            lambda: TensorTrainTables(VOCABULARIES, 6, {0: two_cores(8, (2, 3), 2)}),
            r"fields \[0\] have not the shape",
        ),
    ],
)
def test_refused(make, message):
    with pytest.raises(InvalidInputError, match=message):
        make()
