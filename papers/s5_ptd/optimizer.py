"""Which parameter learns at which rate: as in the authors' S5 scripts, S4 configurations and E2."""

from __future__ import annotations

from omegaconf import DictConfig

from common.errors import InvalidInputError
from common.trainers.groups import GroupRule
from common.trainers.s4_groups import check_rates, s4_rules

B_GROUPS = ("standard", "BandCdecay", "BfastandCdecay")


def rules(model: DictConfig, optimizer: DictConfig) -> list[GroupRule]:
    """Group rules beside the regular group (``lr``, ``weight_decay``).

    S5: Lambda and log_step at ``ssm_lr`` without decay; log_step regular under ``dt_global``; B by
    ``b_group``; C, D, biases and norms regular.
    S4: see :func:`common.trainers.s4_groups.s4_rules`.

    Raises:
        InvalidInputError: a rate is not positive or ``b_group`` is unknown.
    """
    if model.layer == "s4":
        return s4_rules(optimizer)
    check_rates(optimizer)
    ssm, decay = optimizer.ssm_lr, optimizer.weight_decay
    names = ("Lambda_re", "Lambda_im") + (() if optimizer.dt_global else ("log_step",))
    return [GroupRule(names, ssm, 0.0), *_b_rule(optimizer.b_group, ssm, decay)]


def _b_rule(group: str, ssm_lr: float, weight_decay: float) -> list[GroupRule]:
    if group == "standard":
        return [GroupRule(("B",), ssm_lr, 0.0)]
    if group == "BandCdecay":
        return [GroupRule(("B",), ssm_lr, weight_decay)]
    if group == "BfastandCdecay":
        return []
    raise InvalidInputError(f"optimizer.b_group={group!r}; allowed: {', '.join(B_GROUPS)}.")
