"""The jobs of a sweep and what each is, composed as Hydra composes them.

A composition takes a third of a second, resolving it a tenth of that, and a sweep may have ten
thousand jobs. Hydra composes the options of the config groups first and sets values afterwards, in
their order. So jobs with the same options share a composition, and those that differ only in values
to which no interpolation refers share what it resolves to. A job that is refused on the way, or
about which there is doubt, is composed by Hydra itself.
"""

from __future__ import annotations

import copy
import itertools
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any

from hydra import compose
from hydra.core.config_loader import ConfigLoader
from hydra.core.global_hydra import GlobalHydra
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override, OverrideType
from omegaconf import MISSING, DictConfig, OmegaConf

from common.errors import UserError
from common.experiment import ranges, sources
from common.experiment.composite import composite_hash, member_overrides
from common.experiment.datasets import datasets
from common.experiment.identity import config_hash, flat, plain
from common.experiment.sweep.job import Job

# What a job tells of itself, beside its variant; of a composite nothing else can be resolved.
_FACTS = ("paper.id", "task.name", "scale.name", "seed", "trainer.devices", "trainer.nodes")

# Resolvers that read nothing but the names they are given.
_RESOLVERS = ("oc.env", "oc.select")
_TOKEN = re.compile(r"\$\{|[\w.]+|.", re.DOTALL)
_WORD = re.compile(r"[\w.]+")
_NAME = re.compile(r"\w+(\.\w+)*")
_SCALARS = (type(None), bool, int, float, str)


def expand(arguments: Sequence[str]) -> list[tuple[str, ...]]:
    """The overrides of each job: the product of all values that the arguments list.

    Of two arguments with the same key the last counts, in the place of the first, as with Hydra.

    Raises:
        UserError: an argument asks for an interval, of which there is no list.
        HydraException: an argument cannot be parsed.
    """
    axes: dict[str, list[str]] = {}
    for override in OverridesParser.create(_loader()).parse_overrides(list(arguments)):
        key = override.get_key_element()
        if not override.is_sweep_override():
            axes[key] = [f"{key}={override.get_value_element_as_str()}"]
        elif override.is_discrete_sweep():
            axes[key] = [f"{key}={value}" for value in override.sweep_string_iterator()]
        else:
            raise UserError(
                f"{override.input_line} is an interval; a sweep lists its values: {key}=a,b,c, "
                f"{key}=choice(a,b) or {key}=range(0,3)."
            )
    return list(itertools.product(*axes.values()))


def plan(combinations: Iterable[Sequence[str]]) -> list[Job]:
    """What each combination of overrides is.

    Raises:
        HydraException, OmegaConfBaseException: one does not compose, and this is how.
    """
    return _Planner().jobs(tuple(overrides) for overrides in combinations)


@dataclass(frozen=True, slots=True)
class _Wanted:
    """A job to be, and its values that are set after composing."""

    index: int
    overrides: tuple[str, ...]
    values: tuple[Override, ...] = ()


class _Kind(Enum):
    OPTION = "chooses what is composed"
    VALUE = "sets one value"
    OTHER = "adds or deletes a value, or is a mistake"


