"""What happens around the steps of a training: checkpoints, best weights, randomness, signals."""

from __future__ import annotations

import random
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytorch_lightning as pl
import torch
from rich.console import Console

from common.data.loader import SequenceLoader
from common.experiment.interruption import RunInterrupted, StopRequest
from common.trainers.checkpoints import checkpoint_path, prune
from common.trainers.weights import weights_of


class ResumableState(pl.Callback):
    """Saves after every ``every`` steps and at the end of each epoch; stops in order on a signal.

    Of several processes all stop after the same step, whichever of them the signal reached.

    Besides what Lightning saves, a checkpoint holds the state of all random number generators and
    the position in the data: the same batches, in the same order, with the same dropout.
    """

    def __init__(self, folder: Path, loader: SequenceLoader, every: int, stop: StopRequest):
        self.folder = folder
        self.loader = loader
        self.every = every
        self.stop = stop
        self._random: dict[str, Any] | None = None

    def on_save_checkpoint(self, trainer, module, checkpoint) -> None:
        # A DataLoader-free loader is positioned by these two; see `position`.
        checkpoint["position"] = {
            "epoch": trainer.current_epoch,
            "batch": trainer.fit_loop.epoch_loop.batch_progress.current.processed,
            "last_finite": module.last_finite,
            "train_sums": module._train_sums.clone(),
        }
        checkpoint["random"] = random_state()

    def on_load_checkpoint(self, trainer, module, checkpoint) -> None:
        self._random = checkpoint["random"]
        module.last_finite = checkpoint["position"]["last_finite"]
        module._train_sums = checkpoint["position"]["train_sums"]

    def on_train_start(self, trainer, module) -> None:
        # Lightning's own handler would pass the signal on in the middle of a step.
        self.stop.listen()
        if self._random is not None:
            restore_random_state(self._random)
            self._random = None

    def on_train_epoch_start(self, trainer, module) -> None:
        self.loader.set_epoch(trainer.current_epoch)

    def on_train_batch_end(self, trainer, module, outputs, batch, batch_idx) -> None:
        # The last batch of an epoch is saved with the epoch, after its validation.
        last = batch_idx + 1 >= trainer.num_training_batches
        due = self.every > 0 and trainer.global_step % self.every == 0
        signum = asked_to_stop(trainer, self.stop)
        if (due or signum is not None) and not last:
            self.save(trainer)
        if signum is not None:
            raise RunInterrupted(signum)

    def on_train_epoch_end(self, trainer, module) -> None:
        self.save(trainer)
        stop_if_asked(trainer, self.stop)

    def save(self, trainer) -> None:
        """Write the checkpoint of this moment and drop the oldest."""
        trainer.save_checkpoint(checkpoint_path(self.folder, trainer.global_step))
        if trainer.is_global_zero:
            prune(self.folder)


def asked_to_stop(trainer: pl.Trainer, stop: StopRequest) -> int | None:
    """The signal that has come to this process or to another of the run; all must ask together."""
    if trainer.world_size == 1:
        return stop.signum
    own = torch.tensor(stop.signum or 0, device=trainer.strategy.root_device)
    return int(trainer.strategy.reduce(own, reduce_op="max")) or None


def stop_if_asked(trainer: pl.Trainer, stop: StopRequest) -> None:
    """Raises RunInterrupted, in every process, if a signal has come to one of them."""
    signum = asked_to_stop(trainer, stop)
    if signum is not None:
        raise RunInterrupted(signum)


def random_state() -> dict[str, Any]:
    """The state of every generator, in containers that ``weights_only`` loading admits."""
    name, keys, position, has_gauss, cached = np.random.get_state()  # noqa: NPY002
    return {
        "torch": torch.get_rng_state(),
        "cuda": torch.cuda.get_rng_state_all() if torch.cuda.is_available() else [],
        "numpy": [name, torch.from_numpy(keys.astype(np.int64)), position, has_gauss, cached],
        "python": random.getstate(),
    }


