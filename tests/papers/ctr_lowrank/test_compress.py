"""The paper's compression through the common door."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from common.compression.budget import Budget
from common.compression.compress import compress as common_compress
from common.errors import InvalidInputError
from papers.ctr_lowrank.accounting import Shape, parameters
from papers.ctr_lowrank.compress import UnifiedLowRank
from papers.ctr_lowrank.compression import Plan, compress, statistics
from tests.papers.ctr_lowrank.small import NUMBERS, VOCABULARIES, config, model, rows


@pytest.mark.parametrize("method", ["afm", "svd"])
def test_as_the_paper_s_own_call(method):
    made, plan = model(), Plan(method, table_rank=2, layer_rank=3)
    ids, dense = rows()
    small, report = common_compress(made, UnifiedLowRank(plan), calibration=[(ids, dense)])
    own = compress(made, statistics(made, [(ids, dense)]), plan)
    torch.testing.assert_close(small(ids, dense), own(ids, dense))
    shape = Shape.of(config(), VOCABULARIES, NUMBERS)
    assert report.dense.parameters == parameters(shape)
    assert report.compressed.parameters == parameters(shape, plan)
    assert [layer.name for layer in report.layers] == ["mlp.layers.1", "mlp.layers.2"]
    assert {layer.rank for layer in report.layers} == {3}
    assert report.compressed.macs < report.dense.macs
    assert method in str(report)


def test_other_models_and_budgets_are_refused():
    method = UnifiedLowRank(Plan(layer_rank=1))
    with pytest.raises(InvalidInputError, match=r"compresses models of papers\.ctr_lowrank"):
        common_compress(nn.Linear(3, 2), method, calibration=[torch.randn(4, 3)])
    with pytest.raises(InvalidInputError, match="its settings decide"):
        common_compress(model(), method, budget=Budget(parameters=0.5), calibration=[rows()])


def test_what_stays_dense_says_why_and_an_excluded_layer_is_not_folded():
    made, calibration = model(), [rows()]
    method = UnifiedLowRank(Plan("afm", table_rank=2, layer_rank=3))
    _, report = common_compress(made, method, calibration=calibration)
    assert report.skipped["mlp.layers.0"] == "has the decoders of the tables folded in"
    whole, _ = common_compress(made, method, calibration=calibration, exclude=["mlp.layers.0"])
    torch.testing.assert_close(whole.mlp.layers[0].weight, made.mlp.layers[0].weight)
    assert not whole.fused
    ids, dense = rows()
    unfused = Plan("afm", table_rank=2, layer_rank=3, fuse=False)
    own = compress(made, statistics(made, calibration), unfused)
    torch.testing.assert_close(whole(ids, dense), own(ids, dense))
