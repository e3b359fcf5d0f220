"""Claims against rows: the verdict of each check, with the evidence for it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from common.ledger.claims import Check, Claim
from common.ledger.freshness import Present
from common.ledger.intervals import of_mean
from common.ledger.plan import Plan
from common.ledger.planned_run import PlannedRun
from common.ledger.record_index import Attempt
from common.ledger.relations import Finding, Lookup, Samples, figure_of, split, unique
from common.ledger.runs import Key, RunRow
from common.ledger.verdicts import NOT_RUN, STALE, UNRESOLVED, all_of

Unfinished = Mapping[str, Attempt]

# How far budgets may differ that are said to be equal: rounding of widths, noise of clocks.
TOLERANCE = {"parameters": 0.02, "steps": 0.02, "seconds": 0.1}


@dataclass(frozen=True)
class Evidence:
    """Where a verdict's figures come from.

    Attributes:
        rows: the runs they were read from.
        commits: that these ran, ``+`` marking a tree with other changes.
        paper_data: ``yes`` if all data are the paper's own, ``no`` if some are not, ``-`` if the
            runs need none.
        seconds: that the runs took, one after the other.
        hardware: that they had.
    """

    rows: tuple[RunRow, ...] = ()

    @property
    def commits(self) -> tuple[str, ...]:
        return tuple(
            unique((r.commit or "unknown") + ("+" if r.dirty == "yes" else "") for r in self.rows)
        )

    @property
    def paper_data(self) -> str:
        known = {row.paper_data for row in self.rows if row.paper_data}
        return "-" if not known else "yes" if known == {"yes"} else "no"

    @property
    def seconds(self) -> float:
        return sum(row.seconds for row in self.rows)

    @property
    def hardware(self) -> tuple[str, ...]:
        return tuple(
            unique(f"{r.hardware}, {r.threads} thread{'s'[: r.threads != 1]}" for r in self.rows)
        )


@dataclass(frozen=True)
class Result:
    """A claim at one scale.

    Attributes:
        verdict: of the whole.
        finding: of the relation.
        report: figures shown beside it.
        runs: that the check calls for, and
        missing: what is lacking, a line for each kind of run.
        changed: what has changed since the runs, where the verdict is ``stale``.
        evidence: the runs behind the figures.
    """

    claim: Claim
    check: Check
    scale: str
    verdict: str
    finding: Finding
    report: tuple[Finding, ...]
    runs: tuple[PlannedRun, ...]
    missing: tuple[str, ...]
    changed: tuple[str, ...] = ()
    evidence: Evidence = Evidence()


def evaluate(
    plan: Plan,
    rows: Iterable[RunRow],
    scale: str,
    unfinished: Unfinished,
    present: Present,
) -> list[Result]:
    """Every claim tested at ``scale``.

    Args:
        rows: what was measured.
        unfinished: config hash -> an attempt that did not end well, to say why a run is missing.
        present: code and data of this checkout.
    """
    table = {row.key: row for row in rows}
    changes = {
        run.key: present.changes(table[run.key], run.config_hash)
        for _, _, runs in plan.checks(scale)
        for run in runs
        if run.key in table
    }
    return [
        _result(claim, check, scale, runs, table, changes, unfinished)
        for claim, check, runs in plan.checks(scale)
    ]


def _result(
    claim: Claim,
    check: Check,
    scale: str,
    runs: tuple[PlannedRun, ...],
    table: Mapping[Key, RunRow],
    changes: Mapping[Key, list[str]],
    unfinished: Unfinished,
) -> Result:
    rows = tuple(table[run.key] for run in runs if run.key in table)
    unequal = _unequal_budgets(check, rows)
    lookup = _lookup(runs, table, changes, unequal)
    finding = check.rule.evaluate(lookup)
    absent = [run for run in runs if run.key not in table]
    changed = unique(c for run in runs for c in changes.get(run.key, []))
    open_ = {NOT_RUN: absent, STALE: changed, UNRESOLVED: unequal}
    verdict = all_of([finding.verdict, *(word for word, reasons in open_.items() if reasons)])
    missing = [*_missing_runs(absent, unfinished)]
    if not absent:
        missing = unique([*missing, *finding.missing, *(s for of in unequal.values() for s in of)])
    if check.needs and absent:
        missing.insert(0, f"needs {check.needs}")
    report = tuple(_report(check, lookup))
    return Result(
        claim,
        check,
        scale,
        verdict,
        finding,
        report,
        runs,
        tuple(missing),
        tuple(changed),
        Evidence(rows),
    )


def _lookup(
    runs: tuple[PlannedRun, ...],
    table: Mapping[Key, RunRow],
    changes: Mapping[Key, list[str]],
    unequal: Mapping[str, tuple[str, ...]],
) -> Lookup:
    """The values of a metric in the runs of one check, in the order of their seeds."""
    groups: dict[tuple[str, str], list[PlannedRun]] = {}
    for run in sorted(runs, key=lambda r: r.seed):
        groups.setdefault((run.task, run.variant), []).append(run)

    def lookup(metric: str) -> Samples:
        task, variant, name = split(metric)
        values, missing, stale = [], [], False
        for run in groups.get((task, variant), []):
            row = table.get(run.key)
            if row is None:
                missing.append(f"{task} {variant} seed {run.seed}")
            elif name not in row.metrics:
                missing.append(f"{task} {variant} seed {run.seed} records no {name}")
            else:
                values.append(row.metrics[name])
                stale = stale or bool(changes.get(run.key))
        return Samples(tuple(values), tuple(missing), stale, unequal.get(task, ()))

    return lookup


def _unequal_budgets(check: Check, rows: Sequence[RunRow]) -> dict[str, tuple[str, ...]]:
    """Task -> what its variants were to have in equal measure and have not, or do not record.

    All variants of a task that the relation reads are held against each other, whether one leaf of
    it compares them or each has a threshold of its own.
    """
    read = {split(metric)[:2] for metric in check.rule.metrics()}
    found: dict[str, tuple[str, ...]] = {}
    for task in unique(row.task for row in rows):
        of_task = [row for row in rows if row.task == task and (task, row.variant) in read]
        variants = unique(row.variant for row in of_task)
        if len(variants) < 2:
            continue
        for quantity in check.equal:
            means = {v: _budget(of_task, v, quantity) for v in variants}
            if None in means.values():
                silent = ", ".join(v for v, mean in means.items() if mean is None)
                text = f"{quantity} are said to be equal in {task}, but {silent} records none"
            elif max(means.values()) > min(means.values()) * (1 + TOLERANCE[quantity]):
                listed = ", ".join(f"{v} {mean:g}" for v, mean in means.items())
                text = f"{quantity} are said to be equal in {task}, but are: {listed}"
            else:
                continue
            found[task] = (*found.get(task, ()), text)
    return found


def _budget(rows: Sequence[RunRow], variant: str, quantity: str) -> float | None:
    """Mean over the runs of a variant; None if one does not record it."""
    of_variant = [row for row in rows if row.variant == variant]
    if quantity == "seconds":
        values = [row.seconds for row in of_variant]
    elif all(quantity in row.metrics for row in of_variant):
        values = [row.metrics[quantity] for row in of_variant]
    else:
        return None
    return sum(values) / len(values)


def _report(check: Check, lookup: Lookup) -> Iterator[Finding]:
    """Means, and what is formed of them; without a bound, so without a verdict."""
    for name, of in check.report.items():
        if isinstance(of, str):
            yield _figure(name, lookup(of))
        else:
            found = check.shown[name].evaluate(lookup)
            yield found if found.verdict == NOT_RUN else replace(found, verdict="")


def _figure(name: str, samples: Samples) -> Finding:
    if samples.missing or not samples.values:
        return Finding(name, NOT_RUN, missing=samples.missing)
    interval = of_mean(samples.values)
    return Finding(
        name, "", figure_of(interval), seeds=str(len(samples.values)), value=interval.mean
    )


def _missing_runs(absent: list[PlannedRun], unfinished: Unfinished) -> list[str]:
    seeds: dict[tuple[str, str], list[int]] = {}
    reasons: dict[tuple[str, str], str] = {}
    for run in absent:
        group = (run.task, run.variant)
        seeds.setdefault(group, []).append(run.seed)
        if run.config_hash in unfinished:
            attempt = unfinished[run.config_hash]
            reason = f": {attempt.reason}" if attempt.reason else ""
            reasons[group] = f" (last attempt {attempt.status}{reason})"
    return [
        f"{task} {variant}, seed{'s' if len(s) > 1 else ''} {', '.join(map(str, s))}"
        f"{reasons.get((task, variant), '')}"
        for (task, variant), s in seeds.items()
    ]
