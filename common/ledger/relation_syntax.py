"""Relations as written in ``claims.yaml``.

    all: [<relation>, ...]                                  every one holds
    any: [<relation>, ...]                                  one of them holds
    {metric: M, at_least: 0.5, below: N}                    mean over seeds; also at_most, above,
                                                            within: [low, high]
    {interval_of: M, lies_above: N}                         95 % interval of the mean; lies_below
    {difference: [M, N], lies_above: -1.0}                  Welch's 95 % interval; lies_below,
                                                            lies_within: [low, high]
    {difference: [M, N], at_least: 1, standard_errors: 2}   of the means, and larger than so many
                                                            of its standard errors; the bounds of
                                                            a metric
    {spread_of: [M, N, ...], at_most: 2.5}                  largest minus smallest mean
    {best_of: {0.001: M, 0.01: N}, is_at_least: 0.01}       which setting has the largest mean

M, N name metrics, ``<task>/<variant>/<metric>``; a bound is a number or, where N stands above, the
mean of another metric. Any relation may carry a ``name``, and ``for_each: {n: [8, 16]}`` to state
it for every combination of values, put in place of ``{n}``.
"""

from __future__ import annotations

import itertools
from typing import Any

from common.errors import UserError
from common.ledger.between import Equivalence, MeanDifference, Spread
from common.ledger.relations import (
    BestOf,
    Combination,
    Comparison,
    Difference,
    MeanInterval,
    Operand,
    Relation,
)

_BOUNDS = ("at_least", "at_most", "above", "below", "within")
_SIDES = ("lies_above", "lies_below")
_FORMS = {
    "all": (),
    "any": (),
    "metric": _BOUNDS,
    "interval_of": _SIDES,
    "difference": (*_SIDES, "lies_within", *_BOUNDS, "standard_errors"),
    "spread_of": ("at_most",),
    "best_of": ("is_at_least",),
}


def parse(node: Any, where: str) -> Relation:
    """The relation that ``node``, read from YAML, describes.

    Args:
        node: nested dictionaries and lists.
        where: file, claim and scale, for messages.

    Raises:
        UserError: it is not one; says what was given and what is allowed.
    """
    if not isinstance(node, dict):
        raise UserError(f"{where}: a relation is a mapping, not {node!r}; it has {_forms()}.")
    forms = [form for form in _FORMS if form in node]
    if len(forms) != 1:
        raise UserError(f"{where}: {_keys(node)} must name exactly one of {_forms()}.")
    form = forms[0]
    allowed = {form, "name", "for_each", *_FORMS[form]}
    if unknown := [str(k) for k in node if k not in allowed]:
        raise UserError(
            f"{where}: {', '.join(unknown)} cannot stand beside {form}; "
            f"allowed: {', '.join(sorted(allowed - {form}))}."
        )
    if "for_each" in node:
        return _for_each(node, where)
    name = str(node.get("name", ""))
    if form in ("all", "any"):
        parts = _list(node[form], where, form)
        return Combination(name, tuple(parse(p, where) for p in parts), every=form == "all")
    if form == "metric":
        return _comparison(node, name, where)
    if form == "best_of":
        return _best_of(node, name, where)
    if form == "spread_of":
        return _spread(node, name, where)
    if form == "difference":
        return _difference(node, name, where)
    above, limit = _side(node, form, where)
    metric = _metric(node[form], where)
    return MeanInterval(name or label(metric), metric, above, _operand(limit, where))


def label(metric: str) -> str:
    """A metric's name without the variant that a paper has only one of."""
    return metric.replace("/closed_form/", "/")


def split(metric: str) -> tuple[str, str, str]:
    """Task, variant and metric; a task's own name may contain slashes."""
    task, variant, name = metric.rsplit("/", 2)
    return task, variant, name


def expanded(node: Any, values: dict[str, Any]) -> Any:
    """``node`` with each ``{key}`` in its strings replaced by the value."""
    if isinstance(node, dict):
        return {expanded(k, values): expanded(v, values) for k, v in node.items()}
    if isinstance(node, list):
        return [expanded(item, values) for item in node]
    if isinstance(node, str):
        for key, value in values.items():
            node = node.replace(
                f"{{{key}}}", f"{value:g}" if isinstance(value, float) else str(value)
            )
    return node


def combinations(table: Any, where: str) -> list[dict[str, Any]]:
    """Every combination of the values of ``for_each``."""
    if not isinstance(table, dict) or not all(isinstance(v, list) and v for v in table.values()):
        raise UserError(f"{where}: for_each is a mapping from a name to a list, not {table!r}.")
    return [dict(zip(table, values, strict=True)) for values in itertools.product(*table.values())]


