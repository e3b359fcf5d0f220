"""Jobs handed to a cluster that refuses them."""

from __future__ import annotations

from pathlib import Path

import pytest

from common.errors import UserError
from common.experiment.sweep import profiles, store
from common.experiment.sweep import start as sweep_start
from common.experiment.sweep.commands import main
from common.experiment.sweep.states import States
from common.experiment.sweep.store import Note, Sweep
from tests.made import a_run, job

pytest.importorskip("submitit", reason="needs the extra cluster")


@pytest.fixture
def failed(tmp_path, monkeypatch, scheduler) -> Sweep:
    """One job that has failed."""
    monkeypatch.chdir(tmp_path)
    profile = profiles.SlurmProfile(prepare="no", detach=True)
    folder = a_run(tmp_path, job(), "000000", "failed", reason="planted")
    made = Sweep(store.new_folder(tmp_path, [job()]), (job(),), "run.py", profile, tmp_path)
    made.write()
    made.keep(0, Note(folder=str(folder), attempts=[{"started": "then"}]))
    scheduler.says(scontrol="MaxArraySize = 1001")
    return made


def stands(sweep: Sweep) -> tuple[str, str]:
    (state,) = States(sweep).look()
    return state.state, state.cause


@pytest.mark.parametrize(
    ("command", "text", "said"),
    [
        ("sbatch", "sbatch: error: invalid partition specified: gpu", "took no job: .*partition"),
        ("scontrol", "Unable to contact slurm controller", "Nothing was queued"),
    ],
)
def test_what_is_refused_leaves_the_job_as_it_was(failed, scheduler, command, text, said):
    scheduler.fails(**{command: text})
    with pytest.raises(UserError, match=said):
        main(["--output-root", str(failed.root), "retry"])
    assert stands(failed) == ("failed", "planted")
    assert failed.submissions() == []


@pytest.mark.parametrize("lacking", ["sbatch", "srun"])
def test_without_slurm_nothing_changes(failed, monkeypatch, scheduler, lacking):
    scheduler.lacks(lacking)
    with pytest.raises(UserError, match=f"no {lacking} here"):
        main(["--output-root", str(failed.root), "retry"])
    assert stands(failed) == ("failed", "planted")


def test_variables_of_an_outer_job_are_not_handed_on(failed, scheduler, monkeypatch, capsys):
    monkeypatch.setenv("SLURM_JOB_ID", "3")
    monkeypatch.setenv("SLURM_ARRAY_JOB_ID", "3")
    monkeypatch.setenv("SLURM_CONF", "/etc/slurm.conf")
    scheduler.says(sbatch="Submitted batch job 7")
    assert main(["--output-root", str(failed.root), "retry"]) == 0
    seen = [line for line in scheduler.environment("sbatch").splitlines() if "SLURM_" in line]
    assert seen == ["SLURM_CONF=/etc/slurm.conf"]
    assert [s.slurm for s in failed.submissions()] == ["7"]


def test_a_sweep_that_is_cancelled_while_it_is_queued_queues_no_more(failed, scheduler, capsys):
    scheduler.says(sbatch="Submitted batch job 7")
    from common.experiment.sweep.submit import submit

    failed.cancelled.touch()
    assert submit(failed, [0], prepare=False) == []
    assert scheduler.calls("sbatch") == []


def test_cancel_finds_jobs_whose_number_nobody_wrote_down(failed, scheduler):
    assert main(["--output-root", str(failed.root), "cancel"]) == 0
    (call,) = scheduler.calls("scancel")
    assert call.endswith(f"--name {failed.slurm_name}")


def test_options_of_sbatch_that_sweeps_need_are_not_taken():
    with pytest.raises(UserError, match="job-name is what the sweep itself sets"):
        profiles.SlurmProfile(sbatch={"job-name": "mine"})


def test_the_command_is_kept_as_it_was_typed(monkeypatch):
    monkeypatch.setattr("sys.argv", ["/there/common/ledger/__main__.py", "run", "hippo"])
    assert sweep_start._command() == "python -m common.ledger run hippo"
    monkeypatch.setattr("sys.argv", [str(Path("there") / "run.py"), "-m", "seed=0,1"])
    assert sweep_start._command() == "run.py -m seed=0,1"
