"""Path-X for real: 200 training steps of the published models at L 16,384, by the entry point.

``python -m benchmarks.pathx_steps``: some ten minutes on two cores. Batches of one and 100 images
of the published generator (128 x 128, contours of 14 segments, all distractors); model, optimiser
and schedule as published, but for a warm-up that ends after the first 100 steps, and rates divided
by the square root of the ratio of the batches (the rule for Adam). What is recorded is time, memory
and whether the loss stays finite and falls; 200 steps say nothing of accuracy.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass

from rich.console import Console

from common.errors import UserError
from common.experiment.record import Record
from common.ledger.plan import PlannedRun
from common.ledger.runner import run_apart
from common.ledger.tables import markdown

STEPS = 200
BATCH = 1
TRAIN_IMAGES = 160_000  # of the published training set


@dataclass(frozen=True)
class Model:
    """A published Path-X training."""

    label: str
    paper: str
    model: str
    batch: int
    epochs: int
    rates: dict[str, float]
    warmup: tuple[str, ...]


MODELS = (
    Model(
        "S5-PTD",
        "s5_ptd",
        "s5_ptd",
        32,
        90,
        {"lr": 0.0018, "ssm_lr": 0.0006},
        ("optimizer.warmup_epochs=1",),
    ),
    Model(
        "S4D-LegS",
        "s4d",
        "s4d_legs",
        16,
        50,
        {"lr": 0.001, "ssm_lr": 0.0005, "dt_lr": 0.0005},
        ("optimizer.warmup_steps=100", f"optimizer.total_steps={STEPS}"),
    ),
)


def measure(model: Model, threads: int, published_rates: bool, console: Console) -> Record:
    """Run the steps in a process of their own."""
    scale = 1.0 if published_rates else (BATCH / model.batch) ** 0.5
    overrides = (
        f"model={model.model}",
        f"train.batch_size={BATCH}",
        "train.epochs=2",
        "train.timed_only=true",
        f"task.dataset.train={BATCH * STEPS // 2}",
        "task.dataset.val=4",
        "task.dataset.test=4",
        "train.eval_batch_size=2",
        *model.warmup,
        *(f"optimizer.{name}={rate * scale:.3g}" for name, rate in model.rates.items()),
    )
    run = PlannedRun(model.paper, "lra/pathx", model.model, "paper", 0, overrides, "")
    try:
        return run_apart(run, threads, console)
    except UserError as failure:
        sys.exit(str(failure))


def row(model: Model, record: Record) -> tuple[str, ...]:
    """One line of the table, with the cost of the whole training extrapolated."""
    seconds = record.metrics["seconds_per_step"]
    sequences = TRAIN_IMAGES * model.epochs
    days = seconds / BATCH * sequences / 86_400
    losses = record.facts["train_loss_quarters"]
    return (
        model.label,
        f"{record.metrics['parameters']:,.0f}",
        f"{record.metrics['steps']:.0f}",
        f"{seconds:.2f}",
        f"{record.peak_memory_bytes / 2**30:.1f}",
        ", ".join(f"{loss:.3f}" for loss in losses),
        "yes" if sum(losses[2:]) < sum(losses[:2]) else "no",
        f"{days:,.0f}",
    )


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.pathx_steps", description=__doc__)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--published-rates", action="store_true", help="do not scale the rates")
    options = parser.parse_args()
    head = (
        "model", "parameters", "steps", "s a step", "peak GiB",
        "mean loss, four quarters", "falls", "days for the published epochs",
    )  # fmt: skip
    console = Console(stderr=True)
    rows = [row(m, measure(m, options.threads, options.published_rates, console)) for m in MODELS]
    print(markdown(head, rows))
    return 0


if __name__ == "__main__":
    sys.exit(main())
