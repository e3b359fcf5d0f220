"""The loss on the plane through three solutions (Section 5.5)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import torch
from torch import Tensor, nn

from common.figures import pyplot, save

State = dict[str, Tensor]


def combined(states: Sequence[State], weights: Sequence[float]) -> State:
    """Every number of the models, mixed; the weights sum to 1."""
    return {
        name: sum(w * state[name] for w, state in zip(weights, states, strict=True))
        for name in states[0]
    }


@torch.no_grad()
def losses(
    model: nn.Module,
    states: Sequence[State],
    loss: Callable[[nn.Module], float],
    size: int,
    *,
    margin: float = 0.25,
    track: Callable[[Iterable, str], Iterable] = lambda items, _: items,
) -> tuple[list[float], list[list[float]]]:
    """A grid over the plane: weights a of the second and b of the third solution, 1 - a - b of the
    first. The solutions stand at (0, 0), (1, 0) and (0, 1).

    Args:
        model: takes the states; left with the last of the grid.
        states: three.
        loss: of a model.
        size: points on a side.
        margin: how far the grid reaches beyond the solutions.

    Returns:
        the weights along a side, and the losses by rows of b.
    """
    sides = torch.linspace(-margin, 1 + margin, size).tolist()
    rows = []
    for b in track(sides, "loss plane"):
        row = []
        for a in sides:
            model.load_state_dict(combined(states, (1 - a - b, a, b)))
            row.append(loss(model))
        rows.append(row)
    return sides, rows


def draw(
    sides: Sequence[float], rows: Sequence[Sequence[float]], names: Sequence[str], folder: Path
) -> None:
    """Contours of the logarithm of the loss, and where the three solutions are."""
    plt = pyplot()
    figure, axis = plt.subplots(figsize=(5, 4))
    values = torch.tensor(rows).clamp(min=1e-6).log10()
    filled = axis.contourf(sides, sides, values, levels=20)
    for name, place in zip(names, ((0, 0), (1, 0), (0, 1)), strict=True):
        axis.plot(*place, "wo")
        axis.annotate(name, place, color="white", xytext=(4, 4), textcoords="offset points")
    axis.set(xlabel=f"weight of {names[1]}", ylabel=f"weight of {names[2]}")
    figure.colorbar(filled, label="log10 of the training loss")
    save(figure, folder, "loss_plane")
