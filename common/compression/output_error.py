"""How far the outputs of replacements lie from those of the layers, on what the layers see."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from common.compression.capture import Keep, run, watching
from common.errors import InvalidInputError


@torch.no_grad()
def output_errors(
    model: nn.Module,
    replacements: Mapping[str, Mapping[str, nn.Module]],
    batches: Iterable[Any],
    keep: Keep | None = None,
) -> dict[str, dict[str, float]]:
    """Mean over rows of the squared distance, summed over outputs; of all layers in one pass.

    The model itself stays as it is: every replacement sees what its layer sees in the whole model.

    Args:
        model: holds the layers.
        replacements: name of a linear layer -> label -> module in its place.
        batches: inputs of the model.
        keep: see ``capture.output_moments``.

    Raises:
        InvalidInputError: there is no batch.
    """
    sums = {name: dict.fromkeys(others, 0.0) for name, others in replacements.items()}
    rows = dict.fromkeys(replacements, 0)
    kept: list[Tensor] = []
    judging = False

    def see(name: str, inputs: Tensor, output: Tensor) -> None:
        nonlocal judging
        if judging:
            return  # a replacement that holds the layer itself
        x = inputs[kept[-1]] if kept else inputs.flatten(0, -2)
        y = (output[kept[-1]] if kept else output.flatten(0, -2)).double()
        rows[name] += len(x)
        judging = True
        for label, module in replacements[name].items():
            sums[name][label] += float((module(x).double() - y).square().sum())
        judging = False

    def marked():
        for batch in batches:
            if keep is not None:
                kept[:] = [keep(batch)]
            yield batch

    with watching({name: model.get_submodule(name) for name in replacements}, see):
        if run(model, marked()) == 0:
            raise InvalidInputError("There is no batch to measure errors on.")
    return {
        name: {label: total / rows[name] for label, total in found.items()}
        for name, found in sums.items()
    }
