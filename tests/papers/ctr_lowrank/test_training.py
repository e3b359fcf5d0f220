"""The loop: what is minimised, when it stops, what stays pruned, and going on after a stop."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
import torch
from omegaconf import OmegaConf
from rich.console import Console
from torch.nn import functional as F

from common.experiment.context import RunContext
from common.experiment.interruption import RunInterrupted, StopRequest
from papers.ctr_lowrank.controls import magnitude_masks
from papers.ctr_lowrank.training import CtrModule, predict, train
from tests.papers.ctr_lowrank.small import data, model


def context(folder: Path, resuming=False, **trained) -> RunContext:
    config = {
        "seed": 0,
        "trainer": {
            "accelerator": "cpu", "devices": 1, "nodes": 1, "strategy": "ddp",
            "precision": "32-true", "threads": 1, "checkpoint_every": 0, "csv": False,
            "tensorboard": False, "progress": False, "max_steps": -1,
        },
        "optimizer": {"lr": 0.05, "l2": 1e-3},
        "train": {"batch_size": 64, "eval_batch_size": 100} | trained,
    }  # fmt: skip
    folder.mkdir(exist_ok=True)
    console = Console(file=io.StringIO())
    return RunContext(OmegaConf.create(config), folder, None, StopRequest(), console, resuming)


def weights(made):
    return torch.cat([p.detach().flatten() for p in made.parameters()])


def test_one_step_is_adam_on_the_mean_loss_and_the_decay(tmp_path):
    """As a loss summed over the batch with its L2 would be, divided by the batch size."""
    rows, made, other = data(64), model(), model()
    other.load_state_dict(made.state_dict())
    train(context(tmp_path), "one", made, rows, epochs=1)
    adam = torch.optim.Adam(other.parameters(), lr=0.05)
    logits = other(rows.train.ids.long(), rows.train.dense)
    total = F.binary_cross_entropy_with_logits(logits, rows.train.targets, reduction="sum")
    tables = (other.tables.weight, other.linear.ids.weight, other.linear.numbers)
    ((total + 1e-3 * sum(w.square().sum() for w in tables)) / 64).backward()
    adam.step()
    torch.testing.assert_close(weights(made), weights(other), rtol=1e-4, atol=1e-5)


def test_it_stops_and_keeps_the_best_epoch(tmp_path):
    rows, made = data(128), model()
    fitted = train(context(tmp_path), "dense", made, rows, epochs=60, patience=3)
    losses = [-score for score in fitted.val_scores]
    best = min(range(len(losses)), key=losses.__getitem__)
    assert len(losses) == best + 4 < 60
    assert fitted.best_epoch == best + 1
    logits = predict(made, rows.val, context(tmp_path).config)
    found = F.binary_cross_entropy_with_logits(logits, rows.val.targets)
    assert float(found) == pytest.approx(losses[best], rel=1e-5)


def test_a_training_that_had_stopped_is_not_taken_up_again(tmp_path):
    rows, made, again = data(128), model(), model()
    first = train(context(tmp_path), "dense", made, rows, epochs=60, patience=3)
    second = train(context(tmp_path, True), "dense", again, rows, epochs=60, patience=3)
    assert second.val_scores == first.val_scores
    assert torch.equal(weights(made), weights(again))


def test_cut_off_and_gone_on_with_the_same_bits(tmp_path):
    rows, whole = data(128), model()
    start = {n: t.clone() for n, t in whole.state_dict().items()}
    train(context(tmp_path / "whole"), "dense", whole, rows, epochs=12, patience=3)

    class Stopping(StopRequest):
        """A signal during the third epoch."""

        asked = 0

        @property
        def signum(self):
            self.asked += 1
            return 15 if self.asked > 6 else None

        @signum.setter
        def signum(self, value):
            pass

    cut = model()
    cut.load_state_dict(start)
    stopping = context(tmp_path / "cut")
    object.__setattr__(stopping, "stop", Stopping())
    with pytest.raises(RunInterrupted):
        train(stopping, "dense", cut, rows, epochs=12, patience=3)
    on = model()
    train(context(tmp_path / "cut", True), "dense", on, rows, epochs=12, patience=3)
    assert torch.equal(weights(on), weights(whole))


def test_what_is_pruned_stays_so(tmp_path):
    rows, made = data(64), model()
    masks = magnitude_masks(made, 200)
    train(context(tmp_path), "pruned", made, rows, epochs=2, masks=masks)
    named = dict(made.named_parameters())
    for name, mask in masks.items():
        assert not named[name][mask == 0].any()
        assert named[name][mask == 1].any() or not mask.any()


def test_prediction_is_in_order_and_leaves_the_mode():
    rows, made = data(150), model()
    made.train()
    config = context(Path()).config
    wanted = made(rows.test.ids.long(), rows.test.dense)
    torch.testing.assert_close(predict(made, rows.test, config), wanted.detach())
    assert made.training
    assert isinstance(CtrModule(made, lr=0.1, l2=0.0).configure_optimizers(), torch.optim.Adam)
