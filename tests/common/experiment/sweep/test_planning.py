"""What a sweep's jobs are, against composing each of them with Hydra."""

from __future__ import annotations

import random
import subprocess
import sys
import time

import pytest
from hydra import compose, initialize_config_dir
from hydra._internal.core_plugins.basic_sweeper import BasicSweeper
from hydra.core.global_hydra import GlobalHydra
from hydra.core.override_parser.overrides_parser import OverridesParser
from omegaconf import OmegaConf

from common.data.specs import ImageSpec, ListOpsSpec, TextSpec
from common.errors import UserError
from common.experiment.composite import composite_hash, member_overrides
from common.experiment.identity import config_hash, plain
from common.experiment.messages import explain
from common.experiment.paths import conf_folder
from common.experiment.registration import register
from common.experiment.sweep import planning
from common.experiment.sweep.planning import expand, plan
from common.experiment.sweep.preflight import refuse_duplicates
from tests.running import ROOT

LARGE = ["paper=s5_ptd", "task=lra/listops,lra/image", "scale=smoke", "train.epochs=1,2,3,4,5"]


@pytest.fixture
def house():
    """The configuration of the house, as ``run.py`` finds it."""
    register()
    with initialize_config_dir(str(conf_folder()), version_base="1.3"):
        yield


@pytest.fixture
def calls(monkeypatch):
    """How often planning composes and resolves."""
    count = {"compose": 0, "plain": 0}

    def counted(name):
        original = getattr(planning, name)

        def call(*args, **kwargs):
            count[name] += 1
            return original(*args, **kwargs)

        monkeypatch.setattr(planning, name, call)

    counted("compose")
    counted("plain")
    return count


def direct(overrides):
    """The hash of a run that Hydra composes on its own."""
    members = OmegaConf.select(compose("config", overrides=list(overrides)), "task.members")
    if not members:
        return alone(overrides)
    return composite_hash({name: alone(member_overrides(name, overrides)) for name in members})


def alone(overrides):
    return config_hash(plain(compose("config", overrides=list(overrides))))


def mistake(act):
    with pytest.raises(Exception) as caught:  # noqa: PT011 - which one is what is compared
        act()
    return caught.value


def told(error):
    """An error and what led to it, as ``explain`` reads them."""
    links = []
    while error is not None:
        links.append((type(error), str(error)))
        error = error.__cause__
    return links


# --- the product -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["seed=1"],
        ["task=lra/listops,lra/image", "seed=range(0,3)", "scale=smoke"],
        ["seed=range(10,0,-4)", "optimizer.lr=range(0,1,0.25)"],
        ["model=glob(s5*)", "paper=glob(*,exclude=hippo)"],
        ["model=choice(s5,s4)", "seed=sort(3,1,2)", "train.epochs=int(choice(1.0,2.0))"],
        ["variant='a, b',\"c d\"", "published=null,1.5"],
        ["task.members=[lra/text],[lra/image,lra/text]", "optimizer={lr:1},{lr:2}"],
        ["+extra=1,2", "++seed=1,2", "~published", "~task.chance=10.0"],
        ["dataset/image@task.dataset=smoke,laptop"],
        ["seed=1,2", "scale=smoke", "seed=3", "+seed=4"],
        ["optimizer.lr='${model.dropout}'", "variant=a\\,b,c"],
    ],
)
def test_the_jobs_of_a_sweep_are_those_of_hydras_own_sweeper(house, arguments):
    loader = GlobalHydra.instance().config_loader()
    parsed = OverridesParser.create(loader).parse_overrides(arguments)
    (theirs,) = BasicSweeper.split_arguments(parsed, max_batch_size=None)
    assert [list(job) for job in expand(arguments)] == theirs


def test_an_interval_is_refused(house):
    with pytest.raises(UserError, match=r"lr=interval\(0,1\) is an interval.*lr=a,b,c"):
        expand(["seed=1,2", "optimizer.lr=interval(0,1)"])


