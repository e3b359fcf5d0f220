"""Claims against rows: the verdict of each check."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from common.experiment.record import Record
from common.ledger.claims import Check, Claim
from common.ledger.intervals import of_mean
from common.ledger.plan import Key, Plan, PlannedRun
from common.ledger.relation_syntax import split
from common.ledger.relations import Finding, Lookup, Samples, figure, shown
from common.ledger.rows import RunRow
from common.ledger.verdicts import NOT_RUN, STALE, VERDICTS, all_of

Unfinished = Mapping[str, tuple[Path, Record]]


@dataclass(frozen=True)
class Result:
    """A claim at one scale.

    Attributes:
        verdict: of the whole.
        finding: of the relation.
        report: figures shown beside it.
        runs: how many the check calls for, and
        missing: what is lacking, a line for each kind of run.
    """

    claim: Claim
    check: Check
    scale: str
    verdict: str
    finding: Finding
    report: tuple[Finding, ...]
    runs: int
    missing: tuple[str, ...]


def evaluate(
    plan: Plan, rows: Iterable[RunRow], scale: str, unfinished: Unfinished
) -> list[Result]:
    """Every claim tested at ``scale``.

    Args:
        rows: what was measured.
        unfinished: config hash -> an attempt that did not end well, to say why a run is missing.
    """
    table = {row.key: row for row in rows}
    return [
        _result(claim, check, scale, runs, table, unfinished)
        for claim, check, runs in plan.checks(scale)
    ]


def tally(results: Iterable[Result]) -> dict[str, int]:
    """How many claims have each verdict."""
    counts = Counter(result.verdict for result in results)
    return {verdict: counts[verdict] for verdict in VERDICTS}


def _result(
    claim: Claim,
    check: Check,
    scale: str,
    runs: tuple[PlannedRun, ...],
    table: Mapping[Key, RunRow],
    unfinished: Unfinished,
) -> Result:
    lookup = _lookup(runs, table)
    finding = check.relation.evaluate(lookup)
    absent = [run for run in runs if run.key not in table]
    stale = any(table[r.key].config_hash != r.config_hash for r in runs if r.key in table)
    verdict = all_of([finding.verdict, *([NOT_RUN] if absent else []), *([STALE] if stale else [])])
    missing = [*_missing_runs(absent, unfinished)]
    if not absent:
        missing += finding.missing
    if check.needs and absent:
        missing.insert(0, f"needs {check.needs}")
    report = tuple(_figure(name, lookup(metric)) for name, metric in check.report.items())
    return Result(claim, check, scale, verdict, finding, report, len(runs), tuple(missing))


def _lookup(runs: tuple[PlannedRun, ...], table: Mapping[Key, RunRow]) -> Lookup:
    """The values of a metric in the runs of one check."""

    def lookup(metric: str) -> Samples:
        task, variant, name = split(metric)
        values, missing, stale = [], [], False
        for run in runs:
            if (run.task, run.variant) != (task, variant):
                continue
            row = table.get(run.key)
            if row is None:
                missing.append(f"{task} {variant} seed {run.seed}")
            elif name not in row.metrics:
                missing.append(f"{task} {variant} seed {run.seed} records no {name}")
            else:
                values.append(row.metrics[name])
                stale = stale or row.config_hash != run.config_hash
        return Samples(tuple(values), tuple(missing), stale)

    return lookup


def _figure(name: str, samples: Samples) -> Finding:
    if samples.missing or not samples.values:
        return Finding(name, NOT_RUN, missing=samples.missing)
    interval = of_mean(samples.values)
    spread = len(set(samples.values)) > 1
    measured = shown(interval) if spread else figure(interval.mean)
    return Finding(name, "", measured, seeds=str(len(samples.values)), value=interval.mean)


def _missing_runs(absent: list[PlannedRun], unfinished: Unfinished) -> list[str]:
    seeds: dict[tuple[str, str], list[int]] = {}
    reasons: dict[tuple[str, str], str] = {}
    for run in absent:
        group = (run.task, run.variant)
        seeds.setdefault(group, []).append(run.seed)
        if run.config_hash in unfinished:
            _, attempt = unfinished[run.config_hash]
            reason = f": {attempt.reason}" if attempt.reason else ""
            reasons[group] = f" (last attempt {attempt.status}{reason})"
    return [
        f"{task} {variant}, seed{'s' if len(s) > 1 else ''} {', '.join(map(str, s))}"
        f"{reasons.get((task, variant), '')}"
        for (task, variant), s in seeds.items()
    ]
