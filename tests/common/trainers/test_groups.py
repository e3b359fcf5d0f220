"""Parameter groups and schedules of the authors' scripts."""

from __future__ import annotations

import math

import pytest
import torch
from omegaconf import OmegaConf

from common.nn.block import SequenceBlock
from common.nn.s4 import S4
from common.nn.s5 import S5
from common.trainers.groups import GroupRule, parameter_groups
from common.trainers.schedules import schedule
from papers.s5_ptd.models import normal_basis
from papers.s5_ptd.optimizer import rules
from papers.s5_ptd.schema import ModelConfig, S5OptimizerConfig


def grouped(layer, kind, **options):
    """(lr, weight decay) of every parameter of a block."""
    block = SequenceBlock(layer, 4, activation="half_glu1")
    model = OmegaConf.structured(ModelConfig(layer=kind))
    optimizer = OmegaConf.structured(S5OptimizerConfig(lr=0.1, ssm_lr=0.01, weight_decay=0.5))
    optimizer = OmegaConf.merge(optimizer, options)
    groups = parameter_groups(block, rules(model, optimizer), lr=0.1, weight_decay=0.5)
    names = {id(p): name for name, p in block.named_parameters()}
    return {
        names[id(p)].removeprefix("layer."): (g["lr"], g["weight_decay"])
        for g in groups
        for p in g["params"]
    }


SSM, REGULAR = (0.01, 0.0), (0.1, 0.5)


@pytest.mark.parametrize(
    ("options", "b", "step"),
    [
        ({"b_group": "standard"}, SSM, SSM),
        ({"b_group": "BandCdecay"}, (0.01, 0.5), SSM),
        ({"b_group": "BfastandCdecay"}, REGULAR, SSM),
        ({"b_group": "standard", "dt_global": True}, SSM, REGULAR),
    ],
)
def test_s5_groups(options, b, step):
    got = grouped(S5(normal_basis(4), 4), "s5", **options)
    assert got["Lambda_re"] == got["Lambda_im"] == SSM
    assert got["log_step"] == step
    assert got["B"] == b
    rest = {k: v for k, v in got.items() if k not in ("Lambda_re", "Lambda_im", "log_step", "B")}
    assert {"C", "D", "norm.norm.weight", "activation.gate.bias"} <= rest.keys()
    assert set(rest.values()) == {REGULAR}


def test_s4_groups():
    got = grouped(S4(normal_basis(4), 4), "s4", dt_lr=0.02, c_lr=0.03)
    assert got["log_A_real"] == got["A_imag"] == SSM
    assert got["log_dt"] == (0.02, 0.0)
    assert got["C"] == (0.03, 0.5)
    assert got["D"] == REGULAR


def test_dplr_groups():
    got = grouped(S4(normal_basis(4, low_rank=True), 4), "s4")
    assert got["P"] == got["B"] == got["log_dt"] == SSM
    assert got["C"] == REGULAR


def test_every_parameter_is_in_one_group_and_the_first_rule_wins():
    layer = S5(normal_basis(4), 4)
    first, second = GroupRule(("B",), 1.0, 0.0), GroupRule(("B", "C"), 2.0, 0.0)
    groups = parameter_groups(layer, [first, second], lr=3.0, weight_decay=0.0)
    members = [p for g in groups for p in g["params"]]
    assert len(members) == len({id(p) for p in members}) == len(list(layer.parameters()))
    assert [g["lr"] for g in groups] == [1.0, 2.0, 3.0]


def test_s5_schedule_does_not_reset_its_clock():
    S, w, epochs = 10, 2, 8
    factor = schedule("warmup_cosine_epochs", steps_per_epoch=S, epochs=epochs, warmup_epochs=w)
    T = S * (epochs - w)
    assert factor(0) == 1 / (S * w)
    assert factor(S * w - 1) == 1
    # Entered at t = S w, where the cosine has already come down.
    assert factor(S * w) == pytest.approx(0.5 * (1 + math.cos(math.pi * S * w / T)))
    assert all(factor(t) == pytest.approx(0) for t in range(T, S * epochs))


def test_s4_schedule():
    factor = schedule(
        "warmup_cosine_steps", steps_per_epoch=10, epochs=1, warmup_steps=10, total_steps=110
    )
    assert [factor(0), factor(5), factor(10)] == [0, 0.5, 1]
    assert factor(60) == pytest.approx(0.5)
    assert factor(110) == factor(500) == pytest.approx(0)


def test_cosines():
    steps = schedule("cosine_steps", steps_per_epoch=10, epochs=4)
    assert [steps(0), steps(20), steps(40)] == pytest.approx([1, 0.5, 0])
    epochs = schedule("cosine_epochs", steps_per_epoch=10, epochs=4)
    assert epochs(0) == epochs(9) == 1
    assert epochs(20) == pytest.approx(0.5)


def test_halving_by_quarters():
    factor = schedule("step_halving", steps_per_epoch=10, epochs=200)
    epochs = (0, 49, 50, 99, 100, 149, 150, 199, 200)
    assert [factor(10 * e) for e in epochs] == [1, 1, 0.5, 0.5, 0.25, 0.25, 0.125, 0.125, 0.125]
    assert factor(499) == 1


def test_only_warm_up_is_a_schedule_too():
    factor = schedule("warmup_cosine_epochs", steps_per_epoch=4, epochs=1, warmup_epochs=1)
    assert [factor(t) for t in range(4)] == [0.25, 0.5, 0.75, 1]
    assert factor(4) == 0


@pytest.mark.parametrize(
    ("name", "options"),
    [("x", {}), ("cosine_steps", {"warmup_epochs": 5}), ("cosine_steps", {"warmup_steps": -1})],
)
def test_bad_schedules(name, options):
    with pytest.raises(ValueError, match=r"allowed"):
        schedule(name, steps_per_epoch=1, epochs=2, **options)


@pytest.mark.parametrize(("warmup", "total"), [(36, 360), (9, 30)])
def test_one_cycle_is_pytorchs(warmup, total):
    factor = schedule(
        "one_cycle", steps_per_epoch=total, epochs=1, warmup_steps=warmup, total_steps=total
    )
    optimiser = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
    reference = torch.optim.lr_scheduler.OneCycleLR(
        optimiser, max_lr=1.0, total_steps=total, pct_start=warmup / total, cycle_momentum=False
    )
    for step in range(total):
        assert factor(step) == pytest.approx(optimiser.param_groups[0]["lr"], abs=1e-12)
        optimiser.step()
        if step < total - 1:
            reference.step()
