"""V1 and the estimate of d: errors of trained layers, split into what rank and codes leave."""

from __future__ import annotations

from collections.abc import Mapping

from omegaconf import OmegaConf
from torch import Tensor

from common.compression.subvectors import Layout
from common.compression.truncation import svd
from common.data.catalogue import load
from common.experiment.context import RunContext, TaskResult, data_entry
from papers.lr2vq.error import error_parts, predicted, suggested


def run(context: RunContext) -> TaskResult:
    """Largest violations over the layers, mean relative errors, and the suggested d."""
    task = context.config.task
    weights = load(OmegaConf.to_object(task.weights), context.data)
    layers = {
        name: weight
        for name, weight in weights.state.items()
        if name.startswith("layer") and weight.ndim == 4
    }
    metrics = violations(context, layers)
    metrics["layers"] = len(layers)
    return TaskResult(metrics, [data_entry(weights)])


def violations(context: RunContext, layers: Mapping[str, Tensor]) -> dict[str, float]:
    """Over layers and d: the identity, how far LR rises, how far CL falls (relative)."""
    task, layout = context.config.task, Layout(context.config.task.size)
    identity = rise = fall = 0.0
    totals = dict.fromkeys(task.dims, 0.0)
    relative = dict.fromkeys(task.dims, 0.0)
    guess = dict.fromkeys(task.dims, 0.0)
    for weight in context.track(list(layers.values()), "layers"):
        rows = layout.cut(weight).double()
        values, norm = svd(rows).S, float(rows.square().sum())
        parts = {dim: error_parts(rows, dim, task.words, task.seeds) for dim in task.dims}
        for dim, part in parts.items():
            identity = max(identity, part.identity_error())
            totals[dim] += part.total / norm
            relative[dim] += part.total / norm / len(layers)
            guess[dim] += predicted(values, len(rows), dim, task.words) * len(rows) / norm
        for low, high in zip(task.dims, task.dims[1:], strict=False):
            rise = max(rise, parts[high].low_rank - parts[low].low_rank)
            fall = max(fall, 1 - parts[high].clustering / parts[low].clustering)
    return {
        "identity_error": identity,
        "low_rank_rise": rise,
        "clustering_fall": fall,
        "suggested_dim": suggested(totals),
        "predicted_dim": suggested(guess),
        **{f"relative_error_d{dim}": value for dim, value in relative.items()},
    }