# --- the house's papers ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "sampled"),
    [
        (
            [
                "paper=s5_ptd",
                "task=lra/listops,layer_equivalence",
                "scale=smoke,laptop",
                "seed=0,1",
                "data.root=data,elsewhere",
                "trainer.devices=1,2",
            ],
            2,
        ),
        pytest.param(
            [
                "paper=s5_ptd",
                "task=lra/image",
                "model=s5_ptd,s5",
                "train.epochs=1,2",
                "table.image.lr=0.5,1",
                "task.dataset.train=32,64",
            ],
            2,
            marks=pytest.mark.slow,
        ),
        pytest.param(
            [
                "paper=s4d",
                "task=lra/text,lra/image",
                "model.n_layers=2,${table.row.n_layers}",
                "table.text.n_layers=3,4",
                "optimizer.lr=1,0.5",
                "optimizer.schedule=a,b",
                "model.dropout=${optimizer.lr}",
            ],
            3,
            marks=pytest.mark.slow,
        ),
        (
            [
                "paper=hippo",
                "task=sequential/mnist",
                "model=s4_legs,s4_fout",
                "scale=smoke",
                "task.dataset.permuted=true,false",
                "model.name=one,two",
                "seed=3,4",
            ],
            2,
        ),
        (["paper=hippo", "task=step_range", "model.dt_min=0.25,0.5", "model.dropout=0,1"], 1),
    ],
    ids=lambda value: "-".join(value[:2]) if isinstance(value, list) else "",
)
def test_hashes_are_those_of_direct_compositions(house, arguments, sampled):
    combinations = expand(arguments)
    jobs = plan(combinations)
    assert [job.index for job in jobs] == list(range(len(combinations)))
    assert [job.overrides for job in jobs] == combinations
    for job in random.Random(0).sample(jobs, sampled):
        assert job.config_hash == direct(job.overrides), job.overrides


def test_a_value_that_another_follows_changes_both(house):
    """The variant is made of the step sizes."""
    steps = plan(expand(["paper=hippo", "task=step_range", "model.dt_min=0.25,0.5"]))
    assert [job.variant.partition("_dt")[2] for job in steps] == ["0.25_to_0.1", "0.5_to_0.1"]


def test_what_a_job_is(house):
    jobs = plan(
        expand(["task=lra/image,lra/listops", "seed=7", "scale=smoke", "trainer.devices=2"])
    )
    assert [(j.paper, j.task, j.variant, j.scale, j.seed, j.devices) for j in jobs] == [
        ("s5_ptd", "lra/image", "s5_ptd", "smoke", 7, 2),
        ("s5_ptd", "lra/listops", "s5_ptd", "smoke", 7, 2),
    ]
    assert [[type(spec) for spec in job.datasets] for job in jobs] == [[ImageSpec], [ListOpsSpec]]
    assert jobs[0].datasets[0].train == 64
    assert {"papers.s5_ptd.tasks.classify", "common.data.cifar10"} <= set(jobs[0].roots)
    assert "common.data.cifar10" not in jobs[1].roots
    (without,) = plan([("task=layer_equivalence",)])
    assert without.datasets == ()


def test_a_composite_is_what_its_members_are(house, calls):
    arguments = ["task=lra", "scale=smoke", "task.members=[lra/text,lra/image]", "resume=null,x",
                 "seed=0,1", "model.dropout=0.5"]  # fmt: skip
    jobs = plan(expand(arguments))
    assert calls["compose"] == 3
    assert len({job.config_hash for job in jobs}) == 2  # where it goes on is not what it is
    assert jobs[1].config_hash == direct(jobs[1].overrides)
    assert {(j.task, j.variant, j.seed) for j in jobs} == {
        ("lra", "s5_ptd", 0),
        ("lra", "s5_ptd", 1),
    }
    assert {"common.data.text", "common.data.cifar10"} <= set(jobs[0].roots)
    assert [type(spec) for spec in jobs[0].datasets] == [TextSpec, ImageSpec]


def test_a_composite_beside_its_own_member_is_refused(house):
    whole = ("task=lra", "scale=smoke", "task.members=[lra/text,lra/image]")
    image = ("task=lra/image", "scale=smoke")
    with pytest.raises(UserError, match=r"also a part of another(.|\n)*task=lra/image"):
        refuse_duplicates(plan([whole, image]))
    refuse_duplicates(plan([whole, (*image, "seed=1")]))


def test_equal_jobs_have_equal_hashes(house):
    jobs = plan([
        ("task=lra/image", "scale=smoke", "seed=1", "train.epochs=2"),
        ("train.epochs=2", "seed=1", "task=lra/image", "scale=smoke"),
        ("task=lra/image", "scale=smoke", "seed=0", "train.epochs=2", "seed=1"),
        ("task=lra/image", "scale=smoke", "train.epochs=2"),
    ])  # fmt: skip
    hashes = [job.config_hash for job in jobs]
    assert hashes[0] == hashes[1] == hashes[2] != hashes[3]


