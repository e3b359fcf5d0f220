"""What must hold exactly: the error of a projection, and that fusing changes nothing."""

from __future__ import annotations

import copy
from collections.abc import Sequence

import torch
from omegaconf import DictConfig
from torch import Tensor

from common.compression.capture import run, watching
from common.data.ctr_split import CtrData
from papers.ctr_lowrank.compression import (
    Plan,
    Statistics,
    compress,
    compressed_tables,
    factorised,
    statistics,
)
from papers.ctr_lowrank.models.ctr import CtrModel
from papers.ctr_lowrank.training import predict, training_batches

_NOTHING = 1e-9  # of the energy: below it nothing but rounding is left out


def error_identity(
    model: CtrModel, data: CtrData, ranks: Sequence[int], config: DictConfig
) -> dict[str, float]:
    """Largest relative deviation of the error on the statistics' rows from the eigenvalues left
    out, over ranks, in float64: of each factorised layer, and of each field's table where something
    is left out (a table of n ids has at most n - 1 eigenvalues)."""
    wide = copy.deepcopy(model).double()

    def batches():
        return ((ids, dense.double()) for ids, dense in training_batches(data, config))

    found = statistics(wide, batches())
    errors = projection_errors(wide, found, ranks, batches())
    worst = {"layer": 0.0, "table": 0.0}
    for (kind, place, rank), error in errors.items():
        basis = found.layers[place] if kind == "layer" else found.fields[place]
        left_out = basis.error(rank)
        if left_out > _NOTHING * basis.error(0):
            worst[kind] = max(worst[kind], abs(error - left_out) / left_out)
    return {f"{kind}_error_deviation": value for kind, value in worst.items()}


@torch.no_grad()
def projection_errors(
    model: CtrModel, found: Statistics, ranks: Sequence[int], batches
) -> dict[tuple[str, int, int], float]:
    """Mean squared distance, summed over outputs, by ("layer", its place, rank) and
    ("table", its field, rank)."""
    places = range(1, len(model.mlp.layers))
    layers = {str(place): model.mlp.layers[place] for place in places}
    small = {
        (place, rank): factorised(
            layers[str(place)], found.layers[place], Plan("afm", layer_rank=rank)
        )
        for place in places
        for rank in ranks
        if rank < min(layers[str(place)].weight.shape)
    }
    tables = {
        rank: compressed_tables(model.tables, found.fields, Plan("afm", table_rank=rank))
        for rank in ranks
        if rank < model.tables.dim
    }
    totals = {("layer", *key): 0.0 for key in small}
    totals |= {
        ("table", place, rank): 0.0 for place in range(model.tables.fields) for rank in tables
    }
    rows = 0

    def see(name: str, inputs: Tensor, outputs: Tensor) -> None:
        for (place, rank), layer in small.items():
            if str(place) == name:
                error = (layer(inputs) - outputs).square().sum()
                totals["layer", place, rank] += float(error)

    def counted():
        nonlocal rows
        for ids, dense in batches:
            rows += len(ids)
            vectors = model.tables(ids)
            for rank, table in tables.items():
                errors = (table.decode(table(ids)) - vectors).square().sum((0, 2)).tolist()
                for place, error in enumerate(errors):
                    totals["table", place, rank] += error
            yield ids, dense

    with watching(layers, see):
        run(model, counted())
    return {key: total / rows for key, total in totals.items()}


def fusion_difference(
    model: CtrModel, found: Statistics, rank: int, data: CtrData, config: DictConfig
) -> float:
    """Largest difference of two logits of the test set: decoded embeddings and the first layer as
    it was, against the first layer with the decoders folded in."""
    decoded = compress(model, found, Plan("afm", table_rank=rank, fuse=False))
    fused = compress(model, found, Plan("afm", table_rank=rank))
    gap = predict(decoded, data.test, config) - predict(fused, data.test, config)
    return float(gap.abs().max())
