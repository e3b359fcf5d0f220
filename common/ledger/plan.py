"""The runs that a paper's claims call for, composed as ``run.py`` would compose them now.

Composing takes a third of a second a run; what came of it is kept (``kept_plans``) and holds as
long as no configuration file or schema that the paper uses has changed, nor a claim.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from common.errors import UserError
from common.experiment.paths import conf_folder
from common.ledger.claims import Check, Claim, RunSpec, parse
from common.ledger.kept_plans import KeptPlan
from common.ledger.planned_run import PlannedRun
from common.ledger.relations import split
from common.ledger.runs import Key
from common.ledger.yaml_source import load

if TYPE_CHECKING:
    from omegaconf import DictConfig

    Compose = Callable[[list[str], str], DictConfig]


@dataclass(frozen=True)
class Plan:
    """A paper's claims with their runs.

    Attributes:
        paper: its id.
        title: its title.
        claims: in the order of the file.
        runs: claim id and scale -> the runs of that check.
    """

    paper: str
    title: str
    claims: tuple[Claim, ...]
    runs: dict[tuple[str, str], tuple[PlannedRun, ...]]

    def checks(self, scale: str) -> Iterator[tuple[Claim, Check, tuple[PlannedRun, ...]]]:
        """The claims that are tested at a scale."""
        for claim in self.claims:
            if scale in claim.checks:
                yield claim, claim.checks[scale], self.runs[claim.id, scale]

    def claim(self, name: str) -> Claim:
        """The claim of this id.

        Raises:
            UserError: there is none; says which there are.
        """
        for claim in self.claims:
            if claim.id == name:
                return claim
        allowed = ", ".join(claim.id for claim in self.claims)
        raise UserError(f"{self.paper} has no claim {name!r}; allowed: {allowed}.")

    @cached_property
    def expected(self) -> dict[Key, str]:
        """Row -> the hash of the configuration that it must have been measured with."""
        return {run.key: run.config_hash for runs in self.runs.values() for run in runs}

    def unique_runs(self, scale: str, claims: list[str] | None = None) -> list[PlannedRun]:
        """Runs of a scale, each once, however many claims read it.

        Raises:
            UserError: an id in ``claims`` is not one of this paper's claims at that scale.
        """
        known = [claim.id for claim, _, _ in self.checks(scale)]
        for claim in claims or []:
            if claim not in known:
                raise UserError(
                    f"{self.paper} has no claim {claim!r} at scale {scale}; "
                    f"allowed: {', '.join(known) or 'none'}."
                )
        wanted = claims or known
        runs = [r for claim, _, rs in self.checks(scale) if claim.id in wanted for r in rs]
        return list({run.config_hash: run for run in runs}.values())


def plan(paper: str, path: Path, kept: KeptPlan | None = None) -> Plan:
    """Read the claims in ``path`` and compose their runs.

    Args:
        kept: where to look for what was composed before, and to keep it.

    Raises:
        UserError: a run does not compose, two different runs would fill the same row, or a relation
            reads a metric of a run that its check does not list.
    """
    claims = tuple(parse(load(path)))
    found = kept.read() if kept else None
    if found is None:
        found = _composed(paper, path, claims)
        if kept:
            kept.write(*found)
    title, runs = found
    return Plan(paper, title, claims, runs)


_Runs = dict[tuple[str, str], tuple[PlannedRun, ...]]


def _composed(paper: str, path: Path, claims: tuple[Claim, ...]) -> tuple[str, _Runs]:
    with composer() as compose:
        title = str(compose([f"paper={paper}"], str(path)).paper.title)
        cache: dict[tuple[str, str], tuple[PlannedRun, ...]] = {}
        runs: _Runs = {}
        for claim in claims:
            for scale, check in claim.checks.items():
                where = f"{path}, claim {claim.id}, scale {scale}"
                found: list[PlannedRun] = []
                for spec in check.specs:
                    name = (scale, spec.model_dump_json())
                    if name not in cache:
                        cache[name] = planned(compose, paper, scale, spec, where)
                    found += cache[name]
                # A run that two specifications list is one piece of evidence.
                once = {(run.key, run.config_hash): run for run in found}
                runs[claim.id, scale] = tuple(once.values())
                _check_metrics(check, runs[claim.id, scale], where)
    _check_rows(runs, path)
    return title, runs


class _CannotCompose(Exception):
    """Hydra refused these overrides."""

    def __init__(self, error: Exception, overrides: list[str], where: str):
        super().__init__(where)
        self.error, self.overrides, self.where = error, overrides, where


@contextmanager
def composer() -> Iterator[Compose]:
    """Hydra's ``compose``, with its errors in the user's terms."""
    from hydra import compose, initialize_config_dir

    from common.experiment.messages import explain
    from common.experiment.registration import register

    def composed(overrides: list[str], where: str) -> DictConfig:
        try:
            return compose("config", overrides=overrides)
        except Exception as error:
            raise _CannotCompose(error, overrides, where) from error

    register()
    try:
        with initialize_config_dir(str(conf_folder()), version_base="1.3"):
            yield composed
    except _CannotCompose as refused:
        # Only now: to suggest a name, explain() starts Hydra itself, and there can be only one.
        error = refused.error
        message = explain(error, refused.overrides) or f"{type(error).__name__}: {error}"
        command = " ".join(refused.overrides)
        raise UserError(f"{refused.where}: {command}: {message}") from error


def planned(
    compose: Compose, paper: str, scale: str, spec: RunSpec, where: str
) -> tuple[PlannedRun, ...]:
    """The runs of a specification, one a seed.

    Raises:
        UserError: the task is a composite.
    """
    from common.experiment import sources
    from common.experiment.identity import config_hash, plain

    overrides = [f"paper={paper}", f"task={spec.task}", f"scale={scale}", *spec.overrides]
    config = compose(overrides, where)
    if config.task.members:
        raise UserError(
            f"{where}: task {spec.task} only runs others; name them instead: "
            f"{', '.join(config.task.members)}."
        )
    runs = []
    variant, roots = str(config.variant), tuple(sorted(sources.roots(config)))
    for seed in spec.seeds:
        config.seed = seed  # composing anew for each seed would take ten times as long
        digest = config_hash(plain(config))
        runs.append(
            PlannedRun(paper, spec.task, variant, scale, seed, spec.overrides, digest, roots)
        )
    return tuple(runs)


def _check_metrics(check: Check, runs: tuple[PlannedRun, ...], where: str) -> None:
    seeds: dict[tuple[str, str], list[int]] = {}
    for run in runs:
        seeds.setdefault((run.task, run.variant), []).append(run.seed)
    for metric in check.metrics():
        if split(metric)[:2] not in seeds:
            raise UserError(
                f"{where}: {metric!r} is of a run that the check does not list; "
                f"listed: {', '.join('/'.join(pair) for pair in seeds)}."
            )
    for leaf in [*check.rule.leaves(), *check.shown.values()]:
        of_leaf = {tuple(seeds[split(m)[:2]]) for m in leaf.metrics()}
        if leaf.pairs_seeds and len(of_leaf) > 1:
            raise UserError(
                f"{where}: {leaf.name} pairs seed with seed; its runs need the same seeds, not "
                f"{' and '.join(str(list(s)) for s in sorted(of_leaf))}."
            )


def _check_rows(runs: dict[tuple[str, str], tuple[PlannedRun, ...]], path: Path) -> None:
    seen: dict[Key, str] = {}
    for (claim, scale), of_check in runs.items():
        for run in of_check:
            if seen.setdefault(run.key, run.config_hash) != run.config_hash:
                raise UserError(
                    f"{path}, claim {claim}, scale {scale}: another run of task {run.task} has the "
                    f"same variant {run.variant!r} and seed {run.seed} but other settings; give "
                    "one of them an override variant=<name>."
                )
