"""Where data may be looked for, kept and fetched from in this run."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from common.errors import UserError


@dataclass(frozen=True)
class DataContext:
    """The surroundings of a load; they never change what is loaded.

    Args:
        root: folder for prepared sets and downloads; made when first needed.
        local_source: folder with sets that are already at hand (subfolders `cifar10`, `imdb`,
            `aan`, `listops`, `spamassassin`), or None.
        download: whether a missing set may be fetched.
        workers: processes that generate a set; the bytes do not depend on it.
        progress: whether to show progress bars.
    """

    root: Path
    local_source: Path | None = None
    download: bool = True
    workers: int = 1
    progress: bool = True

    def __post_init__(self) -> None:
        object.__setattr__(self, "root", Path(self.root))
        if self.local_source is not None:
            object.__setattr__(self, "local_source", Path(self.local_source))
            if not self.local_source.is_dir():
                raise UserError(
                    f"The local data source {self.local_source} is not a folder. Name an existing "
                    "folder, or leave it empty to use packages and downloads."
                )
        if self.workers < 1:
            raise UserError(f"workers is {self.workers}; allowed: 1 or more processes.")

    @property
    def downloads(self) -> Path:
        """Folder of archives as they came."""
        return self.root / "downloads"

    def local(self, *names: str) -> Path | None:
        """`local_source/<names>` if that file or folder exists, else None."""
        if self.local_source is None:
            return None
        path = self.local_source.joinpath(*names)
        return path if path.exists() else None

    def fetch_message(self, source: str) -> str:
        """What is about to be fetched and to where, or would be if that were allowed."""
        switched_off = "" if self.download else ", but fetching is switched off"
        return f"Fetching {source} to {self.downloads}{switched_off}"

    def announce(self, message: str) -> None:
        """Tell the user what is about to happen (standard error, so that pipes stay clean)."""
        from rich.console import Console

        Console(stderr=True, highlight=False, soft_wrap=True).print(message, markup=False)
