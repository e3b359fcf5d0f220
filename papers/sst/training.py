"""A training under any of the methods, resumable bit for bit, in the middle of a round too."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from common.atomic import replacing
from common.errors import CorruptCheckpointError, Diverged, InvalidInputError
from papers.sst.accounting import optimiser_bytes
from papers.sst.methods import Trained

LATEST = "latest.pt"
Loss = Callable[[int], Tensor]


@dataclass(frozen=True)
class Recipe:
    """Adam with a linear rise and, if asked for, a linear fall.

    Attributes:
        steps: of the optimiser.
        lr: at the top.
        warmup: steps over which it rises.
        decay: whether it falls to 0 at the end.
        weight_decay: of matrices, of singular values under SST.
        coupled: decay is part of the gradient, as in Adam, not of the step, as in AdamW.
        betas: of Adam.
        clip: largest norm of the gradient; 0 leaves it.
    """

    steps: int
    lr: float
    warmup: int = 0
    decay: bool = True
    weight_decay: float = 0.0
    coupled: bool = False
    betas: tuple[float, float] = (0.9, 0.999)
    clip: float = 0.0

    def __post_init__(self) -> None:
        if self.steps < 1 or self.lr <= 0:
            raise InvalidInputError(
                f"steps={self.steps}, lr={self.lr}; allowed: 1 step or more, a rate above 0."
            )
        if not 0 <= self.warmup <= self.steps:
            raise InvalidInputError(f"warmup={self.warmup}; allowed: 0 to steps={self.steps}.")

    def rate(self, step: int) -> float:
        """Of a step, counted from 0."""
        rise = (step + 1) / self.warmup if step < self.warmup else 1.0
        fall = (self.steps - step) / max(1, self.steps - self.warmup) if self.decay else 1.0
        return self.lr * min(rise, fall)


@dataclass
class Log:
    """What a training leaves behind.

    Attributes:
        losses: of each step.
        norms: of each step's gradient with respect to what the method trains in its layers, before
            it is clipped.
        seconds: of the training, in this process.
        svd_seconds: of these, in decompositions.
        rounds: of SST that a new SVD closed.
        state_bytes: that the optimiser keeps for what the method trains in its layers.
    """

    losses: list[float] = field(default_factory=list)
    norms: list[float] = field(default_factory=list)
    seconds: float = 0.0
    svd_seconds: float = 0.0
    rounds: int = 0
    state_bytes: int = 0


def train(
    trained: Trained,
    loss: Loss,
    recipe: Recipe,
    *,
    folder: Path | None = None,
    every: int = 100,
    also: Sequence[torch.optim.Optimizer] = (),
    observe: Callable[[int, Trained], None] = lambda step, trained: None,
    after: Callable[[int], None] = lambda step: None,
    between: Callable[[], None] = lambda: None,
) -> Log:
    """Train in place.

    Args:
        trained: a model under a method.
        loss: of a step, a function of its number, so that a resumed training sees the same.
        recipe: of the training.
        folder: where the checkpoint is kept and looked for; None keeps none.
        every: steps between two checkpoints.
        also: optimisers of what the method's own leaves out (points on a manifold), at the same
            rate times the ``factor`` of their groups.
        observe: called between the backward pass and the step, with its number.
        after: called after the step, with its number.
        between: called before each step; may raise to stop.

    Raises:
        Diverged: the loss is not finite.
        CorruptCheckpointError: the checkpoint is not one of such a training.
    """
    left_out = [p for o in also for g in o.param_groups for p in g["params"]]
    optimiser = trained.adam(
        recipe.lr,
        betas=recipe.betas,
        weight_decay=recipe.weight_decay,
        coupled=recipe.coupled,
        left_out=left_out,
    )
    optimisers = [optimiser, *also]
    log = Log()
    begun, begun_svd = time.perf_counter(), getattr(trained.course, "svd_seconds", 0.0)
    start = _resume(folder, trained.model, optimisers, log)
    trained.model.train()
    held = trained.trained_parameters
    for step in range(start, recipe.steps):
        between()
        trained.before_step(step, optimiser)
        rate = recipe.rate(step)
        trained.set_rates(optimiser, step, rate)
        for other in also:
            for group in other.param_groups:
                group["lr"] = rate * group.get("factor", 1.0)
        value = loss(step)
        for each in optimisers:
            each.zero_grad(set_to_none=True)
        value.backward()
        number = float(value.detach())
        if not math.isfinite(number):
            raise Diverged(step, log.losses[-1] if log.losses else None)
        log.losses.append(number)
        log.norms.append(norm_of(held))
        observe(step, trained)
        if recipe.clip:
            every_one = [p for o in optimisers for g in o.param_groups for p in g["params"]]
            nn.utils.clip_grad_norm_(every_one, recipe.clip)
        for each in optimisers:
            each.step()
        trained.after_step()
        after(step)
        if folder is not None and ((step + 1) % every == 0 or step + 1 == recipe.steps):
            _save(folder, step + 1, trained.model, optimisers, log)
    trained.model.eval()
    log.seconds = time.perf_counter() - begun
    log.svd_seconds = getattr(trained.course, "svd_seconds", 0.0) - begun_svd
    log.rounds = getattr(trained.course, "rounds", 0)
    log.state_bytes = optimiser_bytes(optimiser, held)
    return log


def norm_of(parameters: Sequence[nn.Parameter]) -> float:
    """Euclidean norm of their gradients; those without one count as 0."""
    grads = [p.grad for p in parameters if p.grad is not None]
    if not grads:
        return 0.0
    return float(torch.stack(torch._foreach_norm(grads)).norm())


def _save(
    folder: Path,
    step: int,
    model: nn.Module,
    optimisers: Sequence[torch.optim.Optimizer],
    log: Log,
) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    state: dict[str, Any] = {
        "step": step,
        "model": model.state_dict(),
        "optimisers": [o.state_dict() for o in optimisers],
        "losses": log.losses,
        "norms": log.norms,
        "random": torch.get_rng_state(),  # of dropout
    }
    if torch.cuda.is_available():
        state["random_cuda"] = torch.cuda.get_rng_state_all()
    with replacing(folder / LATEST) as file:
        torch.save(state, file)


def _resume(
    folder: Path | None,
    model: nn.Module,
    optimisers: Sequence[torch.optim.Optimizer],
    log: Log,
) -> int:
    """Steps taken by the checkpoint, 0 without one."""
    path = None if folder is None else folder / LATEST
    if path is None or not path.exists():
        return 0
    device = next(model.parameters()).device
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
        model.load_state_dict(state["model"])
        for optimiser, kept in zip(optimisers, state["optimisers"], strict=True):
            optimiser.load_state_dict(kept)
    except Exception as error:  # torch has one of its own for each kind of damage
        raise CorruptCheckpointError(
            f"{path} is not a checkpoint of this training ({error}). Delete it to begin anew."
        ) from error
    torch.set_rng_state(state["random"])
    if device.type == "cuda" and "random_cuda" in state:
        torch.cuda.set_rng_state_all(state["random_cuda"])
    log.losses[:], log.norms[:] = state["losses"], state["norms"]
    return int(state["step"])