def _for_each(node: dict[str, Any], where: str) -> Relation:
    body = {k: v for k, v in node.items() if k not in ("for_each", "name")}
    parts = tuple(
        parse(expanded(body, values), where) for values in combinations(node["for_each"], where)
    )
    name = node.get("name") or label(str(body.get("metric") or body.get("interval_of") or ""))
    return Combination(str(name), parts, folded=all(not _composed(p) for p in parts))


def _composed(relation: Relation) -> bool:
    return isinstance(relation, Combination)


def _comparison(node: dict[str, Any], name: str, where: str) -> Relation:
    bounds = [(word, _operand(x, where)) for word, x in _bounds(node, where)]
    if not bounds:
        raise UserError(f"{where}: metric needs one of {', '.join(_BOUNDS)}.")
    metric = _metric(node["metric"], where)
    return Comparison(name or label(metric), metric, tuple(bounds))


def _bounds(node: dict[str, Any], where: str) -> list[tuple[str, Any]]:
    """The bounds written in ``node``, ``within`` as its two sides."""
    bounds = []
    for word in _BOUNDS:
        if word == "within" and word in node:
            low, high = _range(node[word], where, word)
            bounds += [("at_least", low), ("at_most", high)]
        elif word in node:
            bounds.append((word, node[word]))
    return bounds


def _range(value: Any, where: str, key: str) -> tuple[float, float]:
    pair = _list(value, where, key)
    if len(pair) != 2 or _number(pair[0], where) > _number(pair[1], where):
        raise UserError(f"{where}: {key} takes [low, high], not {pair}.")
    return float(pair[0]), float(pair[1])


def _difference(node: dict[str, Any], name: str, where: str) -> Relation:
    pair = _list(node["difference"], where, "difference")
    if len(pair) != 2:
        raise UserError(f"{where}: difference takes two metrics, not {len(pair)}.")
    a, b = (_metric(m, where) for m in pair)
    name = name or f"{label(a)} - {label(b)}"
    if "lies_within" in node:
        return Equivalence(name, a, b, *_range(node["lies_within"], where, "lies_within"))
    if any(word in node for word in (*_BOUNDS, "standard_errors")):
        if any(side in node for side in _SIDES):
            raise UserError(f"{where}: lies_above, lies_below stand alone beside difference.")
        bounds = tuple((w, _number(x, where)) for w, x in _bounds(node, where))
        return MeanDifference(name, a, b, bounds, _number(node.get("standard_errors", 0.0), where))
    above, limit = _side(node, "difference", where)
    return Difference(name, a, b, above, _number(limit, where))


def _spread(node: dict[str, Any], name: str, where: str) -> Relation:
    metrics = tuple(_metric(m, where) for m in _list(node["spread_of"], where, "spread_of"))
    if len(metrics) < 2 or "at_most" not in node:
        raise UserError(f"{where}: spread_of takes at least two metrics and needs at_most.")
    return Spread(name or "spread", metrics, _number(node["at_most"], where))


def _best_of(node: dict[str, Any], name: str, where: str) -> Relation:
    table = node["best_of"]
    if not isinstance(table, dict):
        raise UserError(f"{where}: best_of is a mapping from a setting to a metric, not {table!r}.")
    if "is_at_least" not in node:
        raise UserError(f"{where}: best_of needs is_at_least.")
    threshold = _number(node["is_at_least"], where)
    candidates = tuple(sorted((_number(s, where), _metric(m, where)) for s, m in table.items()))
    if not candidates or not candidates[0][0] < threshold <= candidates[-1][0]:
        raise UserError(
            f"{where}: best_of needs settings below and from is_at_least={threshold:g} on; "
            f"given: {', '.join(f'{s:g}' for s, _ in candidates) or 'none'}."
        )
    return BestOf(name or "best setting", candidates, threshold)


def _side(node: dict[str, Any], form: str, where: str) -> tuple[bool, Any]:
    given = [side for side in _SIDES if side in node]
    if len(given) != 1:
        raise UserError(f"{where}: {form} needs exactly one of {', '.join(_SIDES)}.")
    return given[0] == "lies_above", node[given[0]]


def _metric(value: Any, where: str) -> str:
    if not isinstance(value, str) or value.count("/") < 2 or not all(value.split("/")):
        raise UserError(f"{where}: {value!r} is no metric; write <task>/<variant>/<metric>.")
    return value


def _operand(value: Any, where: str) -> Operand:
    return _metric(value, where) if isinstance(value, str) else _number(value, where)


def _number(value: Any, where: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise UserError(f"{where}: {value!r} is not a number.")
    return float(value)


def _list(value: Any, where: str, key: str) -> list[Any]:
    if not isinstance(value, list) or not value:
        raise UserError(f"{where}: {key} is a list that is not empty, not {value!r}.")
    return value


def _keys(node: dict[str, Any]) -> str:
    return "{" + ", ".join(str(k) for k in node) + "}"


def _forms() -> str:
    return ", ".join(_FORMS)
