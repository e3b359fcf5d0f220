"""Settings out of their range are refused before a run has a folder."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest
from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf

from common.errors import UserError
from common.experiment import ranges
from common.experiment.cli import main
from common.experiment.paths import conf_folder
from common.experiment.registration import register
from common.experiment.sweep import planning


@dataclass
class Section:
    steps: int = ranges.ranged(3, at_least=1, below=9)
    rate: float = ranges.ranged(0.1, above=0, at_most=1)
    scale: float | None = ranges.ranged(None, above=0)
    basis: str = ranges.ranged("normal", one_of=("normal", "uniform"))
    shapes: Any = ranges.ranged([[2, 3], [4, 5]], at_least=1, count=2)
    free: int = -1


def refused(**given) -> str:
    with pytest.raises(UserError) as error:
        ranges.check(OmegaConf.structured(Section(**given)), "task")
    return str(error.value)


def test_what_is_allowed_passes():
    ranges.check(OmegaConf.structured(Section()), "task")
    ranges.check(OmegaConf.structured(Section(steps=8, rate=1.0, scale=2.0, free=-7)), "task")
    ranges.check(OmegaConf.create({"steps": 0}), "task")


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"steps": 0}, "task.steps=0; allowed: 1 or more, below 9."),
        ({"steps": 9}, "task.steps=9"),
        ({"rate": 0.0}, "task.rate=0.0; allowed: above 0, 1 or less."),
        ({"rate": float("nan")}, "task.rate=nan"),
        ({"scale": -1.0}, "task.scale=-1.0; allowed: above 0."),
        ({"basis": "cauchy"}, "task.basis=cauchy; allowed: one of normal, uniform."),
        ({"shapes": []}, "task.shapes=[]; allowed: 1 or more, lists of 2"),
        ({"shapes": [[1, 2], []]}, "task.shapes=[[1, 2], []]"),
        ({"shapes": [[1, 2, 3]]}, "lists of 2"),
        ({"shapes": [[1, 0]]}, "task.shapes=[[1, 0]]"),
    ],
)
def test_what_is_not_is_told(given, said):
    assert said in refused(**given)


def test_a_list_of_defaults_is_not_shared():
    Section().shapes.append([0, 0])
    assert Section().shapes == [[2, 3], [4, 5]]


def test_an_unknown_bound_is_a_mistake_of_the_schema():
    with pytest.raises(TypeError, match="at_leats"):
        ranges.ranged(1, at_leats=0)


def test_a_run_out_of_range_has_no_folder(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as stopped:
        main(["paper=randlora", "task=update_rank", "scale=smoke", "task.steps=0"])
    assert stopped.value.code == 2
    assert "task.steps=0; allowed: 2 or more" in capsys.readouterr().err
    assert not (tmp_path / "outputs").exists()


def test_a_sweep_is_refused_whole():
    register()
    with initialize_config_dir(str(conf_folder()), version_base="1.3"):
        fixed = ("paper=randlora", "task=update_rank", "scale=smoke")
        with pytest.raises(UserError, match=r"task\.steps=0"):
            planning.plan([(*fixed, "task.steps=4"), (*fixed, "task.steps=0")])


@pytest.mark.parametrize(
    ("paper", "task", "override"),
    [
        ("randlora", "spectra", "task.basis=cauchy"),
        ("randlora", "spectra", "task.rank=0"),
        ("randlora", "spectra", "task.decays=[]"),
        ("randlora", "ranks", "task.steps=1"),
        ("randlora", "ranks", "task.jacobians=[]"),
        ("randlora", "exactness", "task.built=[gpt2]"),
        ("randlora", "exactness", "task.shapes=[[4,4]]"),
        ("randlora", "sparse_bases", "task.draws=0"),
        ("randlora", "update_rank", "task.rank=1"),
        ("randlora", "alignment", "task.batch_size=0"),
        ("loldu", "ldu_capacity", "task.draws=0"),
        ("flora", "planted_updates", "task.channels=4"),
        ("flora", "planted_updates", "task.draws=0"),
        ("flora", "shifted_images", "task.scale=nan"),
        ("flora", "shifted_images", "task.scale=0"),
        ("flora", "sentences/cola", "task.rank=0"),
        ("flora", "sentences/cola", "task.steps=0"),
        ("flora", "sentences/cola", "task.alpha=0"),
        ("loldu", "sentences/gloss", "task.batch_size=0"),
        ("sst", "increment_bound", "task.lr=0"),
        ("sst", "translation", "task.iteration_steps=0"),
        ("sst", "translation", "task.clip=-1"),
        ("sst", "translation", "task.dropout=2"),
        ("sst", "spectral_layer", "task.rates=[0.1]"),
        ("sst", "language_model", "task.shares=[1.5]"),
        ("lora_limits", "adapter_norm", "task.rank=0"),
        ("lora_limits", "threshold", "task.powers=[400]"),
        ("lora_limits", "threshold", "task.powers=[]"),
        ("lora_limits", "phase_transition", "task.gammas=[]"),
        ("lora_limits", "phase_transition", "task.rounds=0"),
        ("lora_limits", "gradient_error", "task.degrees=[]"),
        ("lora_limits", "closed_forms", "task.gamma=0"),
        ("lora_limits", "capped_training", "task.steps=0"),
    ],
)
def test_papers_say_what_they_take(paper, task, override):
    register()
    with initialize_config_dir(str(conf_folder()), version_base="1.3"):
        fixed = [f"paper={paper}", f"task={task}", "scale=smoke"]
        ranges.check(compose("config", overrides=fixed).task, "task")
        with pytest.raises(UserError, match="allowed"):
            ranges.check(compose("config", overrides=[*fixed, override]).task, "task")
