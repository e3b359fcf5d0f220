"""S7: how the norm of the gradient goes, step by step, under ReLoRA* and under SST, beside that of
a full-rank training; and the saddle after each restart."""

from __future__ import annotations

import numpy as np

from common.experiment.context import RunContext, TaskResult
from papers.sst.adapters import LoRALinear
from papers.sst.language import LanguageTask, final_loss
from papers.sst.methods import FULL, RELORA, SST, Trained


def run(context: RunContext) -> TaskResult:
    """``correlation_*``: Pearson's, of the norms of all steps with those of the full-rank training
    from the same start on the same windows; norms are of what a method trains in its layers.
    ``saddle_norm`` is the largest entry of dL/dA at the first step of a restart, of all layers;
    ``escaped_norm`` the smallest largest entry one step later, when B has moved."""
    work, task = LanguageTask(context), context.config.task
    norms, metrics = {}, {}
    saddle = Saddle(task.iteration_steps)
    for name in (FULL, RELORA, SST):
        # What is seen of a saddle is in no checkpoint: that training does not resume.
        how = {"observe": saddle} if name == RELORA else {"folder": f"training_{name}"}
        _, log = work.fit(name, task.rates[name], **how)
        norms[name] = np.array(log.norms)
        metrics[f"{name}_final_loss"] = final_loss(log)
    for name in (RELORA, SST):
        metrics[f"correlation_{name}"] = float(np.corrcoef(norms[FULL], norms[name])[0, 1])
    metrics |= {
        "saddle_norm": saddle.at_restarts,
        "escaped_norm": saddle.after_restarts,
        "restarts": float(saddle.restarts),
    }
    curves = {f"norm_{name}": values.tolist() for name, values in norms.items()}
    return TaskResult(metrics, work.data(), work.notes(), curves=curves)


class Saddle:
    """Looks at dL/dA between the backward pass and the step.

    Attributes:
        at_restarts: largest entry at the first step of any iteration.
        after_restarts: over the second steps, the smallest of the largest entries of a layer.
        restarts: number of iterations begun.
    """

    def __init__(self, iteration_steps: int):
        self.iteration_steps = iteration_steps
        self.at_restarts, self.after_restarts, self.restarts = 0.0, float("inf"), 0

    def __call__(self, step: int, trained: Trained) -> None:
        within = step % self.iteration_steps
        if within > 1:
            return
        largest = [
            float(layer.A.grad.abs().max())
            for layer in trained.layers.values()
            if isinstance(layer, LoRALinear)
        ]
        if within == 0:
            self.restarts += 1
            self.at_restarts = max(self.at_restarts, *largest)
        else:
            self.after_restarts = min(self.after_restarts, *largest)
