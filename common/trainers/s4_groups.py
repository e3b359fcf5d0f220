"""Which parameter of an S4-type model learns at which rate (Gu et al., S4 and S4D)."""

from __future__ import annotations

from omegaconf import DictConfig

from common.errors import InvalidInputError
from common.trainers.groups import GroupRule

SPECTRUM = ("log_A_real", "A_real", "A_imag", "B", "P")


def check_rates(optimizer: DictConfig) -> None:
    """Raises InvalidInputError naming each rate that is not positive."""
    rates = {k: optimizer[k] for k in ("lr", "ssm_lr", "dt_lr", "c_lr") if optimizer[k] is not None}
    if bad := [f"{k}={v}" for k, v in rates.items() if not v > 0]:
        raise InvalidInputError(f"optimizer.{', optimizer.'.join(bad)}: rates must be positive.")


def s4_rules(optimizer: DictConfig) -> list[GroupRule]:
    """Lambda, B and P at ``ssm_lr`` without decay, the step sizes at ``dt_lr`` without decay, C
    regular unless ``c_lr`` is given; the rest is the regular group.

    Raises:
        InvalidInputError: a rate is not positive.
    """
    check_rates(optimizer)
    dt = optimizer.ssm_lr if optimizer.dt_lr is None else optimizer.dt_lr
    c = (
        []
        if optimizer.c_lr is None
        else [GroupRule(("C",), optimizer.c_lr, optimizer.weight_decay)]
    )
    return [GroupRule(SPECTRUM, optimizer.ssm_lr, 0.0), GroupRule(("log_dt",), dt, 0.0), *c]