@pytest.mark.parametrize("wrong", ["seed=abc", "train.epoch=3", "model=no_such"])
def test_a_mistake_is_told_as_a_direct_composition_tells_it(house, wrong):
    good = ("task=lra/image", "scale=smoke")
    planned = mistake(lambda: plan([good, (*good, "seed=2"), (*good, wrong)]))
    alone = mistake(lambda: direct((*good, wrong)))
    assert told(planned) == told(alone)


def test_a_mistake_in_a_composites_members(house):
    common = ("task=lra", "scale=smoke", "task.members=[lra/text]")
    overrides = (*common, "train.epochs=abc")
    planned = mistake(lambda: plan([(*common, "train.epochs=1"), overrides]))
    assert "could not be converted" in explain(planned, list(overrides))
    assert told(planned) == told(mistake(lambda: direct(overrides)))


def test_many_jobs_share_compositions(house, calls):
    jobs = plan(expand([*LARGE, "seed=range(0,30)"]))
    assert calls == {"compose": 2, "plain": 2}
    assert len({job.config_hash for job in jobs}) == len(jobs) == 300
    assert len({id(job.datasets) for job in jobs}) == len({id(job.roots) for job in jobs}) == 2


def test_what_is_referred_to_is_resolved_for_each_value(house, calls):
    ratios = "model.perturbation_ratio=0.1,0.2,0.3"
    jobs = plan(expand(["task=perturbation_size", ratios, "seed=0,1,2"]))
    assert calls == {"compose": 1, "plain": 3}
    assert jobs[-1].config_hash == direct(jobs[-1].overrides)


@pytest.mark.slow
def test_ten_thousand_jobs(house):
    begin = time.process_time()
    jobs = plan(expand([*LARGE, "seed=range(0,1000)"]))
    assert time.process_time() - begin < 30
    assert len({job.config_hash for job in jobs}) == len(jobs) == 10_000
    for job in random.Random(1).sample(jobs, 3):
        assert job.config_hash == direct(job.overrides)


def test_planning_does_without_torch():
    code = f"""
import sys
from hydra import initialize_config_dir
from common.experiment.registration import register
from common.experiment.paths import conf_folder
from common.experiment.sweep.planning import expand, plan
register()
with initialize_config_dir(str(conf_folder()), version_base="1.3"):
    print(len(plan(expand({LARGE[:3]}))), "torch" in sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert done.stdout.split() == ["2", "False"], done.stderr


# --- a small configuration in which everything hangs together ------------------------------------

SMALL = {
    "config.yaml": """
defaults: [_self_, size: small]
paper: {id: p}
task: {name: t, members: [], dataset: null, chance: 0.5}
scale: {name: smoke}
trainer: {devices: 1, nodes: 1}
entry: papers.p.run
variant: ${model.name}_${table.${side}.lr}
seed: 0
side: left
size: {a: 0}
epochs: 1
copied: ${epochs}
model: {name: m, width: 1, depth: "${model.width}", free: 0.5, also: seed}
row: ${table.right}
chosen: ${oc.select:"table.${side}.decay",none}
table:
  left: {lr: 1, decay: 2, unread: 3}
  right: {lr: 4, decay: 5, unread: 6}
