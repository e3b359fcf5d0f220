"""What flows through chosen layers of a model while calibration data pass."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from common.compression.moments import Moments
from common.errors import InvalidInputError

See = Callable[[str, Tensor, Tensor], None]
Keep = Callable[[Any], Tensor]


@contextmanager
def watching(layers: Mapping[str, nn.Module], see: See):
    """Call ``see(name, input, output)`` whenever one of these layers has run."""
    with ExitStack() as stack:
        for name, layer in layers.items():

            def hook(module: nn.Module, inputs: tuple, output: Tensor, name: str = name) -> None:
                see(name, inputs[0], output)

            stack.callback(layer.register_forward_hook(hook).remove)
        yield


@torch.no_grad()
def run(model: nn.Module, batches: Iterable[Any]) -> int:
    """Pass batches through a model in evaluation mode; tuples are several arguments.

    Returns:
        Number of batches.
    """
    training = model.training
    model.eval()
    count = 0
    try:
        for batch in batches:
            model(*batch) if isinstance(batch, tuple) else model(batch)
            count += 1
    finally:
        model.train(training)
    return count


def output_moments(
    model: nn.Module,
    layers: Mapping[str, nn.Module],
    batches: Iterable[Any],
    keep: Keep | None = None,
) -> dict[str, Moments]:
    """Mean and covariance of what each layer puts out, of all in one pass.

    Outputs of convolutions are a row a position, those of linear layers a row a token: batches must
    hold no padding, or ``keep`` has to leave it out.

    Args:
        keep: of a batch, which of the rows count: bool, of the shape of the outputs without their
            last axis.

    Raises:
        InvalidInputError: there is no batch, a layer was not reached, or an output is not finite.
    """
    return _moments(model, layers, batches, keep, lambda inputs, output: output)


def input_moments(
    model: nn.Module,
    layers: Mapping[str, nn.Module],
    batches: Iterable[Any],
    keep: Keep | None = None,
) -> dict[str, Moments]:
    """The same of what each layer reads; see :func:`output_moments`."""
    return _moments(model, layers, batches, keep, lambda inputs, output: inputs)


def _moments(
    model: nn.Module,
    layers: Mapping[str, nn.Module],
    batches: Iterable[Any],
    keep: Keep | None,
    choose: Callable[[Tensor, Tensor], Tensor],
) -> dict[str, Moments]:
    found: dict[str, Moments] = {}
    kept: list[Tensor] = []

    def see(name: str, inputs: Tensor, output: Tensor) -> None:
        rows = choose(inputs, output)
        rows = rows.movedim(1, -1) if isinstance(layers[name], nn.Conv2d) else rows
        if name not in found:
            found[name] = Moments(rows.shape[-1], rows.device)
        found[name].update(rows[kept[-1]] if kept else rows)

    def marked() -> Iterator[Any]:
        for batch in batches:
            if keep is not None:
                kept[:] = [keep(batch)]
            yield batch

    with watching(layers, see):
        count = run(model, marked())
    if count == 0:
        raise InvalidInputError("The calibration data hold no batch.")
    missing = [name for name in layers if name not in found]
    if missing:
        raise InvalidInputError(
            f"The calibration data did not reach {', '.join(missing)}; leave them out, or pass "
            "inputs that use them."
        )
    return found
