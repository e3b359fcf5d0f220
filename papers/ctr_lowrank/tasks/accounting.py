"""C3: how much smaller the published models become, tables, decoders and first order included.

Every model is built, on the meta device where nothing is stored, and its parameters are counted.
"""

from __future__ import annotations

import torch

from common.compression import costs
from common.experiment.context import RunContext, TaskResult
from papers.ctr_lowrank.accounting import deep_width, parameters, tables
from papers.ctr_lowrank.compression import Plan, fuse
from papers.ctr_lowrank.models.ctr import CtrModel, build, build_dense
from papers.ctr_lowrank.models.perceptron import FactorisedLinear
from papers.ctr_lowrank.models.tables import CompressedTables
from papers.ctr_lowrank.published import CASES, Case


def run(context: RunContext) -> TaskResult:
    """Counted and closed-form parameters by case and rank, and what share the tables have."""
    metrics: dict[str, float] = {}
    for name, case in CASES.items():
        dense = costs.parameters(dense_model(case))
        metrics[f"{name}_dense_parameters"] = dense
        metrics[f"{name}_dense_formula"] = parameters(case.shape)
        metrics[f"{name}_tables_share"] = tables(case.shape) / dense
        for rank in case.table_ranks:
            plan = case.plan(rank)
            counted = costs.parameters(compressed_model(case, plan))
            metrics[f"{name}_r{rank}_parameters"] = counted
            metrics[f"{name}_r{rank}_formula"] = parameters(case.shape, plan)
            metrics[f"{name}_r{rank}_times_smaller"] = dense / counted
            metrics[f"{name}_r{rank}_deep_width"] = deep_width(case.shape, plan)
        metrics[f"{name}_times_smaller"] = metrics[f"{name}_r{case.table_ranks[0]}_times_smaller"]
    return TaskResult(metrics)


def dense_model(case: Case) -> CtrModel:
    """Without storage."""
    with torch.device("meta"):
        return build_dense(case.config, case.vocabularies, case.numbers)


def compressed_model(case: Case, plan: Plan) -> CtrModel:
    """The modules that compression makes, without storage or values."""
    fields, dim, rank = len(case.vocabularies), case.dim, plan.table_rank
    with torch.device("meta"):
        weight = torch.empty(sum(case.vocabularies), rank)
        decoder, bias = torch.empty(fields, rank, dim), torch.empty(fields, dim)
        small = CompressedTables(case.vocabularies, weight, decoder, bias)
        model = build(case.config, small, case.numbers)
        for place in range(1, len(case.hidden)):
            layer = model.mlp.layers[place]
            m, n = layer.weight.shape
            r = plan.layer_rank
            model.mlp.layers[place] = FactorisedLinear(
                (torch.empty(r, n), torch.empty(r)), (torch.empty(m, r), torch.empty(m))
            )
        return fuse(model)