sizes: [1, 2]
""",
    "size/small.yaml": "# @package _global_\nfrom_option: 1\n",
    "size/large.yaml": "# @package _global_\nfrom_option: ${seed}\nmodel: {width: 9}\n",
}
POOL = [
    *("seed=1", "seed=2", "seed=1.5", "++seed=3", "seed=${epochs}", "epochs=2", "epochs=null"),
    *("epochs=text", "model.width=2", "model.free=1", "model.free=1.0", "model.free=true"),
    *("model.also=''", "model.also='null'", "model.also=${.free}", "model.also=???"),
    *("model.depth=7", "model.name=n", "model={free:3}", "model={name:n}", "model=null"),
    *("table.left.lr=8", "table.right.lr=8", "table.left.unread=8", "row.lr=9", "row.decay=9"),
    *("row=${table.left}", "sizes=[3]", "sizes=[${seed}]", "sizes.0=5", "sizes=1"),
    *("size=large", "size=small", "size={a:1}", "side=right", "+new=1", "new=2"),
    *("++model.new=1", "model.new=4", "~model.free", "~model.free=1", "~copied=2", "copied=3"),
    *("copied=${oc.decode:\"'${seed}'\"}", "copied=${oc.create:{a:${seed}}}", "trainer.devices=2"),
    *("copied=${planned_twice:model.free}", "copied=${oc.dict.values:model}", "task.chance=1"),
    *("copied='\\${seed}'", "copied=${oc.env:NO_SUCH_VARIABLE,${seed}}", "task.dataset={a:1}"),
    *("copied='${${model.also}}'", "model.also=seed", "hydra.job.name=other", "variant=v"),
    *("no.key=1", "seed=1,2", "+new=${model.free}"),
]  # fmt: skip


@pytest.fixture
def small(tmp_path):
    for name, text in SMALL.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)

    def twice(key, *, _root_):
        """A resolver that reads by a name of its own making."""
        return 2 * OmegaConf.select(_root_, key)

    OmegaConf.register_new_resolver("planned_twice", twice)
    with initialize_config_dir(str(tmp_path), version_base="1.3"):
        assert plain(compose("config"))["chosen"] == 2
        yield
    OmegaConf.clear_resolver("planned_twice")


def outcome(act):
    """What comes out of it, or how it is refused."""
    try:
        return act()
    except Exception as error:
        return told(error)


def together(combinations):
    return [job.config_hash for job in plan(combinations)]


@pytest.mark.parametrize(
    "wrong",
    [
        "no.key=1",
        "size=huge",
        "epochs=${nothing}",
        "row.lr=1",
        "+seed=1",
        "~seed=5",
        "seed=1,2",
        "seed",
    ],
)
def test_a_mistake_beside_good_jobs(small, wrong):
    good = ("side=right",)
    planned = mistake(lambda: plan([good, (*good, "seed=2"), (*good, wrong)]))
    assert told(planned) == told(mistake(lambda: direct((*good, wrong))))


def test_whatever_follows_a_swept_value(small):
    """Each sweep's last job, which comes after one that it might share too much with."""
    swept = [
        ["variant=${seed}", "seed=1,2"],
        ["copied='${model.${model.name}}'", "model.name=free", "model.free=1,2"],
        ["copied=${oc.select:model.free}", "model.free=1,2"],
        ["copied=${planned_twice:model.free}", "model.free=1,2"],
        ["copied='${${model.also}}'", "seed=1,2"],
        ["copied='${${model.also}}'", "model.also=seed,epochs"],
        ["model.depth=${.free}", "model.free=1,2"],
        ["copied='${oc.env:NO_SUCH_VARIABLE,${seed}}'", "seed=1,2"],
        ["copied={a:${seed}}", "seed=1,2"],
        ["copied=${model[free]}", "model.free=1,2"],
        ["copied=${row.decay}", "table.right.decay=1,2"],
        ["row=${table.left}", "table.left.unread=1,2"],
        ["size=large", "seed=1,2"],
        ["table.left.lr=8,9"],
        ["side=left,right"],
        ["model={free:1},{width:2}"],
        ["model.free=1,2", "model={free:3}"],
        ["seed=1,2", "++seed=4"],
        ["++seed=4", "seed=1,2"],
        ["table.left.unread=1,2"],
        *([f"model.free=2,{value}"] for value in ("1", "true", "'1'")),
        ["epochs=2", "~copied=2", "seed=3,4"],
    ]
    sweeps = [expand(arguments) for arguments in swept]
    jobs = [job for sweep in sweeps for job in sweep]
    found = dict(zip(jobs, together(jobs), strict=True))
    lasts = [sweep[-1] for sweep in sweeps]
    assert {job: found[job] for job in lasts} == {job: direct(job) for job in lasts}


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(20))
def test_any_overrides_whatever_they_refer_to(small, seed):
    """Jobs drawn at random and planned together are what each is alone."""
    draw = random.Random(seed)
    common = draw.sample(POOL, 1)
    alone = {}
    for _ in range(8):
        job = (*common, *draw.sample(POOL, draw.randint(0, 2)))
        alone[job] = outcome(lambda job=job: direct(job))
    good = [job for job, found in alone.items() if isinstance(found, str)]
    assert together(good) == [alone[job] for job in good]
    for wrong in [job for job in alone if job not in good][:3]:
        assert outcome(lambda job=wrong: plan([*good[:1], job])) == alone[wrong]
