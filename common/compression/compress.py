"""One door to all methods: ``compress(model, method, budget=..., calibration=...)``.

    from common.compression.budget import Budget
    from common.compression.compress import compress
    from common.compression.methods import TruncatedSVD

    small, report = compress(model, TruncatedSVD(), budget=Budget(macs=0.5), calibration=batches)
    print(report)

The result is an ordinary module: it trains, has a state dict, and can be exported.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from common.compression import capture, costs, layers
from common.compression.budget import Budget
from common.compression.report import LayerReport, Report
from common.errors import InvalidInputError


@dataclass
class Work:
    """What a method is given.

    Attributes:
        model: a copy of the model, in evaluation mode; a method that trains changes it.
        layers: those to compress, by name, in the copy.
        macs: multiply-adds of each of them on one batch of the calibration data.
        kind: the unit of the budget: ``parameters``, ``macs`` or ``bytes``.
        allowance: what these layers may cost together in that unit; None without a budget.
        calibration: batches of inputs, a tuple where the model takes several.
        reasons: why a layer stays as it is, for the report; filled by the method where it is not
            that the dense layer is cheaper.
    """

    model: nn.Module
    layers: dict[str, nn.Module]
    macs: dict[str, int]
    kind: str = "parameters"
    allowance: int | None = None
    calibration: Sequence[Any] = ()
    reasons: dict[str, str] = field(default_factory=dict)


class Method(Protocol):
    """A way to compress.

    Attributes:
        name: for the report.
        kinds: types of layers that it replaces.
        budgets: kinds of budgets that it can meet.
    """

    name: str
    kinds: tuple[type[nn.Module], ...]
    budgets: tuple[str, ...]

    def unsupported(self, layer: nn.Module) -> str | None:
        """Why it cannot take this layer of those types, or None."""

    def __call__(self, work: Work) -> Mapping[str, nn.Module]:
        """What to put in the place of each layer; a layer that is left out stays as it is.

        Raises:
            InvalidInputError: the budget cannot be met, or the calibration data do not suffice.
        """


def compress(
    model: nn.Module,
    method: Method,
    *,
    calibration: Iterable[Any],
    budget: Budget | None = None,
    include: Iterable[str] = ("*",),
    exclude: Iterable[str] = (),
) -> tuple[nn.Module, Report]:
    """A smaller copy of ``model``, and what it costs; the model itself is left as it is.

    Args:
        model: any module, in any floating-point type; factors and codes are computed in at least
            float32, and stored in the model's own type.
        method: see :class:`Method`; the papers' are ``papers.<id>.compress``.
        calibration: batches of inputs, a tuple where the model takes several arguments. Cost and
            errors are measured on the first; methods that need statistics read them all.
        budget: what may be left; without one the method's own settings decide.
        include: patterns of names of layers to compress. Layers that cannot be are skipped under
            ``*``, and refused where they are named.
        exclude: patterns of names that stay as they are.

    Raises:
        InvalidInputError: no calibration data, or not finite; no layer to compress; a named layer
            of another type, or tied to another; a budget that cannot be met.
    """
    batches = list(calibration)
    _check(batches)
    if budget is not None and budget.kind not in method.budgets:
        raise InvalidInputError(
            f"{method.name} cannot meet a budget of {budget.kind}; it can: "
            f"{', '.join(method.budgets) or 'none, its settings decide'}."
        )
    small = copy.deepcopy(model).eval()
    chosen, skipped = _choose(small, method, tuple(include), tuple(exclude))
    arguments = _arguments(batches[0])
    macs = costs.macs(model, *arguments)
    dense = costs.costs(model, *arguments)
    work = Work(small, chosen, {name: macs.get(name, 0) for name in chosen}, calibration=batches)
    if budget is not None:
        work.kind = budget.kind
        work.allowance = _allowance(dense, work, budget)
    before = {name: copy.deepcopy(layer) for name, layer in chosen.items()}
    inputs = _inputs(model, chosen, batches[0])
    replaced = dict(method(work))
    for name, layer in replaced.items():
        layers.replace(small, name, layer)
    after = costs.macs(small, *arguments)
    report = Report(
        method=method.name,
        dense=dense,
        compressed=costs.costs(small, *arguments),
        dense_seconds=_seconds(model, arguments),
        compressed_seconds=_seconds(small, arguments),
        layers=tuple(
            LayerReport(
                name=name,
                kind=type(before[name]).__name__,
                rank=getattr(layer, "rank", None),
                parameters=(costs.parameters(before[name]), costs.parameters(layer)),
                bytes=(costs.stored_bytes(before[name]), costs.stored_bytes(layer)),
                macs=(work.macs[name], _macs_within(after, name)),
                error=_error(before[name], layer, inputs[name]),
            )
            for name, layer in replaced.items()
        ),
        skipped=skipped
        | {n: work.reasons.get(n, "dense is cheaper") for n in chosen if n not in replaced},
    )
    small.train(model.training)
    return small, report


def _check(batches: list[Any]) -> None:
    if not batches:
        raise InvalidInputError(
            "The calibration data hold no batch; give at least one batch of inputs."
        )
    for number, batch in enumerate(batches):
        for tensor in _arguments(batch):
            if isinstance(tensor, Tensor) and not torch.isfinite(tensor).all():
                raise InvalidInputError(
                    f"Batch {number} of the calibration data holds NaN or infinity."
                )


def _choose(
    model: nn.Module, method: Method, include: tuple[str, ...], exclude: tuple[str, ...]
) -> tuple[dict[str, nn.Module], dict[str, str]]:
    """Layers to compress, and why others of their types are not."""
    named = [pattern for pattern in include if pattern != "*"]
    for name, module in model.named_modules():
        wanted = any(fnmatchcase(name, p) for p in named) and next(module.children(), None) is None
        if wanted and not isinstance(module, method.kinds):
            kinds = ", ".join(kind.__name__ for kind in method.kinds)
            raise InvalidInputError(
                f"Layer {name} is a {type(module).__name__}; {method.name} compresses: {kinds}."
            )
    found = layers.select(model, method.kinds, include=include, exclude=exclude)
    tied = layers.tied(model)
    chosen, skipped = {}, {}
    for name, layer in found.items():
        reason = method.unsupported(layer)
        if name in tied:
            reason = f"shares a parameter with {', '.join(tied[name])}"
        if reason is None:
            chosen[name] = layer
        elif any(fnmatchcase(name, pattern) for pattern in named):
            raise InvalidInputError(f"Layer {name} cannot be compressed: it {reason}.")
        else:
            skipped[name] = reason
    if not chosen:
        kinds = ", ".join(kind.__name__ for kind in method.kinds)
        raise InvalidInputError(
            f"The model has no layer that {method.name} can compress ({kinds})"
            + "".join(f"; {name} {reason}" for name, reason in skipped.items())
            + "."
        )
    return chosen, skipped


def _allowance(dense: costs.Costs, work: Work, budget: Budget) -> int:
    """What the chosen layers may cost, given what all else costs."""
    total = getattr(dense, budget.kind)
    own = sum(cost_of(layer, work.kind, work.macs[name]) for name, layer in work.layers.items())
    left = int(budget.part * total) - (total - own)
    if left <= 0:
        raise InvalidInputError(
            f"A budget of {budget.part:g} of {total:,} {budget.kind} cannot be met: what is not "
            f"compressed takes {(total - own) / total:.3f} of them. Allow more, or compress more "
            "layers."
        )
    return left


def cost_of(layer: nn.Module, kind: str, macs: int) -> int:
    """Of one layer's weight, its bias left out, in the unit of a budget."""
    weight = layer.weight
    of = {
        "parameters": weight.numel(),
        "bytes": weight.numel() * weight.element_size(),
        "macs": macs,
    }
    return of[kind]


