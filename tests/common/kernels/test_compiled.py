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


def test_a_damaged_library_falls_back(fresh):
    if compiled.scan_function(torch.float32) is None:
        pytest.skip(compiled.status())
    (library,) = fresh.rglob("*.so")
    program = (
        "import torch; from common.kernels import compiled, s5;"
        "u = torch.ones(1, 3, 1); one = torch.ones(1, 1) + 0j;"
        "print(s5.s5_apply(u, one[0], one, one).flatten().tolist());"
        "print(compiled.status()[:7])"
    )
    library.unlink()  # not overwritten: this process has it mapped
    library.write_bytes(b"not a library")
    result = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, env=os.environ
    )
    assert result.stdout.split("\n")[:2] == ["[1.0, 2.0, 3.0]", "torch: "], result.stderr


def test_is_compiled_once(fresh, monkeypatch):
    if compiled.scan_function(torch.float32) is None:
        pytest.skip(compiled.status())
    compiled._load.cache_clear()
    monkeypatch.setattr(compiled, "_compile", lambda *_: pytest.fail("compiled again"))
    assert compiled.status().startswith("compiled: ")
