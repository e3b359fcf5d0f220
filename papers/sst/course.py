"""The course of a training: what happens between the steps of an optimiser.

An iteration is ``iteration_steps`` (T3) steps with the same active triples; a round is T2
iterations, closed by a new SVD. All of it follows from the number of the step and the run's seed:
a course has no state of its own, so that a resumed training goes on bit for bit.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from common.errors import InvalidInputError
from papers.sst.adapters import LoRALinear
from papers.sst.models import SpectralLinear
from papers.sst.sampling import MIXTURE, RULES, choose


class Course:
    """Of a training that needs nothing between its steps."""

    def before_step(self, step: int, optimiser: torch.optim.Optimizer) -> None:
        """Called with the number of the step, from 0, before its forward pass."""

    def after_step(self) -> None:
        """Called after the optimiser's step."""

    def warmth(self, step: int) -> float:
        """Factor on the rate of the parameters that restart."""
        return 1.0


@dataclass
class Restarts(Course):
    """Iterations of equal length, each with a short rise of the rate.

    Attributes:
        iteration_steps: T3.
        warmup: steps over which the rate of what has restarted rises again; the first iteration has
            the training's own.
    """

    iteration_steps: int = 200
    warmup: int = 20

    def __post_init__(self) -> None:
        if self.iteration_steps < 1:
            raise InvalidInputError(
                f"iteration_steps={self.iteration_steps}; allowed: 1 or more steps."
            )
        if not 0 <= self.warmup <= self.iteration_steps:
            raise InvalidInputError(
                f"restart_warmup={self.warmup}; allowed: 0 to iteration_steps="
                f"{self.iteration_steps}, or the rate would never rise whole."
            )

    def warmth(self, step: int) -> float:
        within = step % self.iteration_steps
        if step < self.iteration_steps or within >= self.warmup:
            return 1.0
        return (within + 1) / (self.warmup + 1)

    def starting(self, step: int) -> int | None:
        """Number of the iteration that begins with this step, None in the middle of one."""
        iteration, within = divmod(step, self.iteration_steps)
        return iteration if within == 0 else None


@dataclass
class ReLoRACourse(Restarts):
    """ReLoRA*: at each iteration's end the increment is merged, A drawn anew, B set to 0, and the
    optimiser's state of both cleared. With B = 0 the gradient of A, Bᵀ G, is 0: the first step of
    every iteration moves B alone (Section 4.3)."""

    layers: Mapping[str, LoRALinear] = field(default_factory=dict)

    def before_step(self, step: int, optimiser: torch.optim.Optimizer) -> None:
        iteration = self.starting(step)
        if not iteration:
            return
        for layer in self.layers.values():
            layer.merge()
            layer.draw(iteration)
            forget(optimiser, (layer.A, layer.B))


@dataclass
class SpectralCourse(Restarts):
    """SST's.

    Attributes:
        layers: by name; the name decides the draws.
        seed: of the run.
        rule: of the draws, see ``papers.sst.sampling``.
        round_iterations: T2; 0 takes k / r of each layer.
        re_svd: close rounds by a new SVD; without, it is an ablation.
        all_singular_values: train all of s in each step; else, an ablation, those of the active
            triples alone.
        svd_seconds: spent in decompositions so far.
        rounds: closed so far by a decomposition, the most of any layer.
    """

    layers: Mapping[str, SpectralLinear] = field(default_factory=dict)
    seed: int = 0
    rule: str = MIXTURE
    round_iterations: int = 0
    re_svd: bool = True
    all_singular_values: bool = True
    svd_seconds: float = 0.0
    rounds: int = 0
    _held: dict[str, Tensor] = field(default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.rule not in RULES:
            raise InvalidInputError(f"rule={self.rule!r}; allowed: {', '.join(RULES)}.")
        if self.round_iterations < 0:
            raise InvalidInputError(
                f"round_iterations={self.round_iterations}; allowed: 0 (k / r) or more."
            )

    def iterations_of(self, layer: SpectralLinear) -> int:
        """T2 of a layer."""
        return self.round_iterations or max(1, len(layer.s) // layer.rank)

    def before_step(self, step: int, optimiser: torch.optim.Optimizer) -> None:
        iteration = self.starting(step)
        if iteration is not None:
            for name, layer in self.layers.items():
                self._begin(name, layer, iteration, optimiser)
        if not self.all_singular_values:
            self._held = {name: layer.s.detach().clone() for name, layer in self.layers.items()}

    def after_step(self) -> None:
        with torch.no_grad():
            for name, before in self._held.items():
                layer = self.layers[name]
                still = torch.ones_like(before, dtype=torch.bool)
                still[layer.active] = False
                layer.s[still] = before[still]
        for layer in self.layers.values():
            layer.constrain()

    def _begin(
        self, name: str, layer: SpectralLinear, iteration: int, optimiser: torch.optim.Optimizer
    ) -> None:
        if self.re_svd and iteration and iteration % self.iterations_of(layer) == 0:
            begun = time.perf_counter()
            layer.decompose()
            if layer.s.is_cuda:
                torch.cuda.synchronize(layer.s.device)
            self.svd_seconds += time.perf_counter() - begun
            self.rounds = max(self.rounds, iteration // self.iterations_of(layer))
            forget(optimiser, (layer.s,))  # triples may have changed places and signs
        chosen = choose(
            layer.s, layer.rank, self.rule, seed=self.seed, layer=name, iteration=iteration
        )
        layer.activate(chosen)
        forget(optimiser, (layer.U, layer.V))


def forget(optimiser: torch.optim.Optimizer, parameters: Iterable[nn.Parameter]) -> None:
    """Clear what an optimiser knows of these parameters."""
    for parameter in parameters:
        optimiser.state.pop(parameter, None)
