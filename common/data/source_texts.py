"""Source texts that are not Python's own library: JavaScript modules, and HumanEval's problems."""

from __future__ import annotations

import gzip
import json
import re
from dataclasses import dataclass
from pathlib import Path

from common.data.archive import archive_files
from common.data.context import DataContext
from common.data.download import RemoteFile, fetch, would_fetch
from common.data.npm_package import NpmError, NpmPackage, npm_exists, npm_pack, would_pack
from common.data.python_library import Files, files_sha256
from common.errors import CorruptDataError, MissingDataError

LODASH = NpmPackage("lodash", "4.17.21", 1)
HUMANEVAL = RemoteFile(
    "https://github.com/openai/human-eval/raw/master/data/HumanEval.jsonl.gz",
    "sha256:b796127e635a67f93fb35c04f4cb03cf06f38c8072ee7cee8833d7bee06979ef",
    1,
)
_LODASH_SHA256 = "655a10db39cb13d3e8bdd624779c7b26d1cc185aefa43e13d850404639309ba3"
_PROBLEMS_SHA256 = "4af250d66201b96284a68842f48954feb0da1586c459dc14277dfc68655098a3"
# The single modules; `lodash.js` and `core.js` hold them once more.
_MODULE = re.compile(r"package/((?:fp/)?(?!lodash|core)[\w]+\.js)")


def read_javascript(context: DataContext) -> Files:
    """The modules of lodash, a library of functions on arrays, objects and strings.

    Raises:
        MissingDataError: the package is neither at hand nor to be had.
        CorruptDataError: it is broken or another one.
    """
    path = _lodash(context) or _packed(context)
    members = archive_files(path, lambda name: _MODULE.fullmatch(name) is not None)
    files = {_MODULE.fullmatch(name)[1]: content for name, content in members}
    return _verified(files, _LODASH_SHA256, path)


@dataclass(frozen=True)
class Problem:
    """One of HumanEval's (Chen et al. 2021).

    Attributes:
        task: "HumanEval/0".
        prompt: imports, signature and docstring of a function.
        solution: the rest of it.
        test: code that defines ``check(candidate)``.
        entry: name of the function.
    """

    task: str
    prompt: str
    solution: str
    test: str
    entry: str


def read_problems(context: DataContext) -> list[Problem]:
    """HumanEval.

    Raises:
        MissingDataError: the file is neither at hand nor to be had.
        CorruptDataError: it is broken or another one.
    """
    path = _humaneval(context) or fetch(HUMANEVAL, context, set_name="HumanEval")
    keys = ("task_id", "prompt", "canonical_solution", "test", "entry_point")
    try:
        rows = [json.loads(line) for line in gzip.decompress(path.read_bytes()).splitlines()]
        problems = [Problem(*(row[key] for key in keys)) for row in rows]
    except (OSError, EOFError, ValueError, KeyError) as error:
        raise CorruptDataError(f"{path} is not HumanEval ({error}). Get it anew.") from error
    _verified(_texts(problems), _PROBLEMS_SHA256, path)
    return problems


def read_humaneval(context: DataContext) -> Files:
    """Each problem's prompt with its solution, by task; see :func:`read_problems`."""
    return _texts(read_problems(context))


def _texts(problems: list[Problem]) -> Files:
    return {f"{p.task}.py": (p.prompt + p.solution).encode() for p in problems}


def javascript_available(context: DataContext) -> str | None:
    """None, or what would be fetched."""
    return None if _lodash(context) else would_pack(LODASH, context)


def humaneval_available(context: DataContext) -> str | None:
    """None, or what would be fetched."""
    return None if _humaneval(context) else would_fetch(HUMANEVAL, context)


def _lodash(context: DataContext) -> Path | None:
    local = context.local("javascript", LODASH.filename)
    if local is not None:
        return local
    return LODASH.path(context) if LODASH.path(context).exists() else None


def _humaneval(context: DataContext) -> Path | None:
    local = context.local("code", HUMANEVAL.filename)
    if local is not None:
        return local
    downloaded = context.downloads / HUMANEVAL.filename
    return downloaded if downloaded.exists() else None


def _packed(context: DataContext) -> Path:
    reason = "fetching is switched off" if npm_exists() else "there is no npm client"
    if context.download and npm_exists():
        try:
            return npm_pack(LODASH, context)
        except NpmError as error:
            reason = f"npm: {error}"
    raise MissingDataError(
        f"JavaScript modules: {LODASH.filename} ({reason})",
        f"Put the output of `npm pack {LODASH.name}@{LODASH.version}` at {LODASH.path(context)}.",
    )


def _verified(files: Files, expected: str, path: Path) -> Files:
    found = files_sha256(files)
    if found != expected:
        raise CorruptDataError(
            f"{path} holds other files than it should: {len(files)} with SHA-256 {found}, expected "
            f"{expected}. Delete it; it will be fetched anew."
        )
    return files