def restore_random_state(state: dict[str, Any]) -> None:
    """Put every generator back."""
    torch.set_rng_state(state["torch"])
    if state["cuda"] and torch.cuda.is_available():
        torch.cuda.set_rng_state_all(state["cuda"])
    name, keys, *rest = state["numpy"]
    np.random.set_state((name, keys.numpy().astype(np.uint32), *rest))  # noqa: NPY002
    version, internal, gauss = state["python"]
    random.setstate((version, tuple(internal), gauss))


class BestWeights(pl.Callback):
    """Keeps the weights of the epoch with the best validation score, inside the checkpoint.

    A separate file could be newer than the checkpoint that a killed run resumes from. The first of
    equal epochs wins.
    """

    def __init__(self) -> None:
        self.score: float | None = None
        self.epoch: int | None = None
        self.weights: dict[str, torch.Tensor] = {}
        self.scores: list[float] = []

    def on_validation_end(self, trainer, module) -> None:
        if trainer.state.fn != "fit":
            return
        self.consider(float(trainer.callback_metrics["val/score"]), trainer.current_epoch, module)

    def consider(self, score: float, epoch: int, module: pl.LightningModule) -> None:
        """Keep these weights if no epoch was better."""
        self.scores.append(score)
        if self.score is None or score > self.score:
            self.score, self.epoch = score, epoch
            self.weights = weights_of(module)

    def state_dict(self) -> dict[str, Any]:
        return {
            "score": self.score,
            "epoch": self.epoch,
            "weights": self.weights,
            "scores": list(self.scores),
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.score, self.epoch = state["score"], state["epoch"]
        self.weights, self.scores = state["weights"], list(state["scores"])


class EpochLines(pl.Callback):
    """One line an epoch, for logs and terminals alike."""

    def __init__(self, console: Console):
        self.console = console
        self._begin = 0.0

    def on_train_epoch_start(self, trainer, module) -> None:
        self._begin = time.perf_counter()

    def on_train_epoch_end(self, trainer, module) -> None:
        parts = [f"loss {module.mean_train_loss():.4f}"]
        # Absent where trainer.max_steps ended the epoch before its validation.
        for key, digits in (("val/loss", 4), ("val/score", 2)):
            if key in trainer.callback_metrics:
                value = float(trainer.callback_metrics[key])
                parts.append(f"{key.replace('/', ' ')} {value:.{digits}f}")
        parts.append(f"{time.perf_counter() - self._begin:.1f} s")
        epoch = f"epoch {trainer.current_epoch + 1}/{trainer.max_epochs}"
        self.console.print(f"  {epoch}  {'  '.join(parts)}", highlight=False)


class StepTimer(pl.Callback):
    """Wall time from the start of one training step to the start of the next.

    Intervals need no synchronisation with a GPU: once its queue is full they are its time. The
    first few (allocation, caches) are left out.
    """

    WARMUP = 3

    def __init__(self) -> None:
        self.seconds: list[float] = []
        self._begin: float | None = None

    def on_train_epoch_start(self, trainer, module) -> None:
        self._begin = None

    def on_train_batch_start(self, trainer, module, batch, batch_idx) -> None:
        now = time.perf_counter()
        if self._begin is not None:
            self.seconds.append(now - self._begin)
        self._begin = now

    def median(self) -> float:
        """Median seconds of a step; 0 for a training of one step."""
        settled = self.seconds[self.WARMUP :] or self.seconds
        return float(np.median(settled)) if settled else 0.0


class LossTrace(pl.Callback):
    """The loss of every training step, kept through a resume."""

    def __init__(self) -> None:
        self.losses: list[float] = []

    def on_train_batch_end(self, trainer, module, outputs, batch, batch_idx) -> None:
        self.losses.append(module.last_finite)

    def state_dict(self) -> dict[str, Any]:
        return {"losses": list(self.losses)}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.losses = list(state["losses"])

    def quarters(self) -> list[float]:
        """Mean loss of each quarter of the training; empty below four steps."""
        if len(self.losses) < 4:
            return []
        return [float(part.mean()) for part in np.array_split(np.array(self.losses), 4)]

    def epochs(self, steps: int) -> list[float]:
        """Mean loss of each epoch of so many steps; the last may have been cut short."""
        parts = [self.losses[i : i + steps] for i in range(0, len(self.losses), steps)]
        return [float(np.mean(part)) for part in parts]
