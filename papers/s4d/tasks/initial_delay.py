"""D5 (a): can a start recall its input? Ridge regression on the frozen state, in closed form."""

from __future__ import annotations

import torch

from common.errors import InvalidInputError
from common.experiment.context import RunContext, TaskResult
from common.kernels.delay import band_limited_covariance, stationary_delay_error
from common.kernels.discretise import zoh
from common.nn.hippo_basis import hippo_basis
from papers.s4d.models import SPECTRA, spectrum

SCALED = {"lin_scaled": ("lin", 0.01), "inv_scaled": ("inv", 0.01)}


def run(context: RunContext) -> TaskResult:
    """RMSE / RMS of the best linear estimate of the input ``lag`` steps ago, by start."""
    task = context.config.task
    if not 0 < task.lag < task.length:
        raise InvalidInputError(f"task.lag={task.lag}; allowed: 1 to below length={task.length}.")
    covariance = band_limited_covariance(task.length, task.band)
    metrics = {}
    for name in context.track(["legs", *SPECTRA, *SCALED], "starts"):
        seeds = range(task.seeds if "random" in name or "uniform" in name else 1)
        errors = [recall(task, name, seed, covariance) for seed in seeds]
        metrics[name] = sum(errors) / len(errors)
        if len(errors) > 1:
            metrics[f"{name}_least"] = min(errors)
    return TaskResult(metrics)


def recall(task, name: str, seed: int, covariance: torch.Tensor) -> float:
    """One start at Delta = 2/lag; ``real`` has as many real states as the others have halves."""
    torch.manual_seed(seed)
    N = task.state_size
    if name == "legs":
        start = hippo_basis("legs", N, low_rank=False)
        lam, B = start.lam, start.input_modal()
    else:
        kind, scale = SCALED.get(name, (name, 1.0))
        lam = spectrum(kind, 2 * N if kind == "real" else N)
        lam = torch.complex(lam.real, scale * lam.imag)
        B = torch.ones_like(lam)
    lam_bar, input_scale = zoh(lam, 2 / task.lag)
    responses = (input_scale * B)[:, None] * lam_bar[:, None] ** torch.arange(task.length)
    return stationary_delay_error(responses, task.lag, covariance, task.ridge)
