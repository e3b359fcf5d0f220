"""Hardware and randomness of a process, set once before a task starts."""

from __future__ import annotations

import os
import random
from typing import TYPE_CHECKING

from omegaconf import DictConfig

from common.errors import UserError

if TYPE_CHECKING:
    import torch

ACCELERATORS = ("auto", "cpu", "gpu", "mps")


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
    if trainer.threads < 0 or trainer.devices < 1 or not 0 <= seed < 2**32:
        raise UserError(
            f"trainer.threads={trainer.threads} (allowed: 0 or more), trainer.devices="
            f"{trainer.devices} (1 or more), seed={seed} (0 to {2**32 - 1}): one is out of range."
        )
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
    """Where a model evaluated outside the trainer belongs."""
    import torch

    if trainer.accelerator in ("auto", "gpu") and torch.cuda.is_available():
        return torch.device("cuda")
    if trainer.accelerator in ("auto", "mps") and torch.backends.mps.is_available():
        return torch.device("mps")
    return torch.device("cpu")


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
    if accelerator == "mps" and not torch.backends.mps.is_available():
        raise UserError("trainer.accelerator=mps was asked for, but there is no such device here.")
