import os
import subprocess
import sys

import pytest
import torch

from common.kernels import compiled


@pytest.fixture
def fresh(monkeypatch, tmp_path):
    """An empty cache directory, and nothing remembered."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.delenv(compiled.SWITCH, raising=False)
    compiled._load.cache_clear()
    yield tmp_path
    compiled._load.cache_clear()


def test_can_be_switched_off(fresh, monkeypatch):
    monkeypatch.setenv(compiled.SWITCH, "0")
    assert compiled.scan_function(torch.float32) is None
    assert compiled.status() == "torch: switched off by STRUCTLAB_COMPILED=0"
    assert not list(fresh.iterdir())


def test_no_compiler(fresh, monkeypatch):
    monkeypatch.setenv("CC", "no-such-compiler")
    assert compiled.scan_function(torch.float32) is None
    assert compiled.status() == "torch: no C compiler: no-such-compiler"


def test_a_compiler_that_fails_leaves_nothing_behind(fresh, monkeypatch):
    script = fresh / "bad-compiler"
    script.write_text('#!/bin/sh\n[ "$1" = --version ] && exit 0\necho "no luck" >&2\nexit 3\n')
    script.chmod(0o755)
    monkeypatch.setenv("CC", str(script))
    assert compiled.scan_function(torch.float32) is None
    assert compiled.status().endswith("failed: no luck")
    assert not [x for x in fresh.rglob("*") if x.is_file() and x != script]


PROGRAM = (
    "import torch; from common.kernels import compiled, s5;"
    "u = torch.ones(1, 3, 1); one = torch.ones(1, 1) + 0j;"
    "print(s5.s5_apply(u, one[0], one, one).flatten().tolist());"
    "print(compiled.status())"
)


def elsewhere(**environment):
    """The status of another process, which computes a layer first."""
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        capture_output=True,
        text=True,
        env={**os.environ, **environment},
    )
    assert done.returncode == 0, done.stderr
    outputs, status = done.stdout.splitlines()
    assert outputs == "[1.0, 2.0, 3.0]"
    return status


@pytest.fixture
def library(fresh):
    if compiled.scan_function(torch.float32) is None:
        pytest.skip(compiled.status())
    (path,) = fresh.rglob("*.so")
    return path


@pytest.mark.parametrize("kept", [pytest.param(0, marks=pytest.mark.slow), 9000])
def test_a_damaged_library_is_compiled_again(library, kept):
    """The loader maps what is left of a cut file, and the process dies at the first call."""
    whole = library.read_bytes()
    library.unlink()  # not overwritten: this process has it mapped
    library.write_bytes(whole[:kept])
    assert elsewhere() == f"compiled: {library}"
    assert len(library.read_bytes()) > 9000


def test_a_directory_that_others_can_write_to_is_not_used(library):
    library.parent.chmod(0o777)
    status = elsewhere()
    assert status.startswith("compiled: ")
    assert str(library.parent) not in status


def test_a_relative_cache_directory_is_not_used(library, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    assert str(tmp_path / "home") in elsewhere(XDG_CACHE_HOME="here")


def test_a_home_that_cannot_be_written_still_compiles(library, tmp_path):
    (tmp_path / "file").write_text("")
    status = elsewhere(XDG_CACHE_HOME=str(tmp_path / "file"))
    assert status.startswith("compiled: ")
    assert str(tmp_path) not in status


def test_a_compiler_with_arguments(library):
    assert elsewhere(CC="cc -g0").startswith("compiled: ")


def test_the_answer_does_not_change_within_a_process(library, monkeypatch):
    monkeypatch.setenv(compiled.SWITCH, "0")
    assert compiled.scan_function(torch.float32) is not None
