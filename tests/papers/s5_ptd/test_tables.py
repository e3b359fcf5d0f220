"""Every cell of the published hyperparameter tables, written down a second time."""

from __future__ import annotations

import pytest
from hydra import compose, initialize_config_dir

from common.experiment.paths import conf_folder
from common.experiment.registration import register

TASKS = ["listops", "text", "retrieval", "image", "pathfinder", "pathx"]
C_INIT = {"L": "lecun_normal", "T": "trunc_standard_normal", "C": "complex_normal"}
B_GROUP = {"fast": "BfastandCdecay", "std": "standard", "slow": "BandCdecay"}

# layers, H, P, J, C, act, drop, ssm_lr, factor, B, dt_min, dt_max,
# batch, epochs, warm-up, weight decay, batch-norm decay, extra
S5_PTD = """
8 128  16  8 L 2  0   .001  3 fast .001  .1 50  35  1 .05 .95 -
6 256 192 12 L 2 .1   .001  4 std  .001  .1 50  40  5 .07 .95 dt_global
6 128 256 16 T 1  0   .001  2 std  .001  .1 32  20  1 .05 .95 dt_global
6 512 384  3 L 1 .1   .001  5 fast .001  .1 50 250  1 .07 .95 clip
6 192 256  8 T 1 .05 .0009  5 std  .001  .1 64 230 10 .05 .9  -
6 128 256 16 C 1  0  .0006  3 slow .0001 .1 32  90  1 .06 .9  force_neg
"""
S5 = """
8 128  16  8 L 2  0   .001  3  fast .001  .1 50  40 1 .04 .95 -
6 256 192 12 L 2 .1   .001  4  std  .001  .1 50  35 0 .07 .95 dt_global
6 128 256 16 T 1  0   .001  2  std  .001  .1 32  20 1 .05 .95 dt_global
6 512 384  3 L 1 .1   .001 4.5 fast .001  .1 50 250 1 .07 .95 clip
6 192 256  8 T 1 .05 .0009  5  std  .001  .1 64 200 1 .03 .9  -
6 128 256 16 C 1  0  .0006  3  slow .0001 .1 32  75 1 .06 .9  -
"""
# layers, H, norm, prenorm, drop, lr, ssm_lr, dt_lr, dt_min, dt_max,
# batch, epochs, weight decay, warm-up, total, pooling
S4_PTD = """
8 256 batch no  0 .002 .0004 .0004 .001   1 50   80 .05  12000 1200000 mean
6 256 batch yes 0 .01  .001  .01   .001  .1 16   80 .05   5000   50000 mean
6 128 batch yes 0 .004 .001  .004  .001  .1 64   40 .03   5000  100000 mean
6 128 layer no .1 .01  .001  .001  .001  .1 128 2000 .01  3600 1760000 mean
6 256 batch yes 0 .004 .001  .001  .001  .1 64  300 .03 150000  800000 mean
6 128 batch yes 0 .001 .001  .001  .0001 .1 20  100 .03 200000 1250000 mean
"""
S4 = """
8 128 batch no  0 .01  .001  .01   .001  .1 50  40 .05  1000  80000 mean
6 256 batch yes 0 .01  .001  .01   .001  .1 16  32 .05  1000  50000 mean
6 256 batch yes 0 .01  .001  .01   .001  .1 64  20 .05  2500  50000 mean
6 512 layer no .1 .01  .001  .01   .001  .1 50 200 .05   900 180000 mean
6 256 batch yes 0 .004 .001  .001  .001  .1 64 200 .03  2500 500000 last
6 256 batch yes 0 .001 .0005 .0005 .0001 .1 16  50 .05 50000 500000 mean
"""
PUBLISHED = {
    "s4": [59.60, 86.82, 90.90, 88.65, 94.20, 96.35],
    "s4d": [60.47, 86.18, 89.46, 88.19, 93.06, 91.95],
    "s4_ptd": [60.65, 88.32, 91.07, 88.27, 94.79, 96.39],
    "s5": [62.15, 89.31, 91.40, 88.00, 95.33, 98.58],
    "s5_ptd": [62.75, 89.41, 91.51, 87.92, 95.54, 98.52],
}
AVERAGES = {"s4": 86.09, "s4d": 84.89, "s4_ptd": 86.58, "s5": 87.46, "s5_ptd": 87.61}


@pytest.fixture(scope="module")
def configured():
    register()
    with initialize_config_dir(str(conf_folder()), version_base="1.3"):
        yield lambda model, task, scale="paper": compose(
            "config", overrides=[f"task=lra/{task}", f"model={model}", f"scale={scale}"]
        )


