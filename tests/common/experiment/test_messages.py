"""A user's mistake: what was given, what is allowed, the nearest; exit status 2, no traceback."""

from __future__ import annotations

import pytest
import yaml

from common.experiment.cli import main
from common.experiment.messages import explain


def refused(arguments, capsys):
    with pytest.raises(SystemExit) as stopped:
        main(arguments)
    assert stopped.value.code == 2
    captured = capsys.readouterr()
    assert "Traceback" not in captured.err + captured.out
    return captured.err


@pytest.fixture(autouse=True)
def elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("HYDRA_FULL_ERROR", raising=False)
    yield
    assert not (tmp_path / "outputs").exists() or not list((tmp_path / "outputs").rglob("*.ckpt"))


def test_unknown_paper(capsys):
    message = refused(["paper=s5_ptdd"], capsys)
    assert "Unknown paper 's5_ptdd'. Did you mean 's5_ptd'? Allowed: " in message


def test_unknown_task_lists_the_papers_tasks(capsys):
    message = refused(["paper=s5_ptd", "task=lra/listop"], capsys)
    assert (
        "Unknown task 'lra/listop'. Did you mean 'lra/listops'? Allowed of paper s5_ptd" in message
    )
    assert "lra/pathx" in message


def test_unknown_scale(capsys):
    message = refused(["scale=latop"], capsys)
    assert "Unknown scale 'latop'. Did you mean 'laptop'? Allowed: smoke, laptop, paper." in message


def test_unknown_model(capsys):
    message = refused(["task=lra/listops", "model=s5ptd"], capsys)
    assert "Did you mean 's5_ptd'?" in message


@pytest.mark.parametrize(
    ("paper", "model", "allowed"), [("s5_ptd", "s4_legs", "s5_ptd"), ("s4d", "s5", "s4d_inv")]
)
def test_a_model_of_another_paper(paper, model, allowed, capsys):
    message = refused([f"paper={paper}", "task=lra/image", f"model={model}"], capsys)
    assert f"Unknown model '{model}'" in message
    assert f"Allowed for paper {paper}: " in message
    assert allowed in message


def test_unknown_trainer(capsys):
    assert "Allowed: auto, cpu, gpu" in refused(["trainer=tpu"], capsys)


@pytest.mark.parametrize(
    ("override", "nearest"),
    [
        ("sead=1", "seed"),
        ("modle=s5", "model"),
        ("train.epoch=3", "train.epochs"),
        ("task.dataset.trian=3", "task.dataset.train"),
    ],
)
def test_misspelt_key(override, nearest, capsys):
    message = refused(["task=lra/listops", override], capsys)
    assert f"Unknown key '{override.partition('=')[0]}'. Did you mean '{nearest}'?" in message


@pytest.mark.parametrize("override", ["seed=abc", "train.epochs=many", "model.dropout=high"])
def test_wrong_type_names_key_value_and_type(override, capsys):
    message = refused(["task=lra/listops", override], capsys)
    assert f"Wrong value: {override}" in message
    assert "could not be converted to" in message


def test_recipe_cannot_be_chosen(capsys):
    assert "follows from paper and task" in refused(["recipe=x"], capsys)


def test_syntax_error_in_an_override(capsys):
    assert "run.py:" in refused(["seed={"], capsys)


def test_gpu_asked_for_and_absent(capsys, monkeypatch):
    import torch

    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    message = refused(["task=lra/listops", "scale=smoke", "trainer=gpu"], capsys)
    assert "no CUDA device" in message
    assert "trainer=cpu" in message


@pytest.mark.parametrize(
    ("override", "said"),
    [
        ("task.dataset.max_length=-1", "max_length"),
        ("model.state_size=10", "not divisible into model.blocks=4"),
        ("model.perturbation_ratio=0 model.blocks=1", "above 0"),
        ("model.perturbation_ratio=1.5 model.blocks=1", "at most 1"),
        ("seed=-1", "seed=-1 is out of range"),
        ("trainer.threads=-2", "trainer.threads=-2 is out of range; allowed: 0 or more"),
        ("trainer.accelerator=mps", "allowed: auto, cpu, gpu"),
        ("train.batch_size=0", "batch_size"),
        ("train.epochs=0", "epochs"),
        ("optimizer.lr=-1", "rates must be positive"),
        ("model.initialiser=hippo", "allowed: ptd, diag"),
        ("optimizer.schedule=linear", "allowed: warmup_cosine_epochs"),
    ],
)
def test_values_out_of_range(override, said, capsys):
    arguments = ["task=lra/listops", "scale=smoke", "data.root=d", *override.split()]
    assert said in refused(arguments, capsys)


def test_a_bad_member_of_a_composite_costs_no_training(capsys):
    message = refused(["task=lra", "scale=smoke", "model.n_layers=two"], capsys)
    assert "Wrong value: model.n_layers=two" in message


@pytest.mark.parametrize(
    ("argument", "said"),
    [
        ("hydra.sweep.dir=there", "runs lie below output_root"),
        ("hydra.run.dir=there", "runs lie below output_root"),
        ("hydra/sweeper=basic", "allowed: structlab"),
        ("site@hydra.launcher=exmple", "Did you mean 'example'?"),
    ],
)
def test_what_hydra_would_take_without_a_word(argument, said, capsys):
    assert said in refused(["-m", "seed=0,1", argument], capsys)


def test_a_file_that_is_not_yaml_is_named_with_its_line(tmp_path):
    file = tmp_path / "site.yaml"
    file.write_text("time: 15\npartition: [gpu\n")
    with file.open() as opened, pytest.raises(yaml.YAMLError) as raised:
        yaml.safe_load(opened)
    assert explain(raised.value, []).startswith(f"{file} is not YAML: line 3: expected")


def test_full_trace_on_demand(monkeypatch):
    monkeypatch.setenv("HYDRA_FULL_ERROR", "1")
    with pytest.raises(Exception, match="s5_ptdd"):
        main(["paper=s5_ptdd"])
