"""A trained network cut to parts of its ranks, and what that is worth beside the control."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn

from common.compression.costs import macs, parameters
from common.data.sequence import SequenceSplit
from common.errors import InvalidInputError
from common.trainers.image_task import accuracy
from papers.maestro.models import SAMPLERS
from papers.maestro.ranks import at_ranks, by_importance, by_part, ordered_layers


def check_cuts(samplings: Sequence[str], parts: Sequence[float]) -> None:
    """Before anything is trained.

    Raises:
        InvalidInputError: no sampling, one that is none, or parts that are not in (0, 1] or lack
            the whole.
    """
    if not samplings or not set(samplings) <= set(SAMPLERS):
        raise InvalidInputError(
            f"task.samplings={list(samplings)}; allowed: one or more of {', '.join(SAMPLERS)}."
        )
    check_parts(parts)


def check_parts(parts: Sequence[float]) -> None:
    """Raises InvalidInputError where a part is not in (0, 1], or the whole is not among them."""
    if 1 not in parts or not all(0 < part <= 1 for part in parts):
        raise InvalidInputError(
            f"task.parts={list(parts)}; allowed: above 0 and at most 1, and 1 among them: what is "
            "lost is counted from there."
        )


def cuts(
    name: str,
    model: nn.Module,
    dense: nn.Module,
    image: Tensor,
    test: SequenceSplit,
    parts: Sequence[float],
    batches: Sequence[Tensor] = (),
    *,
    globally: bool = False,
) -> dict[str, float]:
    """Accuracy, and cost over that of the dense network, at each part of the ranks.

    Args:
        name: of the training, in the metrics.
        model: in ordered factors.
        dense: the network without factors.
        image: one, to count multiply-adds with.
        test: what is judged on.
        parts: of what is left of each rank.
        batches: for batch norms.
        globally: also with ranks by one threshold on the importances, of at most the same cost.
    """
    metrics, layers = {}, ordered_layers(model)
    dense_macs, counted = counted_macs(dense, image), counted_macs(model, image)
    whole = sum(dense_macs.values()), parameters(dense)
    units = {n: counted[n] // layer.rank for n, layer in layers.items() if layer.rank}
    for part in parts:
        ranks = by_part(layers, part)
        small = at_ranks(model, ranks, batches)
        metrics[f"{name}_at_{part:g}"] = accuracy(small, test)
        metrics[f"macs_at_{part:g}"] = sum(counted_macs(small, image).values()) / whole[0]
        metrics[f"parameters_at_{part:g}"] = parameters(small) / whole[1]
        if globally and part < 1:
            spent = (min(units[n] * rank, dense_macs[n]) for n, rank in ranks.items() if rank)
            ranks = by_importance(layers, units, dense_macs, sum(spent))
            metrics[f"{name}_global_at_{part:g}"] = accuracy(at_ranks(model, ranks, batches), test)
    return metrics


def counted_macs(model: nn.Module, image: Tensor) -> dict[str, int]:
    """Multiply-adds of each layer, on the model's device: a training may have moved it."""
    return macs(model, image.to(next(model.parameters()).device))


def comparisons(
    metrics: dict[str, float], samplings: Sequence[str], parts: Sequence[float]
) -> dict[str, float]:
    """Points above the control at each part, and below the same network at its full ranks."""
    found = {}
    for sampling in samplings:
        for part in parts:
            own = metrics[f"{sampling}_at_{part:g}"]
            found[f"{sampling}_gain_at_{part:g}"] = own - metrics[f"svd_at_{part:g}"]
            found[f"{sampling}_loss_at_{part:g}"] = metrics[f"{sampling}_at_1"] - own
    return found
