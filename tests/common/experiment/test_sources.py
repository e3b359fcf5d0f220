"""What counts as a change of source, and what a run is said to depend on."""

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
    sources.imported.cache_clear()
    yield build
    sources.imported.cache_clear()


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
    folder = house(
        a='SOURCE = "scan.c"\n', only="from house.a import SOURCE\n__all__ = ['SOURCE']\n"
    )
    (folder / "scan.c").write_text("int x;")
    (folder / "other.c").write_text("int y;")
    before = digest("house.a")
    (folder / "other.c").write_text("int z;")
    assert digest("house.a") == before
    (folder / "scan.c").write_text("long x;")
    sources._digest.cache_clear()
    assert digest("house.a") != before
    # A list of imports is no source of figures: a name added to it makes nothing stale.
    assert digest("house.only") == ""
    assert digest("house.gone") == ""


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

    from common.experiment.launch import register
    from common.experiment.paths import conf_folder

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
