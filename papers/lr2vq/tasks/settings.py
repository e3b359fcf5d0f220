"""Settings of a quantisation that are out of range or contradict each other."""

from __future__ import annotations

from omegaconf import DictConfig

from common.compression.subvectors import ALONG_IN, ALONG_OUT
from common.errors import InvalidInputError, MissingDataError
from papers.lr2vq.sizes import REGIMES

METHODS = ("lr2vq", "plain", "low_rank", "scalar", "bgd", "pretrain_lowrank")
_CHOICES = {
    "method": METHODS,
    "order": (ALONG_OUT, ALONG_IN),
    "regime": ("none", *REGIMES),
    "network": ("cifar", "resnet18", "resnet50"),
}
_LEAST = {"words": 1, "size": 1, "dim": 1, "reassign_every": 0, "tune_steps": 0, "calibration": 1}


def check_settings(task: DictConfig) -> None:
    """Before anything is loaded or trained.

    Raises:
        InvalidInputError: a setting is none, out of range, or goes against another.
        MissingDataError: the network is one for ImageNet.
    """
    for name, allowed in _CHOICES.items():
        if task[name] not in allowed:
            raise InvalidInputError(f"task.{name}={task[name]!r}; allowed: {', '.join(allowed)}.")
    for name, least in _LEAST.items():
        if task[name] < least:
            raise InvalidInputError(f"task.{name}={task[name]}; allowed: {least} or more.")
    if task.reassign_every and task.method in ("low_rank", "pretrain_lowrank"):
        raise InvalidInputError(
            f"task.reassign_every={task.reassign_every} with task.method={task.method}; allowed: "
            "0, since there are no codes while it trains."
        )
    if task.regime != "none" and task.method == "scalar":
        raise InvalidInputError(
            f"task.regime={task.regime} with task.method=scalar; allowed: none, since it says how "
            "long subvectors are."
        )
    if task.network != "cifar":
        raise MissingDataError(
            "ImageNet",
            "Its images do not fit in memory, and there is no loader for them here; quantise your "
            "model by common.compression.compress with LR2VQ and train it in a loop of your own "
            "(README, use one piece of it).",
        )
