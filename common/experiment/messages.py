"""Hydra's errors in the user's terms: what was given, what is allowed, the nearest name."""

from __future__ import annotations

import difflib
import errno
import re
from collections.abc import Iterable

import yaml
from hydra.errors import HydraException, MissingConfigException
from omegaconf.errors import OmegaConfBaseException

from common.experiment import registry

_CANNOT_WRITE = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES)
_GROUPS = {
    "scale": registry.scales,
    "trainer": registry.trainers,
    "paper": registry.papers,
}


def chosen(argv: Iterable[str], key: str, default: str | None = None) -> str | None:
    """The value given to ``key=`` on the command line."""
    values = [a.partition("=")[2] for a in argv if a.partition("=")[0].lstrip("+") == key]
    return values[-1] if values else default


def explain(error: Exception, argv: list[str]) -> str | None:
    """A message for a mistake on the command line; None if the error is not one."""
    chain = list(_chain(error))
    if isinstance(error, HydraException | OmegaConfBaseException) and (said := _other_model(argv)):
        return said
    for link in chain:
        if isinstance(link, OSError) and link.errno in _CANNOT_WRITE:
            where = link.filename or "a file"
            return (
                f"Cannot write to {where} ({link.strerror}). Free space, make it writable, or "
                "choose another place with output_root=<folder>."
            )
        if isinstance(link, yaml.MarkedYAMLError) and link.problem_mark is not None:
            mark = link.problem_mark
            return f"{mark.name} is not YAML: line {mark.line + 1}: {link.problem}."
        if isinstance(link, MissingConfigException):
            return _missing_option(link, argv)
    for link in chain:
        if isinstance(link, OmegaConfBaseException):
            return _bad_value(link, error, argv)
    if isinstance(error, HydraException):
        return _hydra(error)
    return None


def _hydra(error: HydraException) -> str:
    first = str(error).strip().splitlines()[0]
    if "Could not override 'recipe" in first:
        return (
            "'recipe' follows from paper and task and cannot be chosen; override the values in it."
        )
    return first


def _chain(error: BaseException | None) -> Iterable[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def _missing_option(error: MissingConfigException, argv: list[str]) -> str:
    missing = (error.missing_cfg_file or "").removesuffix(".yaml")
    paper = chosen(argv, "paper", registry.default_paper()) or ""
    if missing.startswith("recipe/"):
        task = missing.removeprefix(f"recipe/{paper}/")
        return _unknown_task(task, paper)
    group, _, option = missing.rpartition("/")
    if group.startswith("hydra/"):
        return unknown(group, option, error.options or [])
    group, _, option = missing.partition("/")
    if group == "task":
        return _unknown_task(option, paper)
    if group == "model":
        return unknown("model", option, registry.models(paper), f" for paper {paper}")
    if group in _GROUPS:
        return unknown(group, option, _GROUPS[group]())
    return unknown(group or "option", option, error.options or [])


def _other_model(argv: list[str]) -> str | None:
    """A model of another paper: its configuration does not fit this one's recipe."""
    paper, model = chosen(argv, "paper", registry.default_paper()) or "", chosen(argv, "model")
    if model is None or "," in model or paper not in registry.papers():
        return None
    allowed = registry.models(paper)
    return None if model in allowed else unknown("model", model, allowed, f" for paper {paper}")


def _unknown_task(task: str, paper: str) -> str:
    if paper not in registry.papers():
        return unknown("paper", paper, registry.papers())
    return unknown("task", task, registry.tasks(paper), f" of paper {paper}")


def unknown(kind: str, given: str, allowed: Iterable[str], of: str = "") -> str:
    """``Unknown task 'lra/lisops'. Did you mean ...? Allowed of paper s5_ptd: ...``."""
    allowed = list(allowed)
    listed = ", ".join(allowed) or "none"
    return f"Unknown {kind} {given!r}.{nearest(given, allowed)} Allowed{of}: {listed}."


def nearest(given: str, allowed: Iterable[str]) -> str:
    """`` Did you mean ...?`` or nothing."""
    match = difflib.get_close_matches(given, list(allowed), n=1, cutoff=0.5)
    return f" Did you mean {match[0]!r}?" if match else ""


def _bad_value(error: OmegaConfBaseException, outer: Exception, argv: list[str]) -> str:
    key = _key(error)
    first = str(error).strip().splitlines()[0]
    if "not in struct" in first or re.search(r"Key '.*' not in '", first):
        given = _given_key(outer, key, argv)
        near = nearest(given, _known_keys(argv))
        return f"Unknown key {given!r}.{near} `--cfg job` prints them all."
    value = chosen(argv, key)
    said = f" {key}={value}" if value is not None else f" {key}"
    return f"Wrong value:{said}. {first}"


def _key(error: OmegaConfBaseException) -> str:
    return getattr(error, "full_key", None) or ""


def _given_key(outer: Exception, key: str, argv: list[str]) -> str:
    """Hydra names the override it could not apply, OmegaConf only the part that is missing."""
    match = re.search(r"Could not override '([^']+)'", str(outer))
    return match.group(1) if match else key


def _known_keys(argv: list[str]) -> list[str]:
    """Keys of the same command line without the overrides that may be wrong."""
    from hydra import compose, initialize_config_dir
    from omegaconf import OmegaConf

    from common.experiment.identity import flat
    from common.experiment.paths import conf_folder

    groups = ("paper", "task", "scale", "trainer", "model")
    kept = [a for a in argv if a.partition("=")[0] in groups and "," not in a]
    try:
        with initialize_config_dir(str(conf_folder()), version_base="1.3"):
            config = compose("config", overrides=kept)
    except (HydraException, OmegaConfBaseException):
        return list(groups)
    content = OmegaConf.to_container(config, resolve=False)
    content.pop("table", None)
    leaves = list(flat(content))
    parents = {leaf.rsplit(".", 1)[0] for leaf in leaves if "." in leaf}
    return [*groups, *leaves, *parents]
