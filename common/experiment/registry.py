"""What there is to run, read off the configuration files: papers, their tasks, the scales.

No import beyond the standard library: ``run.py --help`` answers from here.
"""

from __future__ import annotations

import re
from pathlib import Path

from common.experiment.paths import conf_folder, paper_config_folders


def _options(folder: Path) -> list[str]:
    return sorted(p.relative_to(folder).with_suffix("").as_posix() for p in folder.rglob("*.yaml"))


def papers() -> list[str]:
    """Ids of the papers that can be run."""
    return sorted(o for f in paper_config_folders() for o in _options(f / "paper"))


def tasks(paper: str) -> list[str]:
    """Tasks that have a recipe for this paper."""
    return sorted(o for f in paper_config_folders() for o in _options(f / "recipe" / paper))


def models(paper: str) -> list[str]:
    """Options of ``model=`` that this paper's folder brings, and the shared ones if one of its
    recipes starts from such a one."""
    folders = [f for f in paper_config_folders() if f.parent.name == paper]
    own = [o for f in folders for o in _options(f / "model")]
    shared = _options(conf_folder() / "model")
    recipes = [p for f in folders for p in (f / "recipe" / paper).rglob("*.yaml")]
    starts = {m for p in recipes for m in re.findall(r"^  - /model: (\S+)", p.read_text(), re.M)}
    return sorted(own + (shared if starts & set(shared) else []))


def scales() -> list[str]:
    """Names of the scales, smallest first."""
    found = _options(conf_folder() / "scale")
    order = ["smoke", "laptop", "paper"]
    return sorted(found, key=lambda s: order.index(s) if s in order else len(order))


def trainers() -> list[str]:
    """Options of the ``trainer`` group."""
    return _options(conf_folder() / "trainer")


def sites() -> list[str]:
    """Files of what clusters ask for; all but the example are this machine's own."""
    return _options(conf_folder() / "site")


def default_paper() -> str:
    """The paper that runs where none is named."""
    text = (conf_folder() / "config.yaml").read_text()
    return re.search(r"^  - paper: (\S+)", text, re.MULTILINE).group(1)


def default_task(paper: str) -> str | None:
    """The task that ``paper=<id>`` alone runs."""
    for folder in paper_config_folders():
        file = folder / "paper" / f"{paper}.yaml"
        if file.is_file():
            for line in file.read_text().splitlines():
                key, _, value = line.strip().removeprefix("- ").partition(":")
                if key == "override /task":
                    return value.strip()
    return None
