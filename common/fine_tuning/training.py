"""The training that every method gets: AdamW, a short rise of the rate, and a linear fall."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from common.errors import Diverged, InvalidInputError
from common.fine_tuning.prefix import Hidden


@dataclass(frozen=True)
class Recipe:
    """How long and how fast.

    Attributes:
        steps: of the optimiser.
        batch_size: rows of a step.
        lr: of the adapted part.
        head_lr: of the head, the same for every method.
        warmup: steps over which the rates rise.
        weight_decay: of the adapted part.
        seed: decides the order of the rows.
    """

    steps: int
    batch_size: int
    lr: float
    head_lr: float = 1.0e-3
    warmup: int = 10
    weight_decay: float = 0.0
    seed: int = 0

    def part_of_rate(self, step: int) -> float:
        """Of a step, counted from 0."""
        rise = min(1.0, (step + 1) / max(1, self.warmup))
        return min(rise, (self.steps - step) / max(1, self.steps - self.warmup))


def order(rows: int, recipe: Recipe) -> list[Tensor]:
    """The rows of every step: whole passes in an order of their own each.

    Raises:
        InvalidInputError: there are no rows.
    """
    if rows < 1:
        raise InvalidInputError("There are no rows to train on.")
    generator = torch.Generator().manual_seed(recipe.seed)
    need, found = recipe.steps * recipe.batch_size, []
    while sum(len(part) for part in found) < need:
        found.append(torch.randperm(rows, generator=generator))
    return list(torch.cat(found)[:need].split(recipe.batch_size))


def train(
    model: nn.Module,
    head: nn.Module,
    data: Hidden,
    recipe: Recipe,
    *,
    between: Callable[[], None] = lambda: None,
) -> list[float]:
    """Train what asks for a gradient, in place and without dropout; the loss of every step.

    Args:
        model: hidden values and mask to logits, the head included.
        head: its parameters have a rate of their own.
        data: the training rows.
        recipe: of the training.
        between: called before each step; may raise to stop.

    Raises:
        Diverged: the loss is not finite.
        InvalidInputError: there are no rows, or a step does not reach what asks for a gradient.
    """
    own = {id(parameter) for parameter in head.parameters()}
    adapted = [p for p in model.parameters() if p.requires_grad and id(p) not in own]
    groups = [
        {"params": adapted, "lr": recipe.lr, "weight_decay": recipe.weight_decay},
        {"params": list(head.parameters()), "lr": recipe.head_lr, "weight_decay": 0.0},
    ]
    optimiser = torch.optim.AdamW([group for group in groups if group["params"]])
    rates = [group["lr"] for group in optimiser.param_groups]
    losses: list[float] = []
    # Evaluation mode: no dropout, and a merged weight where an adapter prefers it.
    model.eval()
    for step, rows in enumerate(order(len(data), recipe)):
        between()
        for group, rate in zip(optimiser.param_groups, rates, strict=True):
            group["lr"] = rate * recipe.part_of_rate(step)
        hidden, mask, labels = data.batch(rows)
        loss = F.cross_entropy(model(hidden, mask), labels)
        if not loss.isfinite():
            raise Diverged(step, losses[-1] if losses else None)
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        if step == 0:
            _refuse_unreached(model)
        optimiser.step()
        losses.append(loss.item())
    return losses


def _refuse_unreached(model: nn.Module) -> None:
    """A merged adapter, or a layer that is not called, would be trained without effect."""
    named = model.named_parameters()
    if unreached := [n for n, p in named if p.requires_grad and p.grad is None]:
        raise InvalidInputError(
            f"The loss does not depend on {', '.join(unreached)}: unmerge adapters before "
            f"training, or freeze what is not used."
        )


@torch.no_grad()
def predict(model: nn.Module, data: Hidden, batch_size: int = 128) -> Float[Tensor, "n c"]:
    """Logits of all rows, in their order; rows of like length go together."""
    model.eval()
    by_length = torch.argsort(data.starts[1:] - data.starts[:-1], stable=True)
    parts = [model(*data.batch(rows)[:2]) for rows in by_length.split(batch_size)]
    logits = torch.cat(parts)
    back = torch.empty_like(logits)
    back[by_length.to(back.device)] = logits
    return back


def mean_loss(losses: Sequence[float], first: int, last: int) -> float:
    """Over the steps from ``first`` up to, not including, ``last``."""
    part = losses[first:last]
    return sum(part) / len(part)
