"""What counts as a change of source, and what a run is said to depend on."""

import json
import sys

import pytest

from common.experiment import sources
from common.experiment.sources import (
    digest,
    imported,
    loaded,
    mixed,
    reached,
    roots,
    source_file,
    substance,
)
from tests.running import run

QUICK = ["task=lra/listops", "scale=smoke", "trainer.threads=1"]

SOURCE = '''"""What it is."""

import math


def area(radius: float) -> float:
    """Of a circle.

    More on it.
    """
    # Archimedes
    return math.pi * radius**2  # exactly


class Shape:
    """A shape."""

    name = "a # b"
'''


GUARDED = """
from typing import TYPE_CHECKING
if TYPE_CHECKING:
    import house.f
else:
    import house.g
"""


def forget():
    """As a new process would."""
    sources.imported.cache_clear()
    sources.digest.cache_clear()


@pytest.fixture
def house(tmp_path, monkeypatch):
    """A package of modules, as a house of its own."""

    def build(**files):
        for name, text in files.items():
            path = tmp_path / (name.replace("__", "/") + ".py")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        for folder in {p.parent for p in tmp_path.rglob("*.py")}:
            (folder / "__init__.py").touch()
        return tmp_path

    monkeypatch.setattr(sources, "PACKAGES", {"house": tmp_path})
    forget()
    yield build
    forget()


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("# Archimedes", "# or Eudoxus"),
        ("  # exactly", ""),
        ("Of a circle.", "Of a disc."),
        ("A shape.", "Any shape."),
        ("import math\n", "import math\n\n\n\n"),
        ('"""What it is."""\n', ""),
    ],
)
def test_words_do_not_count(old, new):
    assert old in SOURCE
    assert substance(SOURCE.replace(old, new)) == substance(SOURCE)


@pytest.mark.parametrize(
    ("old", "new"), [("**2", "**3"), ("a # b", "a # c"), ("float)", "int)"), ("math", "cmath")]
)
def test_everything_else_does(old, new):
    assert substance(SOURCE.replace(old, new)) != substance(SOURCE)


def test_a_string_that_is_used_is_no_docstring():
    assert substance('x = """a"""\n') != substance('x = """b"""\n')
    assert substance('def f(): "doc"; return 1\n') != substance('def f(): "doc"; return 2\n')
    assert substance('"""doc"""; x = 1\n') != substance('"""doc"""; x = 2\n')
    assert substance('x = """a\n\nb"""\n') != substance('x = """a\nb"""\n')
    assert substance('x = """a  \nb"""\n') != substance('x = """a\nb"""\n')
    assert substance('"""a\n\nb"""\n') == substance('"""a\nb"""\n') == ""


def test_imports_are_followed_wherever_they_stand(house):
    house(
        a="import house.b\n",
        b="def f():\n    from house.deep import c\n",
        deep__c="from . import d\nfrom ..e import thing\n",
        deep__d=GUARDED,
        e="thing = 1\n",
        f="",
        g="",
        unused="",
    )
    assert reached(["house.a"]) == [
        "house",
        "house.a",
        "house.b",
        "house.deep",
        "house.deep.c",
        "house.deep.d",
        "house.e",
        "house.g",
    ]
    assert imported("house.gone") == frozenset()
    assert source_file("torch.nn") is None


def test_a_digest_covers_the_files_a_module_names(house):
    folder = house(a='SOURCE = "scan.c"\n')
    (folder / "scan.c").write_text("int x;")
    (folder / "other.c").write_text("int y;")
    before = digest("house.a")
    forget()
    (folder / "other.c").write_text("int z;")
    assert digest("house.a") == before
    forget()
    (folder / "scan.c").write_text("long x;")
    assert digest("house.a") != before
    assert digest("house.gone") == ""


def test_a_process_runs_what_it_first_saw(house):
    folder = house(a="x = 1\n")
    before = digest("house.a")
    (folder / "a.py").write_text("x = 2\n")
    assert digest("house.a") == before
    forget()
    assert digest("house.a") != before


def test_of_a_package_that_passes_names_on_those_that_are_used_count(house):
    folder = house(a="from house.kit import scan\n", kit__one="scan = 1\n", kit__two="scan = 2\n")
    listed = folder / "kit" / "__init__.py"
    listed.write_text("from house.kit.one import scan\n")
    assert digest("house.kit") == ""
    assert "house.kit:scan" in reached(["house.a"])
    before = digest("house.kit:scan")
    # Another name in the list makes nothing stale, the same name from elsewhere does.
    forget()
    listed.write_text("from house.kit.one import scan\nfrom house.kit.two import scan as other\n")
    assert digest("house.kit:scan") == before
    forget()
    listed.write_text("from house.kit.two import scan\n")
    assert digest("house.kit:scan") != before
    forget()
    listed.write_text("from house.kit.one import scan\nscan = 3 * scan\n")
    assert digest("house.kit:scan") not in ("", before)
    forget()
    listed.write_text("")
    assert digest("house.kit:scan") == ""


def test_only_what_was_imported_counts():
    known = {"common.errors": "a", "common.never.imported": "b"}
    assert "common.errors" in sys.modules
    assert loaded(known) == {"common.errors": "a"}


def test_a_resumed_run_under_other_source_has_neither_digest():
    assert mixed({"a": "1", "b": "1"}, {"a": "1", "b": "2", "c": "3"}) == {
        "a": "1",
        "b": "1+2",
        "c": "3",
    }


def test_a_run_begins_at_its_entry_its_data_and_the_machine():
    from hydra import compose, initialize_config_dir

    from common.experiment.paths import conf_folder
    from common.experiment.registration import register

    register()
    with initialize_config_dir(str(conf_folder()), version_base="1.3"):
        found = roots(compose("config", overrides=["task=lra/listops"]))
    assert found >= {
        "papers.s5_ptd.tasks.classify",
        "common.data.listops.dataset",
        "common.experiment.machine",
    }
    modules = reached(found)
    assert {"common.kernels.s5", "common.nn.s5", "common.trainers.fit"} <= set(modules)
    assert not any(m.startswith(("common.ledger", "papers.hippo")) for m in modules)
    assert not any(m.startswith("common.data.mnist") for m in modules)


LIST_MODULES = """
import atexit, sys
def show():
    ours = [m for m in sys.modules if m.partition(".")[0] in ("common", "papers")]
    print("MODULES", *sorted(ours))
atexit.register(show)
"""
# What composes, starts, records and shows a run: none of it touches a figure.
AROUND = ("common.experiment", "common.data.specs", "common.trainers.schema")


def is_a_schema_s(module: str) -> bool:
    """A schema, or what the schemas of other papers import: all are read when a run is composed."""
    name = module.rpartition(".")[2]
    other = module.startswith("papers.") and not module.startswith("papers.s5_ptd.")
    return name.startswith("schema") or name.endswith("schema") or other


def test_a_run_names_every_module_that_it_imported(tmp_path):
    done = run(QUICK, tmp_path, prelude=LIST_MODULES)
    assert done.returncode == 0, done.stderr
    (listed,) = (line for line in done.stdout.splitlines() if line.startswith("MODULES"))
    imported = set(listed.split()[1:])
    (record,) = (json.loads(p.read_text()) for p in (tmp_path / "outputs").rglob("record.json"))
    named = {module.partition(":")[0] for module in record["code"]}
    assert {"common.kernels.discretise", "papers.s5_ptd.tasks.classify"} <= named <= imported
    silent = {
        module
        for module in imported - named
        if sources.digest(module)  # there is more to it than imports
        and not module.startswith(AROUND)
        and not is_a_schema_s(module)
    }
    assert silent == set()