def _arguments(batch: Any) -> tuple[Any, ...]:
    return batch if isinstance(batch, tuple) else (batch,)


def _inputs(model: nn.Module, chosen: Iterable[str], batch: Any) -> dict[str, Tensor]:
    """What the dense layers see of one batch."""
    seen: dict[str, Tensor] = {}

    def see(name: str, inputs: Tensor, _: Tensor) -> None:
        seen.setdefault(name, inputs)

    watched = {name: model.get_submodule(name) for name in chosen}
    with capture.watching(watched, see):
        capture.run(model, [batch])
    return seen


@torch.no_grad()
def _error(before: nn.Module, after: nn.Module, inputs: Tensor | None) -> float | None:
    """Squared distance of the outputs over the squared norm of the dense one's."""
    if inputs is None:
        return None
    wanted, found = before.eval()(inputs).double(), after.eval()(inputs).double()
    return float((wanted - found).square().sum() / wanted.square().sum().clamp_min(1e-300))


def _macs_within(macs: Mapping[str, int], name: str) -> int:
    return sum(n for module, n in macs.items() if module == name or module.startswith(f"{name}."))


@torch.no_grad()
def _seconds(model: nn.Module, arguments: tuple[Any, ...]) -> float:
    training = model.training
    model.eval()
    device = next(model.parameters()).device
    seconds = costs.latency(lambda: model(*arguments), rounds=5, device=device)
    model.train(training)
    return seconds
