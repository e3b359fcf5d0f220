"""``papers/<id>/claims.yaml``: what a paper says, and what is run and compared to find out.

    claims:
      - id: P6
        kind: claim                     claim | correction | theory
        statement: S4-PTD withstands ...      in our own words
        source: abstract, Figure 3            section, table, theorem
        reported: {value: 87.61, unit: "%"}   the paper's figure, a number or a text
        note: why it fails, what to know
        checks:
          laptop:                       a scale
            runs:
              - {task: fourier_noise, overrides: [model=s4_ptd], seeds: [0, 1, 2]}
            relation: {metric: fourier_noise/s4_ptd/accuracy, at_least: 38}
            report: {noise at 400: fourier_noise/s4_ptd/accuracy_noise_400}   shown, not judged
            cost_minutes: 12            on two CPU cores
            long: false                 more than one would wait for
            needs: GPUs                 what an ordinary machine lacks

A run may carry ``for_each: {ratio: [0.1, 0.5]}``, as a relation may (``relation_syntax``). A check
without a relation can be run, not judged: the bound is not fixed.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from common.errors import UserError
from common.ledger.relation_syntax import combinations, expanded, parse
from common.ledger.relations import Relation, Undecided

CLAIM, CORRECTION, THEORY = "claim", "correction", "theory"
KINDS = (CLAIM, CORRECTION, THEORY)

# What the check itself decides, or what would make a run another one than the ledger looks for.
_RESERVED = ("paper", "task", "scale", "seed", "resume", "output_root")


@dataclass(frozen=True)
class RunSpec:
    """Runs that differ in their seed only.

    Attributes:
        task: as on the command line.
        overrides: further arguments of ``run.py``.
        seeds: one run each.
    """

    task: str
    overrides: tuple[str, ...]
    seeds: tuple[int, ...]


@dataclass(frozen=True)
class Check:
    """How a claim is tested at one scale.

    Attributes:
        runs: what has to be run.
        relation: what must then hold.
        report: name -> metric to show beside it.
        cost_minutes: of the runs, on two CPU cores; None if unknown.
        long: the cost is more than one would wait for.
        needs: what an ordinary machine lacks, empty if nothing.
    """

    runs: tuple[RunSpec, ...]
    relation: Relation
    report: dict[str, str] = field(default_factory=dict)
    cost_minutes: float | None = None
    long: bool = False
    needs: str = ""

    def metrics(self) -> list[str]:
        """Every metric that is read."""
        return list(dict.fromkeys([*self.relation.metrics(), *self.report.values()]))


@dataclass(frozen=True)
class Reported:
    """The paper's own figure."""

    value: float | str
    unit: str = ""

    def __str__(self) -> str:
        text = self.value if isinstance(self.value, str) else f"{self.value:g}"
        return f"{text} {self.unit}".strip()


@dataclass(frozen=True)
class Claim:
    """One row of the ledger; ``checks`` by scale."""

    id: str
    kind: str
    statement: str
    source: str
    reported: Reported
    checks: dict[str, Check]
    note: str = ""


def read(path: Path) -> list[Claim]:
    """The claims in a file.

    Raises:
        UserError: naming the file, the claim and what is allowed.
    """
    from common.experiment import registry

    content = _load(path)
    if not isinstance(content, dict) or set(content) != {"claims"}:
        raise UserError(f"{path} must have the one key 'claims', a list of claims.")
    if not isinstance(content["claims"], list) or not content["claims"]:
        raise UserError(f"{path}: 'claims' must be a list with at least one claim.")
    claims = [
        _claim(node, f"{path}, claim {_name(node, number)}", registry.scales())
        for number, node in enumerate(content["claims"], start=1)
    ]
    ids = [claim.id for claim in claims]
    if repeated := sorted({i for i in ids if ids.count(i) > 1}):
        raise UserError(f"{path}: claim ids occur twice: {', '.join(repeated)}.")
    return claims


def _load(path: Path) -> Any:
    from omegaconf import OmegaConf
    from omegaconf.errors import OmegaConfBaseException
    from yaml import YAMLError

    if not path.is_file():
        raise UserError(f"{path} does not exist.")
    try:
        # Not yaml.safe_load: it takes 1e-10 for a word and passes over repeated keys.
        return OmegaConf.to_container(OmegaConf.load(path), resolve=False)
    except (YAMLError, OmegaConfBaseException, OSError) as error:
        raise UserError(f"{path} is not valid YAML: {error}") from error


