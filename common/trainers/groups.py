"""Optimiser parameter groups chosen by the leaf names of parameters."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from torch import nn


@dataclass(frozen=True)
class GroupRule:
    """Parameters whose last name part is in ``names`` get this rate and decay.

    Attributes:
        names: leaf names, for instance ``("Lambda_re", "Lambda_im")``.
        lr: learning rate at the top of the schedule.
        weight_decay: decoupled weight decay.
    """

    names: tuple[str, ...]
    lr: float
    weight_decay: float


def parameter_groups(
    module: nn.Module, rules: Sequence[GroupRule], *, lr: float, weight_decay: float
) -> list[dict]:
    """Groups for a ``torch.optim`` optimiser: one a rule, first match wins, the rest last.

    Empty groups are left out. Every trainable parameter is in exactly one group.
    """
    rest = GroupRule((), lr, weight_decay)
    members: dict[GroupRule, list[nn.Parameter]] = {rule: [] for rule in (*rules, rest)}
    for name, parameter in module.named_parameters():
        if parameter.requires_grad:
            leaf = name.rpartition(".")[2]
            members[next((r for r in rules if leaf in r.names), rest)].append(parameter)
    return [
        {"params": parameters, "lr": rule.lr, "weight_decay": rule.weight_decay}
        for rule, parameters in members.items()
        if parameters
    ]
