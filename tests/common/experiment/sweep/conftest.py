"""A scheduler that says what a test tells it to."""

from __future__ import annotations

from pathlib import Path

import pytest

_SCRIPT = """#!/bin/sh
here=${0%/*}
name=${0##*/}
echo "$name $*" >> "$here/calls"
/usr/bin/env > "$here/$name.env"
if [ -f "$here/$name.fails" ]; then
    /bin/cat "$here/$name.fails" >&2
    exit 1
fi
/bin/cat "$here/$name.says" 2>/dev/null || true
"""


class Scheduler:
    """Commands of SLURM by name: each says its text, or fails with one."""

    def __init__(self, place: Path):
        self._place = place

    def says(self, **texts: str) -> None:
        for name, text in texts.items():
            (self._place / f"{name}.fails").unlink(missing_ok=True)
            (self._place / f"{name}.says").write_text(text)

    def fails(self, **texts: str) -> None:
        for name, text in texts.items():
            (self._place / f"{name}.fails").write_text(text)

    def lacks(self, name: str) -> None:
        (self._place / name).unlink()

    def calls(self, name: str) -> list[str]:
        """The arguments of each call of a command."""
        path = self._place / "calls"
        lines = path.read_text().splitlines() if path.exists() else []
        return [line.removeprefix(f"{name} ") for line in lines if line.startswith(f"{name} ")]

    def environment(self, name: str) -> str:
        """What the command saw when it was last called."""
        return (self._place / f"{name}.env").read_text()


@pytest.fixture
def scheduler(tmp_path, monkeypatch) -> Scheduler:
    """An empty queue; no other SLURM is found."""
    place = tmp_path / "bin"
    place.mkdir()
    for name in ("squeue", "sacct", "scontrol", "scancel", "sbatch", "srun"):
        (place / name).write_text(_SCRIPT)
        (place / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(place))
    return Scheduler(place)
