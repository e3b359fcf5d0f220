"""C6, C7: what compression saves in time, and what tensor trains cost; one core, calls in turns."""

from __future__ import annotations

from types import SimpleNamespace

import torch

from common.compression.turns import latencies
from common.errors import InvalidInputError
from common.experiment.context import RunContext, TaskResult
from papers.ctr_lowrank.compression import Plan, Statistics, compress, statistics
from papers.ctr_lowrank.models.ctr import CtrModel, build_dense
from papers.ctr_lowrank.models.tables import CompressedTables, DenseTables
from papers.ctr_lowrank.models.tensor_train import TensorTrainTables, two_cores
from papers.ctr_lowrank.published import criteo_shaped

FLOAT_BYTES = 4


def run(context: RunContext) -> TaskResult:
    """Milliseconds of each contestant, and the ratios that the claims are about."""
    task = context.config.task
    if task.batch_size < 1 or task.rounds < 1 or task.ids < 260:
        raise InvalidInputError(
            f"task.batch_size={task.batch_size} and task.rounds={task.rounds} must be 1 or more, "
            f"task.ids={task.ids} 260 or more."
        )
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with torch.no_grad():
            metrics = model_times(task) | lookup_times(task)
    finally:
        torch.set_num_threads(threads)
    return TaskResult(metrics, notes=["Times of one core of this machine's processor."])


def model_times(task) -> dict[str, float]:
    """A Criteo-sized DeepFM: its layers, its lookups, all of it."""
    vocabularies = criteo_shaped(task.ids)
    config = SimpleNamespace(name="deepfm", dim=task.dim, hidden=list(task.hidden), mlp_std=None)
    dense = build_dense(config, vocabularies, task.numbers).eval()
    ids, numbers = inputs(vocabularies, task.numbers, task.batch_size)
    small = compress(
        dense,
        drawn_statistics(dense, task.numbers),
        Plan("afm", task.table_rank, task.layer_rank),
    ).eval()
    calls = {}
    for name, model in (("dense", dense), ("compressed", small)):
        deep = torch.randn(task.batch_size, model.deep_width())
        calls[f"{name}_layers"] = lambda mlp=model.mlp, deep=deep: mlp(deep)
        calls[f"{name}_lookup"] = lambda tables=model.tables: tables(ids)
        calls[f"{name}_decoded"] = lambda tables=model.tables: tables.decode(tables(ids))
        calls[f"{name}_model"] = lambda model=model: model(ids, numbers)
    seconds = latencies(calls, rounds=task.rounds)
    metrics = {f"{name}_ms": 1e3 * value for name, value in seconds.items()}
    for part in ("layers", "lookup", "model"):
        metrics[f"{part}_speedup"] = seconds[f"dense_{part}"] / seconds[f"compressed_{part}"]
    read = {}
    for name, model in (("dense", dense), ("compressed", small)):
        read[name] = task.batch_size * model.tables.fields * model.tables.width * FLOAT_BYTES
        metrics[f"{name}_lookup_bytes"] = read[name]
        metrics[f"{name}_table_bytes"] = model.tables.weight.numel() * FLOAT_BYTES
    metrics["lookup_bytes_saved"] = (
        metrics["dense_lookup_bytes"] / metrics["compressed_lookup_bytes"]
    )
    metrics["decoding_cost"] = seconds["compressed_decoded"] / seconds["dense_lookup"]
    return metrics


def lookup_times(task) -> dict[str, float]:
    """The same ids looked up in a few tables: dense, compressed and decoded, tensor train by index,
    and tensor train by building the table."""
    vocabularies, dim = list(task.train_vocabularies), task.dim
    side = int(dim**0.5)
    if side * side != dim:
        raise InvalidInputError(f"task.dim={dim}; needed is a square, for tables with two cores.")
    trains = {
        place: two_cores(rows, (side, side), task.train_rank)
        for place, rows in enumerate(vocabularies)
    }
    # Tensor trains alone, so that no dense field is in the time.
    chains = TensorTrainTables(vocabularies, dim, trains)
    dense = DenseTables(vocabularies, dim)
    rank, fields = task.train_table_rank, len(vocabularies)
    small = CompressedTables(
        vocabularies,
        torch.randn(sum(vocabularies), rank),
        torch.randn(fields, rank, dim),
        torch.randn(fields, dim),
    )
    ids, _ = inputs(vocabularies, 0, task.batch_size)

    def rebuilt():
        return torch.stack([train.table()[ids[:, f]] for f, train in trains.items()], 1)

    seconds = latencies(
        {
            "two_dense": lambda: dense(ids),
            "two_decoded": lambda: small.decode(small(ids)),
            "two_tt": lambda: chains(ids),
            "two_tt_rebuilt": rebuilt,
        },
        rounds=task.rounds,
    )
    metrics = {f"{name}_us": 1e6 * value for name, value in seconds.items()}
    metrics["tt_over_decoded"] = seconds["two_tt"] / seconds["two_decoded"]
    metrics["tt_over_dense"] = seconds["two_tt"] / seconds["two_dense"]
    return metrics


def inputs(
    vocabularies, numbers: int, rows: int, seed: int = 0
) -> tuple[torch.Tensor, torch.Tensor]:
    """Ids drawn evenly, the worst case for caches, and numbers in [0, 1]."""
    generator = torch.Generator().manual_seed(seed)
    ids = [torch.randint(n, (rows,), generator=generator) for n in vocabularies]
    return torch.stack(ids, 1), torch.rand(rows, numbers, generator=generator)


def drawn_statistics(model: CtrModel, numbers: int) -> Statistics:
    """Of a few drawn rows: times do not depend on the values."""
    return statistics(model, [inputs(model.tables.vocabularies, numbers, 2048)])