class _Planner:
    """Groups jobs by what they share.

    Args:
        members: the jobs are members of a composite, which are run as they are.
    """

    def __init__(self, *, members: bool = False):
        self._members = members
        self._parser = OverridesParser.create()
        self._parsed: dict[str, tuple[Override, _Kind]] = {}
        self._groups: dict[str, bool] = {}
        self._once: dict[str, Any] = {}

    def jobs(self, combinations: Iterable[tuple[str, ...]]) -> list[Job]:
        by_options: dict[tuple[str, ...], list[_Wanted]] = {}
        for index, overrides in enumerate(combinations):
            options, values = self._split(overrides)
            by_options.setdefault(options, []).append(_Wanted(index, overrides, values))
        # One composition after the other: many at once would fill the memory.
        jobs = [job for of in by_options.items() for job in self._with_options(*of)]
        return sorted(jobs, key=lambda job: job.index)

    def _split(self, overrides: tuple[str, ...]) -> tuple[tuple[str, ...], tuple[Override, ...]]:
        """What decides how a job is composed, and the values that are set in it afterwards.

        Values before an addition or deletion stay where they are: it may depend on them.
        """
        parsed = [self._parse(override) for override in overrides]
        if any(override.key_or_group == "hydra.searchpath" for override, _ in parsed):
            return overrides, ()  # who knows what is a group there
        last = max((i for i, (_, kind) in enumerate(parsed) if kind is _Kind.OTHER), default=-1)
        later = [i > last and kind is _Kind.VALUE for i, (_, kind) in enumerate(parsed)]
        options = (o for o, is_later in zip(overrides, later, strict=True) if not is_later)
        values = (v for (v, _), is_later in zip(parsed, later, strict=True) if is_later)
        return tuple(options), tuple(values)

    def _parse(self, text: str) -> tuple[Override, _Kind]:
        if text not in self._parsed:
            (override,) = self._parser.parse_overrides([text])
            self._parsed[text] = override, self._kind(override)
        return self._parsed[text]

    def _kind(self, override: Override) -> _Kind:
        if override.is_hydra_override():
            return _Kind.OPTION  # how jobs are run, which is no part of what is composed
        if override.is_sweep_override():
            return _Kind.OTHER
        if self._is_group(override.key_or_group) and not isinstance(override.value(), dict):
            return _Kind.OPTION
        changes = override.type is OverrideType.CHANGE and override.package is None
        return _Kind.VALUE if changes else _Kind.OTHER

    def _is_group(self, key: str) -> bool:
        if key not in self._groups:  # Hydra copies all that it has read to answer this
            self._groups[key] = bool(_loader().get_group_options(key, results_filter=None))
        return self._groups[key]

    def _with_options(self, options: tuple[str, ...], wanted: list[_Wanted]) -> list[Job]:
        try:
            base = _Base(compose("config", overrides=list(options)))
        except Exception:  # told by composing the first of them
            return [self._directly(one) for one in wanted]
        groups: dict[Any, list[_Wanted]] = {}
        for one in wanted:
            groups.setdefault(base.shared(one.values), []).append(one)
        return [
            job
            for (_, alone), group in groups.items()
            for job in self._alike(base.config, group, alone)
        ]

    def _directly(self, one: _Wanted) -> Job:
        """One job as Hydra composes it; raises what Hydra raises."""
        config = compose("config", overrides=list(one.overrides))
        (job,) = self._described(_Resolved.of(config, self._members), [(one, {})])
        return job

    def _alike(self, config: DictConfig, group: list[_Wanted], alone: frozenset[str]) -> list[Job]:
        """Jobs that differ in the values of ``alone`` only."""
        try:
            config = copy.deepcopy(config)
            for value in group[0].values:
                _set(config, value)
            resolved = _Resolved.of(config, self._members)
        except Exception:  # told by composing the first of them
            return [self._directly(one) for one in group]
        converted: dict[str, Any] = {}
        given, doubtful = [], []
        for one in group:
            try:
                values = [value for value in one.values if value.key_or_group in alone]
                for value in values:
                    if value.input_line not in converted:
                        converted[value.input_line] = _converted(config, value)
            except Exception:  # told by composing it
                doubtful.append(self._directly(one))
            else:
                given.append((one, {v.key_or_group: converted[v.input_line] for v in values}))
        return doubtful + self._described(resolved, given)

    def _described(
        self, resolved: _Resolved, given: list[tuple[_Wanted, dict[str, Any]]]
    ) -> list[Job]:
        """Jobs, each given with the values in which it differs from what was resolved."""
        leaves, roots = resolved.leaves, self._first(resolved.roots)
        datasets = self._first(resolved.datasets)
        wholes = self._wholes(resolved.members, [one.overrides for one, _ in given])
        jobs = []
        for (one, values), whole in zip(given, wholes, strict=True):
            # An entry of a table that nothing reads is no part of what a run is.
            leaves.update((key, value) for key, value in values.items() if key in leaves)
            own = whole or (leaves["variant"], config_hash(leaves), roots, datasets, ())
            variant, digest, roots, datasets, parts = own
            paper, task, scale, seed, devices, nodes = (leaves[key] for key in _FACTS)
            what = (paper, task, variant, scale, seed, digest)
            needs = (roots, datasets, devices, nodes, parts)
            jobs.append(Job(one.index, one.overrides, *what, *needs))
        return jobs

    def _wholes(
        self, members: tuple[str, ...], jobs: list[tuple[str, ...]]
    ) -> Iterable[tuple[str, str, tuple[str, ...], tuple[Any, ...], tuple[str, ...]] | None]:
        """Variant, hash, roots, data sets and members' hashes of composites, by their members;
        None of other jobs."""
        if not members:
            yield from itertools.repeat(None, len(jobs))
            return
        planner = _Planner(members=True)
        of_members = [
            planner.jobs(tuple(member_overrides(name, job)) for job in jobs) for name in members
        ]
        for parts in zip(*of_members, strict=True):
            hashes = dict(zip(members, (part.config_hash for part in parts), strict=True))
            roots = tuple(sorted({root for part in parts for root in part.roots}))
            datasets = {repr(dataset): dataset for part in parts for dataset in part.datasets}
            sets = self._first(tuple(datasets.values()))
            digest, own = composite_hash(hashes), tuple(hashes.values())
            yield parts[0].variant, digest, self._first(roots), sets, own

    def _first(self, found: Any) -> Any:
        """The first that was found like it: jobs share it."""
        return self._once.setdefault(repr(found), found)


