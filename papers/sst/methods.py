"""Every way of training that is compared, through one door: full rank, LoRA, ReLoRA*, GaLore, SST.

trained = apply(model, Method("sst", rank=16), seed=0, skip=["lm_head"])
optimiser = trained.adam(lr=3e-3)
for step in range(steps):
    trained.before_step(step, optimiser)
    ...backward...
    optimiser.step()
    trained.after_step()
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import nn

from common.errors import InvalidInputError
from papers.sst.adapters import LoRALinear
from papers.sst.course import Course, ReLoRACourse, SpectralCourse
from papers.sst.galore import GaLoreAdamW
from papers.sst.models import DEFAULT, ENHANCED, RANDOM, SVD, SpectralLinear
from papers.sst.replace import linear_layers, replace_linears
from papers.sst.sampling import MIXTURE, RULES

FULL, LORA, RELORA, GALORE, SST = "full", "lora", "relora", "galore", "sst"
NAMES = (FULL, LORA, RELORA, GALORE, SST)


@dataclass(frozen=True)
class Method:
    """A way of training, and its settings.

    Attributes:
        name: one of ``NAMES``.
        rank: of the increment, of the projection, or active triples.
        iteration_steps: T3: steps between two redraws, restarts or projections.
        restart_warmup: steps of the rise after each; SST and ReLoRA*.
        round_iterations: T2 of SST; 0 takes k / r.
        rule: of SST's draws.
        gradient: of SST's vectors.
        start: of SST, ``svd`` or ``random``.
        re_svd: SST closes rounds by a new SVD.
        all_singular_values: SST trains all of s in each step.
    """

    name: str = SST
    rank: int = 8
    iteration_steps: int = 200
    restart_warmup: int = 20
    round_iterations: int = 0
    rule: str = MIXTURE
    gradient: str = ENHANCED
    start: str = SVD
    re_svd: bool = True
    all_singular_values: bool = True

    def __post_init__(self) -> None:
        if self.name not in NAMES:
            raise InvalidInputError(f"method={self.name!r}; allowed: {', '.join(NAMES)}.")
        for name in ("rank", "iteration_steps"):
            if getattr(self, name) < 1:
                raise InvalidInputError(f"{name}={getattr(self, name)}; allowed: 1 or more.")
        for name, allowed in (
            ("rule", RULES),
            ("gradient", (ENHANCED, DEFAULT)),
            ("start", (SVD, RANDOM)),
        ):
            if getattr(self, name) not in allowed:
                raise InvalidInputError(
                    f"{name}={getattr(self, name)!r}; allowed: {', '.join(allowed)}."
                )


@dataclass
class Trained:
    """A model under a method.

    Attributes:
        model: changed in place.
        method: as asked for.
        layers: those that the method holds, by name.
        course: of the training.
    """

    model: nn.Module
    method: Method
    layers: dict[str, nn.Module]
    course: Course = field(default_factory=Course)

    def groups(self, weight_decay: float = 0.0, left_out: Iterable[nn.Parameter] = ()) -> list:
        """Parameter groups: ``restarts`` marks what warms up again, weight decay is on matrices.

        Of a spectral layer only s decays: the decay of unit vectors would be undone by their
        normalisation, and s is the magnitude.
        """
        out = {id(p) for p in left_out}
        restarting, matrices, decaying, plain = [], [], [], []
        place: dict[int, list] = {}
        for layer in self.layers.values():
            if isinstance(layer, SpectralLinear):
                place |= {id(layer.U): restarting, id(layer.V): restarting, id(layer.s): decaying}
            elif isinstance(layer, LoRALinear) and self.method.name == RELORA:
                place |= {id(layer.A): restarting, id(layer.B): restarting}
            elif self.method.name == GALORE:
                place[id(layer.weight)] = matrices
        for p in self.model.parameters():
            if p.requires_grad and id(p) not in out:
                place.get(id(p), decaying if p.ndim >= 2 else plain).append(p)
        spectral = self.method.name == SST
        galore = {"rank": self.method.rank, "refresh": self.method.iteration_steps}
        found = [
            {
                "params": restarting,
                "restarts": True,
                "weight_decay": 0.0 if spectral else weight_decay,
            },
            {"params": matrices, "weight_decay": weight_decay} | (galore if matrices else {}),
            {"params": decaying, "weight_decay": weight_decay},
            {"params": plain, "weight_decay": 0.0},
        ]
        return [{"restarts": False} | group for group in found if group["params"]]

    def adam(
        self,
        lr: float,
        *,
        betas: tuple[float, float] = (0.9, 0.999),
        weight_decay: float = 0.0,
        coupled: bool = False,
        left_out: Iterable[nn.Parameter] = (),
    ) -> torch.optim.Optimizer:
        """AdamW on what is trained, Adam where decay is ``coupled`` into the gradient; GaLore's own
        where that is the method, always decoupled."""
        groups = self.groups(weight_decay, left_out)
        kind: Any = torch.optim.Adam if coupled else torch.optim.AdamW
        if self.method.name == GALORE:
            kind = GaLoreAdamW
        return kind(groups, lr=lr, betas=betas)

    def before_step(self, step: int, optimiser: torch.optim.Optimizer) -> None:
        """Redraws, restarts and decompositions that are due before this step."""
        self.course.before_step(step, optimiser)

    def after_step(self) -> None:
        """What keeps vectors of length 1 and s above 0."""
        self.course.after_step()

    def set_rates(self, optimiser: torch.optim.Optimizer, step: int, rate: float) -> None:
        """Give every group its rate of this step."""
        for group in optimiser.param_groups:
            group["lr"] = rate * (self.course.warmth(step) if group.get("restarts") else 1.0)

    @property
    def trained_parameters(self) -> list[nn.Parameter]:
        """Of the layers that the method holds."""
        return [p for layer in self.layers.values() for p in layer.parameters() if p.requires_grad]


def apply(
    model: nn.Module,
    method: Method,
    *,
    seed: int = 0,
    match: Sequence[str] = ("*",),
    skip: Sequence[str] = (),
) -> Trained:
    """Put the linear layers of a model, chosen by name, under a method; in place.

    Args:
        model: whose layers are replaced; embeddings, norms and biases are trained as ever.
        method: how.
        seed: of draws and restarts.
        match: patterns of the layers' names.
        skip: patterns of names that stay dense.

    Raises:
        InvalidInputError: no layer fits, weights are tied, or a rank exceeds a layer's; nothing has
            been changed then.
    """
    restarts = (method.iteration_steps, method.restart_warmup)
    if method.name == SST:
        SpectralCourse(*restarts, rule=method.rule, round_iterations=method.round_iterations)

        def spectral(name: str, layer: nn.Linear) -> SpectralLinear:
            return SpectralLinear.from_linear(
                layer, method.rank, gradient=method.gradient, start=method.start
            )

        layers = replace_linears(model, spectral, match, skip)
        course: Course = SpectralCourse(
            *restarts,
            layers=layers,
            seed=seed,
            rule=method.rule,
            round_iterations=method.round_iterations,
            re_svd=method.re_svd,
            all_singular_values=method.all_singular_values,
        )
        return Trained(model, method, layers, course)
    if method.name in (LORA, RELORA):
        if method.name == RELORA:
            ReLoRACourse(*restarts)

        def adapter(name: str, layer: nn.Linear) -> LoRALinear:
            return LoRALinear(layer, method.rank, seed=seed, layer=name)

        layers = replace_linears(model, adapter, match, skip)
        course = ReLoRACourse(*restarts, layers=layers) if method.name == RELORA else Course()
        return Trained(model, method, layers, course)
    layers = dict(linear_layers(model, match, skip))
    if method.name == GALORE:
        for name, layer in layers.items():
            if method.rank > min(layer.weight.shape):
                raise InvalidInputError(
                    f"{name}: rank={method.rank}; a layer of {layer.out_features} x "
                    f"{layer.in_features} allows 1 to {min(layer.weight.shape)}."
                )
    return Trained(model, method, layers)