def _claim(node: Any, where: str, scales: list[str]) -> Claim:
    _keys(node, where, ("id", "kind", "statement", "source", "reported", "checks"), ("note",))
    kind = _text(node, "kind", where)
    if kind not in KINDS:
        raise UserError(f"{where}: kind is {kind!r}; allowed: {', '.join(KINDS)}.")
    checks = node["checks"]
    if not isinstance(checks, dict) or not checks:
        raise UserError(f"{where}: checks is a mapping from a scale to a check.")
    if unknown := [str(s) for s in checks if s not in scales]:
        raise UserError(
            f"{where}: no such scale: {', '.join(unknown)}; allowed: {', '.join(scales)}."
        )
    return Claim(
        id=_text(node, "id", where),
        kind=kind,
        statement=_text(node, "statement", where),
        source=_text(node, "source", where),
        reported=_reported(node["reported"], where),
        checks={s: _check(c, f"{where}, scale {s}") for s, c in checks.items()},
        note=_text(node, "note", where) if "note" in node else "",
    )


def _reported(node: Any, where: str) -> Reported:
    _keys(node, f"{where}: reported", ("value",), ("unit",))
    value = node["value"]
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise UserError(f"{where}: reported.value is a number or a text, not {value!r}.")
    return Reported(value, str(node.get("unit", "")))


def _check(node: Any, where: str) -> Check:
    _keys(node, where, ("runs",), ("relation", "report", "cost_minutes", "long", "needs"))
    runs = node["runs"]
    if not isinstance(runs, list) or not runs:
        raise UserError(f"{where}: runs is a list with at least one run.")
    cost = node.get("cost_minutes")
    if cost is not None and (isinstance(cost, bool) or not isinstance(cost, int | float)):
        raise UserError(f"{where}: cost_minutes is a number, not {cost!r}.")
    long = node.get("long", False)
    if not isinstance(long, bool):
        raise UserError(f"{where}: long is true or false, not {long!r}.")
    relation = parse(node["relation"], where) if "relation" in node else Undecided()
    return Check(
        runs=tuple(run for item in runs for run in _runs(item, where)),
        relation=relation,
        report=_report(node.get("report", {}), where),
        cost_minutes=cost,
        long=long,
        needs=_text(node, "needs", where) if "needs" in node else "",
    )


def _report(node: Any, where: str) -> dict[str, str]:
    if not isinstance(node, dict) or not all(isinstance(m, str) for m in node.values()):
        raise UserError(f"{where}: report is a mapping from a name to a metric, not {node!r}.")
    return {str(name): metric for name, metric in node.items()}


def _runs(node: Any, where: str) -> list[RunSpec]:
    _keys(node, f"{where}, runs", ("task", "seeds"), ("overrides", "for_each"))
    table = combinations(node["for_each"], where) if "for_each" in node else [{}]
    return [_run(expanded(node, values), where) for values in table]


def _run(node: dict[str, Any], where: str) -> RunSpec:
    task = _text(node, "task", where)
    overrides = _strings(node.get("overrides", []), "overrides", where)
    for override in overrides:
        key, equals, _ = override.partition("=")
        if not equals or key.lstrip("+~") in _RESERVED:
            raise UserError(
                f"{where}, task {task}: override {override!r} is not allowed here; write key=value "
                f"with a key other than {', '.join(_RESERVED)}."
            )
    seeds = node["seeds"]
    if (
        not isinstance(seeds, list)
        or not seeds
        or not all(isinstance(s, int) and not isinstance(s, bool) and s >= 0 for s in seeds)
        or len(set(seeds)) < len(seeds)
    ):
        raise UserError(
            f"{where}, task {task}: seeds is a list of different integers from 0 on, not {seeds!r}."
        )
    return RunSpec(task, tuple(overrides), tuple(seeds))


def _keys(node: Any, where: str, required: Iterable[str], optional: Iterable[str]) -> None:
    required, optional = tuple(required), tuple(optional)
    if not isinstance(node, dict):
        raise UserError(f"{where}: expected a mapping with {', '.join(required)}, not {node!r}.")
    if missing := [k for k in required if k not in node]:
        raise UserError(f"{where}: {', '.join(missing)} missing.")
    if unknown := [str(k) for k in node if k not in (*required, *optional)]:
        raise UserError(
            f"{where}: unknown key {', '.join(unknown)}; allowed: {', '.join(required + optional)}."
        )


def _text(node: dict[str, Any], key: str, where: str) -> str:
    value = node[key]
    if not isinstance(value, str) or not value.strip():
        raise UserError(f"{where}: {key} must be a text, not {value!r}.")
    return value.strip()


def _strings(value: Any, key: str, where: str) -> list[str]:
    if not isinstance(value, list) or not all(isinstance(v, str) for v in value):
        raise UserError(f"{where}: {key} is a list of texts, not {value!r}.")
    return value


def _name(node: Any, number: int) -> str:
    return str(node["id"]) if isinstance(node, dict) and "id" in node else f"number {number}"
