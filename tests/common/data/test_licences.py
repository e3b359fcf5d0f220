from __future__ import annotations

import importlib
import pkgutil
import shutil
import subprocess

import pytest

import common.data
from common.data import licences, specs
from common.data.download import RemoteFile
from common.data.licences import NO, SOURCES, UNCLEAR, YES, sources_of, table
from common.data.npm_package import NpmPackage
from common.data.pip_package import PipPackage
from common.ledger.readme import begin, end
from tests.running import ROOT

# The whole source, data and all.
FREE = (
    "BSD-2-Clause",
    "MIT",
    "PSF-2.0",
    "package: MIT; weights: Apache-2.0",
    "package: MIT; database: WordNet licence",
    "this repository's (Apache-2.0)",
)
README = ROOT / "common" / "data" / "README.md"


def fetched() -> set[str]:
    """Every address and package that a module of common.data names as a constant."""
    found = set()
    for module in pkgutil.walk_packages(common.data.__path__, "common.data."):
        if module.name.endswith("__main__"):
            continue
        for value in vars(importlib.import_module(module.name)).values():
            for one in value.values() if isinstance(value, dict) else [value]:
                if isinstance(one, RemoteFile):
                    found.add(one.url)
                elif isinstance(one, NpmPackage):
                    found.add(f"npm {one.name}@{one.version}")
                elif isinstance(one, PipPackage):
                    found.add(f"PyPI {one.name}@{one.version}")
    return found


def test_every_file_that_is_fetched_has_an_entry():
    assert len(fetched()) >= 11
    assert fetched() <= {source.address for source in SOURCES}


def test_every_spec_has_an_entry():
    for name in specs.__all__:
        if name != "DataSpec":
            assert sources_of(getattr(specs, name)()), name
    for choice in ("stdlib", "stdlib_tests", "javascript", "humaneval"):
        assert sources_of(specs.CorpusSpec(source=choice))
    for choice in ("imdb", "spamassassin"):
        assert sources_of(specs.TextSpec(source=choice))
    for choice in ("planted", "aan"):
        assert sources_of(specs.RetrievalSpec(source=choice))
    for choice in ("movielens", "flights", "criteo", "avazu"):
        assert sources_of(specs.CtrSpec(source=choice))
    for choice in ("generated", "tsv"):
        assert sources_of(specs.ListOpsSpec(source=choice))


def test_every_entry_is_of_a_spec():
    assert {source.spec for source in SOURCES} <= set(specs.__all__)
    assert {source.redistributable for source in SOURCES} <= {YES, NO, UNCLEAR}
    assert len(set(SOURCES)) == len(SOURCES)


def test_only_what_is_made_here_is_given_freely():
    for source in SOURCES:
        free = source.generated or source.licence in FREE
        assert (source.redistributable == YES) == free, source


def test_the_readme_has_the_table():
    text = README.read_text()
    between = text.partition(begin("licences"))[2].partition(end("licences"))[0]
    assert between.strip() == table(), "run python -m common.data licences"
    assert table().count("\n") == len(SOURCES) + 1
    assert licences.SOURCES[0].name in between


def test_git_tracks_no_data():
    if shutil.which("git") is None or not (ROOT / ".git").exists():
        pytest.skip("not a git checkout")
    listed = subprocess.run(
        ["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.splitlines()
    assert "data.dvc" in listed
    endings = (".npz", ".npy", ".xz", ".jsonl", ".parquet", ".tgz", ".gz", ".bin", ".tsv")
    figures = ("results/figures/", "papers/")
    data = [
        name
        for name in listed
        if name.startswith("data/")
        or name.endswith(endings)
        or (name.endswith(".png") and not name.startswith(figures))
    ]
    assert data == []
