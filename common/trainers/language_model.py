"""Training of a language model on a stream, resumable and extendable bit for bit.

The rate rises over ``warmup`` steps, stays, and falls linearly to 0 over the last part of the
training. The state before it falls is kept: a longer training goes on from there and ends where one
that was planned so long from the start would have ended.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Int
from torch import Tensor, nn
from torch.nn import functional as F

from common.atomic import replacing
from common.data.blocks import block_rng
from common.data.draws import uniform_integers
from common.errors import Diverged, InvalidInputError

LATEST, STABLE = "latest.pt", "stable.pt"
MakeOptimiser = Callable[[list[nn.Parameter]], torch.optim.Optimizer]


@dataclass(frozen=True)
class Recipe:
    """AdamW on windows drawn at random.

    Attributes:
        steps: of the optimiser, all told.
        batch_size: windows of a step.
        context: tokens of a window.
        lr: at the top.
        warmup: steps over which the rate rises; 0 starts at the top.
        decay: part of the steps, at the end, over which it falls.
        weight_decay: of matrices; vectors have none.
        betas: of AdamW.
        clip: largest norm of a gradient.
        seed: decides the windows.
    """

    steps: int
    batch_size: int
    context: int
    lr: float
    warmup: int = 100
    decay: float = 0.2
    weight_decay: float = 0.1
    betas: tuple[float, float] = (0.9, 0.95)
    clip: float = 1.0
    seed: int = 0

    @property
    def stable_steps(self) -> int:
        """Steps before the rate falls."""
        return self.steps - round(self.decay * self.steps)

    def rate(self, step: int) -> float:
        """Learning rate of a step, counted from 0."""
        rise = min(1.0, (step + 1) / self.warmup) if self.warmup else 1.0
        falling = self.steps - self.stable_steps
        fall = min(1.0, (self.steps - step) / falling) if falling else 1.0
        return self.lr * min(rise, fall)


def batch(
    stream: Int[Tensor, " n"], recipe: Recipe, step: int
) -> tuple[Int[Tensor, "b t"], Int[Tensor, "b t"]]:
    """Inputs and targets of a step: a function of the seed and the step."""
    most = len(stream) - recipe.context - 1
    if most < 0:
        raise InvalidInputError(
            f"A stream of {len(stream)} tokens is shorter than a window of {recipe.context} and "
            "its target. Take more files or a smaller context."
        )
    starts = uniform_integers(block_rng(recipe.seed, step), 0, most, recipe.batch_size)
    rows = torch.from_numpy(starts[:, None] + np.arange(recipe.context + 1))
    drawn = stream[rows].long()
    return drawn[:, :-1], drawn[:, 1:]


def optimiser(model: nn.Module, recipe: Recipe) -> torch.optim.AdamW:
    """AdamW on the trainable parameters."""
    trained = [p for p in model.parameters() if p.requires_grad]
    groups = [
        {"params": [p for p in trained if p.ndim >= 2], "weight_decay": recipe.weight_decay},
        {"params": [p for p in trained if p.ndim < 2], "weight_decay": 0.0},
    ]
    return torch.optim.AdamW([g for g in groups if g["params"]], recipe.lr, recipe.betas)


def train(
    model: nn.Module,
    stream: Int[Tensor, " n"],
    recipe: Recipe,
    *,
    make_optimiser: MakeOptimiser | None = None,
    folder: Path | None = None,
    every: int = 100,
    report: Callable[[int, float], None] = lambda step, loss: None,
    between: Callable[[], None] = lambda: None,
) -> list[float]:
    """Train in place, on the model's device.

    Args:
        model: tokens (b, t) -> logits (b, t, v); parameters that ask for no gradient stay.
        stream: the training tokens.
        recipe: of the training.
        make_optimiser: of the parameters that are trained; None: AdamW, see :func:`optimiser`.
        folder: where checkpoints are kept and looked for; None keeps none.
        every: steps between two checkpoints, and between two reports.
        report: called with the steps taken and their mean loss since the last report.
        between: called before each step; may raise to stop.

    Returns:
        Mean training loss of each report, those before a resume included.

    Raises:
        Diverged: the loss is not finite.
    """
    device = next(model.parameters()).device
    if make_optimiser is None:
        update = optimiser(model, recipe)
    else:
        update = make_optimiser([p for p in model.parameters() if p.requires_grad])
    step, reports, losses = _resume(model, update, recipe, folder)
    model.train()
    last = None
    while step < recipe.steps:
        between()
        inputs, targets = (part.to(device) for part in batch(stream, recipe, step))
        for group in update.param_groups:
            group["lr"] = recipe.rate(step)
        loss = F.cross_entropy(model(inputs).flatten(0, 1), targets.flatten())
        update.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_([p for g in update.param_groups for p in g["params"]], recipe.clip)
        update.step()
        value = float(loss.detach())
        if not math.isfinite(value):
            raise Diverged(step, last)
        last = value
        losses.append(value)
        step += 1
        reported = step % every == 0 or step == recipe.steps
        if reported:
            reports.append(sum(losses) / len(losses))
            losses.clear()
        for name, due in ((STABLE, step == recipe.stable_steps), (LATEST, reported)):
            if folder is not None and due:
                _save(folder / name, step, (reports, losses), model, update, recipe)
        if reported:
            report(step, reports[-1])
    model.eval()
    return reports


def _save(
    path: Path,
    step: int,
    seen: tuple[list[float], list[float]],
    model: nn.Module,
    update: torch.optim.Optimizer,
    recipe: Recipe,
) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    state = {
        "step": step,
        "steps": recipe.steps,
        "stable_steps": recipe.stable_steps,
        "reports": seen[0],
        "losses": seen[1],  # since the last of them
        "model": model.state_dict(),
        "optimiser": update.state_dict(),
    }
    with replacing(path) as file:
        torch.save(state, file)


def _resume(
    model: nn.Module, update: torch.optim.Optimizer, recipe: Recipe, folder: Path | None
) -> tuple[int, list[float], list[float]]:
    """Steps taken by the furthest checkpoint that a training of this length passes through, the
    losses reported by then, and those since."""
    fitting = []
    for name in (LATEST, STABLE):
        path = None if folder is None else folder / name
        if path is not None and path.exists():
            state = torch.load(path, map_location="cpu", weights_only=True)
            # Once its rate has fallen, a training lies on no longer one's way.
            rate_has_not_fallen = state["step"] <= min(state["stable_steps"], recipe.stable_steps)
            if state["steps"] == recipe.steps or rate_has_not_fallen:
                fitting.append(state)
    if not fitting:
        return 0, [], []
    state = max(fitting, key=lambda found: found["step"])
    model.load_state_dict(state["model"])
    update.load_state_dict(state["optimiser"])
    return state["step"], state["reports"], state["losses"]