@dataclass(frozen=True)
class _Resolved:
    """What a configuration comes to, flat; of a composite the facts and its members."""

    leaves: dict[str, Any]
    roots: tuple[str, ...] = ()
    datasets: tuple[Any, ...] = ()
    members: tuple[str, ...] = ()

    @classmethod
    def of(cls, config: DictConfig, member: bool) -> _Resolved:
        """A member of a composite is run as it is, whatever members it names itself."""
        if not member and OmegaConf.select(config, "task.members"):
            # Its recipe only lets overrides be checked; most of it does not resolve.
            leaves = {key: OmegaConf.select(config, key) for key in _FACTS}
            return cls(leaves, members=tuple(config.task.members))
        leaves = flat(plain(config))
        ranges.check(config.task, "task")
        return cls(leaves, tuple(sorted(sources.roots(config))), tuple(datasets(config.task)))


class _Base:
    """A composition before values are set in it, and what its interpolations refer to."""

    def __init__(self, config: DictConfig):
        self.config = config
        raw = OmegaConf.to_container(config, resolve=False)
        entries = flat(raw)
        self._single = {key for key, value in entries.items() if type(value) in _SCALARS}
        self._names = set(_referred(raw))
        self._followed: dict[str, bool] = {}

    def shared(self, values: Sequence[Override]) -> tuple[tuple[str, ...], frozenset[str]]:
        """What jobs have in common that can share all but the values of some keys; these keys."""
        alone = frozenset(v.key_or_group for v in values if self._alone(v, values))
        return tuple(v.input_line for v in values if v.key_or_group not in alone), alone

    def _alone(self, value: Override, values: Sequence[Override]) -> bool:
        """Whether a value changes its own entry only, and not which code and data are needed."""
        key, content = value.key_or_group, value.value()
        if key not in self._single or not _NAME.fullmatch(key) or not _is_literal(content):
            return False
        if key.startswith("task.") or key.rpartition(".")[2] in ("entry", "_target_"):
            return False
        if key not in self._followed:
            self._followed[key] = any(_touches(name, key) for name in self._names)
        if self._followed[key]:
            return False
        return not any(
            _touches(name, key)
            for other in values
            if other is not value
            for name in (other.key_or_group, *_referred(other.value()))
        )


def _set(config: DictConfig, value: Override) -> None:
    OmegaConf.update(config, value.key_or_group, value.value(), merge=True)


def _converted(config: DictConfig, value: Override) -> Any:
    """A value in the type of its entry; it is left there.

    Raises:
        TypeError: it would be printed otherwise than it is read.
    """
    _set(config, value)
    content = OmegaConf.select(config, value.key_or_group)
    if type(content) not in _SCALARS:
        raise TypeError(f"{value.key_or_group} is a {type(content).__name__}")
    return content


def _is_literal(content: Any) -> bool:
    if isinstance(content, str):
        return "${" not in content and content != MISSING
    return type(content) in _SCALARS


def _referred(content: Any) -> Iterator[str]:
    """What the interpolations anywhere in a value refer to."""
    if isinstance(content, str):
        yield from _named(content)
    elif isinstance(content, dict | list):
        for item in content.values() if isinstance(content, dict) else content:
            yield from _referred(item)


def _named(text: str) -> Iterator[str]:
    """What the interpolations in a text refer to, as far as it can be read off.

    Of ``${table.${task.name}.lr}`` these are ``table`` and ``task.name``. The empty name stands for
    anything: where a name starts with another interpolation or is relative, or where a resolver
    may read what it likes.
    """
    if "${" not in text:
        return
    tokens = ["", *_TOKEN.findall(text), ""]
    depth = 0
    for before, token, after in zip(tokens, tokens[1:], tokens[2:], strict=False):
        if token == "${":
            if depth and not _WORD.fullmatch(before):
                yield ""
            depth += 1
        elif not depth:
            continue
        elif token == "}":
            depth -= 1
        elif token in "{\\" or (token == ":" and before not in _RESOLVERS):
            yield ""
        elif _WORD.fullmatch(token) and before != "}":
            # What follows upon an inner interpolation goes on with a name that was met before.
            found = token.rpartition(".")[0] if after == "${" else token
            yield "" if token.startswith(".") else found.rstrip(".")


def _touches(name: str, key: str) -> bool:
    """Whether what bears a name may change with a key: it is the key, holds it or lies in it."""
    a, b = f"{name}.", f"{key}."
    return not name or a.startswith(b) or b.startswith(a)


def _loader() -> ConfigLoader:
    return GlobalHydra.instance().config_loader()
