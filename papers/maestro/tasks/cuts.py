"""A trained network cut to parts of its ranks, and what that is worth beside the control."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn

from common.compression.costs import macs, parameters
from common.data.sequence import SequenceSplit
from common.trainers.image_task import accuracy
from papers.maestro.ranks import at_ranks, by_importance_within, by_part, ordered_layers


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
    whole = sum(macs(dense, image).values()), parameters(dense)
    counted = macs(model, image)
    units = {n: counted[n] // layer.rank for n, layer in layers.items() if layer.rank}
    for part in parts:
        ranks = by_part(layers, part)
        small = at_ranks(model, ranks, batches)
        metrics[f"{name}_at_{part:g}"] = accuracy(small, test)
        metrics[f"macs_at_{part:g}"] = sum(macs(small, image).values()) / whole[0]
        metrics[f"parameters_at_{part:g}"] = parameters(small) / whole[1]
        if globally and part < 1:
            allowance = sum(units[n] * rank for n, rank in ranks.items() if rank)
            ranks = by_importance_within(layers, units, allowance)
            metrics[f"{name}_global_at_{part:g}"] = accuracy(at_ranks(model, ranks, batches), test)
    return metrics


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