def rows(table):
    return dict(zip(TASKS, (line.split() for line in table.strip().splitlines()), strict=True))


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize(("model", "table"), [("s5_ptd", S5_PTD), ("s5", S5)])
def test_s5_tables(configured, model, table, task):
    config, row = configured(model, task), rows(table)[task]
    m, o, t = config.model, config.optimizer, config.train
    got = [m.n_layers, m.d_model, m.state_size, m.blocks]
    assert got == [int(x) for x in row[:4]]
    assert m.c_init == C_INIT[row[4]]
    assert m.activation == f"half_glu{row[5]}"
    got = [m.dropout, o.ssm_lr, o.lr / o.ssm_lr, m.dt_min, m.dt_max]
    assert got == pytest.approx([float(row[i]) for i in (6, 7, 8, 10, 11)])
    assert o.b_group == B_GROUP[row[9]]
    assert [t.batch_size, t.epochs, o.warmup_epochs] == [int(x) for x in row[12:15]]
    assert [o.weight_decay, m.batch_norm_decay] == [float(x) for x in row[15:17]]
    assert o.dt_global == (row[17] == "dt_global")
    constraint = row[17] if row[17] in ("clip", "force_neg") else "none"
    assert m.eigenvalue_constraint == constraint
    assert m.b_init == ("hippo" if (model, task) == ("s5_ptd", "image") else "lecun_normal")
    assert m.conj_sym == (model == "s5")
    shared = (m.bidirectional, m.prenorm, m.norm, m.discretisation, m.pooling, t.cut_to_longest)
    assert shared == (True, True, "batch", "zoh", "mean", False)
    assert m.input_width == {"listops": 20, "text": 135}.get(task)


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize(("model", "table"), [("s4_ptd", S4_PTD), ("s4", S4), ("s4d", S4)])
def test_s4_tables(configured, model, table, task):
    config, row = configured(model, task), rows(table)[task]
    m, o, t = config.model, config.optimizer, config.train
    assert [m.n_layers, m.d_model, m.state_size] == [int(row[0]), int(row[1]), 64]
    assert [m.norm, m.prenorm] == [row[2], row[3] == "yes"]
    got = [m.dropout, o.lr, o.ssm_lr, o.dt_lr, m.dt_min, m.dt_max, o.weight_decay]
    assert got == [float(row[i]) for i in (4, 5, 6, 7, 8, 9, 12)]
    got = [t.batch_size, t.epochs, o.warmup_steps, o.total_steps]
    assert got == [int(row[i]) for i in (10, 11, 13, 14)]
    assert m.pooling == row[15]
    assert (m.bidirectional, m.activation, o.schedule) == (True, "glu", "warmup_cosine_steps")


@pytest.mark.parametrize("model", PUBLISHED)
def test_published_figures_and_their_average(configured, model):
    got = [configured(model, task).published for task in TASKS]
    assert got == PUBLISHED[model]
    assert sum(got) / 6 == pytest.approx(AVERAGES[model], abs=0.0051)


def test_e2_is_the_authors_script(configured):
    config = compose("config", overrides=["task=fourier_noise", "scale=paper"])
    m, o, t = config.model, config.optimizer, config.train
    assert (m.n_layers, m.d_model, m.state_size, m.dropout) == (4, 128, 32, 0.1)
    assert not any((m.bidirectional, m.residual, m.feedthrough, m.prenorm, m.conj_sym))
    assert (m.norm, m.trainable, m.pooling) == ("layer", "c_only", "mean")
    assert (o.lr, o.c_lr, o.weight_decay, o.schedule) == (0.01, 0.004, 0.05, "cosine_epochs")
    assert (t.batch_size, t.epochs, config.task.amplitude) == (64, 100, 0.1)
    assert (m.dt_min, m.dt_max) == (0.001, 0.1)
    assert config.task.dataset.normalisation == "colour_s5ptd"


def test_e3_is_the_authors_script(configured):
    config = compose("config", overrides=["task=perturbation_size", "scale=paper"])
    m, o, t = config.model, config.optimizer, config.train
    assert (m.name, m.n_layers, m.d_model, m.state_size) == ("s4_ptd", 6, 512, 32)
    assert not any((m.bidirectional, m.tied_spectrum, m.prenorm))
    assert m.residual
    assert m.feedthrough
    assert (o.lr, o.ssm_lr, o.weight_decay) == (0.01, 0.001, 0.01)
    assert (t.batch_size, t.epochs, m.dropout) == (64, 200, 0.1)
