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

# Of the encoder: a query, an output of attention, and both layers of an MLP.
MATRICES = (
    "encoder.layer.0.attention.self.query.weight",
    "encoder.layer.2.attention.output.dense.weight",
    "encoder.layer.3.intermediate.dense.weight",
    "encoder.layer.5.output.dense.weight",
)


def run(context: RunContext) -> TaskResult:
    """Largest violations over the layers of both networks; of the convolutional one, and as
    ``encoder_*`` of the encoder, mean relative errors and the suggested d."""
    task = context.config.task
    weights = load(OmegaConf.to_object(task.weights), context.data)
    encoder = load(OmegaConf.to_object(task.encoder), context.data)
    layers = {
        name: weight
        for name, weight in weights.state.items()
        if name.startswith("layer") and weight.ndim == 4
    }
    metrics = violations(context, layers)
    of_encoder = violations(context, {name: encoder.state[name] for name in MATRICES})
    for name in ("identity_error", "low_rank_rise", "clustering_fall"):
        metrics[name] = max(metrics[name], of_encoder[name])
    metrics |= {f"encoder_{name}": value for name, value in of_encoder.items()}
    metrics["layers"] = len(layers) + len(MATRICES)
    return TaskResult(metrics, [data_entry(weights), data_entry(encoder)])


def violations(context: RunContext, layers: Mapping[str, Tensor]) -> dict[str, float]:
    """Over layers and d: the identity, how far LR rises, how far CL falls (relative); and of all
    layers together the squared error over the squared norm."""
    task, layout = context.config.task, Layout(context.config.task.size)
    identity = rise = fall = norm = 0.0
    totals = dict.fromkeys(task.dims, 0.0)
    guess = dict.fromkeys(task.dims, 0.0)
    for weight in context.track(list(layers.values()), "layers"):
        rows = layout.cut(weight).double()
        values, norm = svd(rows).S, norm + float(rows.square().sum())
        parts = {dim: error_parts(rows, dim, task.words, task.seeds) for dim in task.dims}
        for dim, part in parts.items():
            identity = max(identity, part.identity_error())
            totals[dim] += part.total
            guess[dim] += predicted(values, len(rows), dim, task.words) * len(rows)
        for low, high in zip(task.dims, task.dims[1:], strict=False):
            rise = max(rise, parts[high].low_rank - parts[low].low_rank)
            fall = max(fall, 1 - parts[high].clustering / parts[low].clustering)
    return {
        "identity_error": identity,
        "low_rank_rise": rise,
        "clustering_fall": fall,
        "suggested_dim": suggested(totals),
        "predicted_dim": suggested(guess),
        **{f"relative_error_d{dim}": total / norm for dim, total in totals.items()},
    }
