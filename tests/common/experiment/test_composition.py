"""Every paper runs every of its tasks at every scale, as far as composing goes."""

from __future__ import annotations

from collections import Counter

import pytest
from hydra import compose, initialize_config_dir

from common.experiment import registry
from common.experiment.identity import config_hash, plain
from common.experiment.paths import conf_folder, paper_config_folders
from common.experiment.registration import register

# One scale of each by default; all of them by `-m slow`: there are hundreds.
SCALES = [
    pytest.param(scale, marks=[] if scale == "smoke" else pytest.mark.slow)
    for scale in registry.scales()
]
PAIRS = [(paper, task) for paper in registry.papers() for task in registry.tasks(paper)]

LRA = [paper for paper in registry.papers() if "lra" in registry.tasks(paper)]


@pytest.fixture(scope="module")
def composed():
    register()
    with initialize_config_dir(str(conf_folder()), version_base="1.3"):
        yield lambda *overrides: compose("config", overrides=list(overrides))


@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize(("paper", "task"), PAIRS)
def test_every_triple_composes(composed, paper, task, scale):
    config = composed(f"paper={paper}", f"task={task}", f"scale={scale}")
    assert config.paper.id == paper
    assert config.task.name == task
    assert config.scale.name == scale
    if not config.task.members:
        plain(config)


@pytest.mark.parametrize("task", ["lra/listops", pytest.param("lra/pathx", marks=pytest.mark.slow)])
@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize(
    ("paper", "model"), [(paper, model) for paper in LRA for model in registry.models(paper)]
)
def test_every_model_composes_for_lra(composed, paper, model, scale, task):
    config = composed(f"paper={paper}", f"task={task}", f"model={model}", f"scale={scale}")
    assert plain(config)["model"]["name"] == model


def test_option_names_are_unique_across_papers():
    for group in ("paper", "model", "task"):
        names = [
            o.relative_to(f).as_posix()
            for f in (conf_folder(), *paper_config_folders())
            for o in (f / group).rglob("*.yaml")
        ]
        assert [n for n, count in Counter(names).items() if count > 1] == []


def test_a_paper_alone_takes_its_default_task(composed):
    for paper in registry.papers():
        assert composed(f"paper={paper}").task.name == registry.default_task(paper)


def test_the_hash_tells_experiments_apart(composed):
    base = plain(composed("task=lra/listops"))
    same = plain(composed("task=lra/listops", "data.root=elsewhere", "trainer.progress=false"))
    other = plain(composed("task=lra/listops", "seed=1"))
    assert config_hash(base) == config_hash(same) != config_hash(other)


def test_a_recipe_is_a_default_that_the_command_line_overrides(composed):
    config = composed("task=lra/listops", "scale=paper", "model.n_layers=3")
    assert (config.model.n_layers, config.model.d_model) == (3, 128)
