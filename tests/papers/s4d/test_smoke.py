"""One smoke run of every task and of every model: real training, a completed record."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hydra import compose, initialize_config_dir

from common.experiment import registry
from common.experiment.cli import main
from common.experiment.paths import conf_folder
from common.experiment.registration import register

ROOT = Path(__file__).parents[3]
CLOSED_FORM = [
    "asymptotics",
    "initial_delay",
    "kernel_agreement",
    "limit_theorem",
    "low_rank_perturbation",
    "rate_change",
]
OWN = [
    *CLOSED_FORM,
    "parameterisation_chirps",
    "parameterisation_pulse",
    "sequential/chirps",
    "sequential/pulse",
    "sequential/digits",
]
# Minutes in all, and the common parts are run by other papers' tests.
SLOW = ["lra/listops", "lra/retrieval", "lra/pathfinder", "lra/pathx"]
# Their data are used when an earlier run, or the person at the keyboard, has brought them.
FETCHED = [
    "sequential/cifar_grey",
    "sequential/cifar_colour",
    "sequential/mnist",
    "parameterisation",
    "frozen_spectrum",
    "spectrum_scale",
    "input_vector",
    "stability",
    "lra/image",
    "lra/text",
]


@pytest.fixture(scope="session")
def data_root(tmp_path_factory):
    """One data folder for all."""
    return tmp_path_factory.mktemp("data")


@pytest.fixture
def smoke(tmp_path, monkeypatch, data_root):
    """Runs a task and gives its exit status and record."""
    monkeypatch.chdir(tmp_path)

    def run(task, *extra, root=data_root):
        fixed = ["paper=s4d", "scale=smoke", "trainer.threads=1", "data.workers=1"]
        with pytest.raises(SystemExit) as stopped:
            main([f"task={task}", *fixed, f"data.root={root}", *extra])
        folders = sorted((tmp_path / "outputs" / "s4d" / task).iterdir())
        return stopped.value.code, json.loads((folders[-1] / "record.json").read_text())

    return run


def test_every_task_is_covered():
    assert {*OWN, *SLOW, *FETCHED, "lra"} == set(registry.tasks("s4d"))


@pytest.mark.parametrize(
    "task", ["parameterisation", "frozen_spectrum", "spectrum_scale", "input_vector", "stability"]
)
def test_ablations_are_the_published_ones_at_scale_paper(task):
    """Colour sCIFAR, four layers of width 128 without a gate, a spectrum for each channel."""
    register()
    with initialize_config_dir(str(conf_folder()), version_base="1.3"):
        config = compose("config", overrides=["paper=s4d", f"task={task}", "scale=paper"])
    assert config.task.dataset.grey is False
    assert (config.model.n_layers, config.model.d_model, config.model.state_size) == (4, 128, 64)
    assert (config.model.activation, config.model.n_ssm, config.model.norm) == (
        "linear",
        0,
        "layer",
    )
    assert (config.train.epochs, config.optimizer.warmup_steps) == (100, 900)
    assert config.published is None


def test_the_stand_ins_have_the_published_set_ups():
    register()
    with initialize_config_dir(str(conf_folder()), version_base="1.3"):
        chirps, pulse = (
            compose("config", overrides=["paper=s4d", f"task=sequential/{t}", "scale=paper"])
            for t in ("chirps", "pulse")
        )
    assert chirps.task.dataset.length == 16_000
    model = chirps.model
    assert (model.norm, model.prenorm, model.bidirectional, model.pooling) == (
        "batch", True, False, "last",
    )  # fmt: skip
    assert (model.activation, model.dropout, model.n_ssm) == ("linear", 0, 0)
    assert (chirps.optimizer.lr, chirps.train.batch_size) == (0.004, 32)
    assert (pulse.task.dataset.length, pulse.model.state_size, pulse.model.n_ssm) == (4_000, 256, 1)
    assert (pulse.model.prenorm, pulse.model.bidirectional) == (True, True)
    optimizer = pulse.optimizer
    assert (optimizer.lr, optimizer.weight_decay, optimizer.schedule) == (
        0.004, 0.01, "step_halving",
    )  # fmt: skip
    assert pulse.train.epochs == 200


@pytest.mark.parametrize(
    "task", OWN + [pytest.param(task, marks=pytest.mark.slow) for task in SLOW]
)
def test_smoke(task, smoke):
    status, record = smoke(task)
    assert status == 0, record["reason"]
    assert record["status"] == "completed"
    assert record["metric"] in record["metrics"] or task == "lra/pathx"


@pytest.mark.slow
@pytest.mark.parametrize("task", FETCHED)
def test_smoke_on_fetched_data(task, smoke):
    status, record = smoke(task, "data.download=false", root=ROOT / "data")
    if record["status"] == "not run":
        pytest.skip(record["reason"])
    assert status == 0, record["reason"]
    assert record["metric"] in record["metrics"]


@pytest.mark.parametrize("model", registry.models("s4d"))
def test_every_model_trains(model, smoke):
    status, record = smoke("sequential/chirps", f"model={model}", "task.dataset.length=64")
    assert status == 0, record["reason"]
    assert record["variant"] == model
    assert record["published"] is None, "a stand-in has no published figure"


@pytest.mark.parametrize("target", ["heart_rate", "breathing_rate", "saturation"])
def test_the_target_is_in_the_variant(target, smoke):
    status, record = smoke("sequential/pulse", f"task.dataset.target={target}")
    assert status == 0, record["reason"]
    assert record["variant"] == f"s4d_legs_{target}"
    assert record["metrics"]["rmse"] > 0
    assert record["data"][0]["is_paper_data"] is False


@pytest.mark.slow
@pytest.mark.parametrize(("permuted", "suffix"), [("false", ""), ("true", "_permuted")])
def test_the_order_of_pixels_is_in_the_variant(permuted, suffix, smoke):
    override = f"task.dataset.permuted={permuted}"
    _, record = smoke("sequential/mnist", override, "data.download=false", root=ROOT / "data")
    assert record["variant"] == f"s4d_legs{suffix}"


@pytest.mark.parametrize(
    ("task", "override", "message"),
    [
        ("initial_delay", "task.lag=1000", "task.lag=1000"),
        ("sequential/chirps", "model.initialiser=legz", "initialiser='legz'"),
        ("sequential/chirps", "model.b_init=one", "legs has its own"),
        ("sequential/pulse", "task.dataset.target=mood", "'heart_rate' or 'breathing_rate'"),
    ],
)
def test_mistakes_are_explained(task, override, message, smoke, capsys):
    status, _ = smoke(task, override)
    assert status == 2
    assert message in capsys.readouterr().err
