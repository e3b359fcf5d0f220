"""Hardware and randomness of a process, set once before a task starts."""

from __future__ import annotations

import os
import random
from typing import TYPE_CHECKING

from omegaconf import DictConfig

from common.errors import UserError

if TYPE_CHECKING:
    import torch

ACCELERATORS = ("auto", "cpu", "gpu")


def cpus() -> int:
    """CPUs that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def prepare(trainer: DictConfig, seed: int) -> int:
    """Check the hardware, set threads, seed every generator; returns the number of threads.

    Raises:
        UserError: the accelerator does not exist here, or a number is out of range.
    """
    import numpy as np
    import torch

    check_accelerator(trainer.accelerator)
    for name, value, allowed, holds in (
        ("trainer.threads", trainer.threads, "0 or more", trainer.threads >= 0),
        ("trainer.devices", trainer.devices, "1 or more", trainer.devices >= 1),
        ("seed", seed, f"0 to {2**32 - 1}", 0 <= seed < 2**32),
    ):
        if not holds:
            raise UserError(f"{name}={value} is out of range; allowed: {allowed}.")
    threads = trainer.threads or cpus()
    torch.set_num_threads(threads)
    # Denormals slow a decaying state space by an order of magnitude and carry no information.
    torch.set_flush_denormal(True)
    if torch.cuda.is_available():
        # What runs on the CPU here is deterministic; the switch costs a second of imports.
        torch.use_deterministic_algorithms(True, warn_only=True)
    random.seed(seed)
    np.random.seed(seed)  # noqa: NPY002 - libraries draw from the global generator
    torch.manual_seed(seed)
    return threads


def device(trainer: DictConfig) -> torch.device:
    """Where models belong: CUDA if there is one and it was not refused, else the CPU.

    Apple's GPU is left out: scores and phases are computed in float64, which it does not have.
    """
    import torch

    wanted = trainer.accelerator in ("auto", "gpu")
    return torch.device("cuda" if wanted and torch.cuda.is_available() else "cpu")


def check_accelerator(accelerator: str) -> None:
    """Refuse hardware that is not there.

    Raises:
        UserError: naming what was asked for and what there is.
    """
    import torch

    if accelerator not in ACCELERATORS:
        raise UserError(
            f"trainer.accelerator={accelerator!r} is unknown; allowed: {', '.join(ACCELERATORS)}."
        )
    if accelerator == "gpu" and not torch.cuda.is_available():
        raise UserError(
            "trainer.accelerator=gpu was asked for, but PyTorch sees no CUDA device here. "
            "Use trainer=auto or trainer=cpu, or install a CUDA build of PyTorch."
        )
