"""Which parameter learns at which rate: as in the authors' S5 scripts, S4 configurations and E2."""

from __future__ import annotations

from omegaconf import DictConfig

from common.errors import InvalidInputError
from common.trainers.groups import GroupRule

B_GROUPS = ("standard", "BandCdecay", "BfastandCdecay")


def rules(model: DictConfig, optimizer: DictConfig) -> list[GroupRule]:
    """Group rules beside the regular group (``lr``, ``weight_decay``).

    S5: Lambda and log_step at ``ssm_lr`` without decay; log_step regular under ``dt_global``; B by
    ``b_group``; C, D, biases and norms regular.
    S4: Lambda (and B, P of the DPLR form) at ``ssm_lr`` without decay, log_dt at ``dt_lr``, C
    regular unless ``c_lr`` is given.

    Raises:
        InvalidInputError: a rate is not positive or ``b_group`` is unknown.
    """
    rates = {k: optimizer[k] for k in ("lr", "ssm_lr", "dt_lr", "c_lr") if optimizer[k] is not None}
    if bad := [f"{k}={v}" for k, v in rates.items() if not v > 0]:
        raise InvalidInputError(f"optimizer.{', optimizer.'.join(bad)}: rates must be positive.")
    ssm, decay = optimizer.ssm_lr, optimizer.weight_decay
    if model.layer == "s5":
        names = ("Lambda_re", "Lambda_im") + (() if optimizer.dt_global else ("log_step",))
        return [GroupRule(names, ssm, 0.0), *_b_rule(optimizer.b_group, ssm, decay)]
    dt = ssm if optimizer.dt_lr is None else optimizer.dt_lr
    c = [] if optimizer.c_lr is None else [GroupRule(("C",), optimizer.c_lr, decay)]
    return [
        GroupRule(("log_A_real", "A_imag", "B", "P"), ssm, 0.0),
        GroupRule(("log_dt",), dt, 0.0),
        *c,
    ]


def _b_rule(group: str, ssm_lr: float, weight_decay: float) -> list[GroupRule]:
    if group == "standard":
        return [GroupRule(("B",), ssm_lr, 0.0)]
    if group == "BandCdecay":
        return [GroupRule(("B",), ssm_lr, weight_decay)]
    if group == "BfastandCdecay":
        return []
    raise InvalidInputError(f"optimizer.b_group={group!r}; allowed: {', '.join(B_GROUPS)}.")
