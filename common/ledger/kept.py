"""JSON that is kept between calls, and made anew when what it rests on has changed."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from common.atomic import replacing

KEPT = ".ledger"  # the folder of all that is kept, under the output folder


@dataclass(frozen=True)
class Kept:
    """One file: a line that says what the content rests on and its SHA-256, then the content."""

    path: Path

    def read(self, rests_on: str) -> Any:
        """What was kept under this digest; None if nothing was, or if the file is not whole or was
        changed by hand."""
        try:
            head, _, text = self.path.read_text().partition("\n")
            if json.loads(head) != [rests_on, _sha256(text)]:
                return None
            return json.loads(text)
        except (OSError, ValueError):
            return None

    def write(self, rests_on: str, content: Any) -> None:
        """Keep it. A place that takes no file only costs time."""
        text = json.dumps(content, separators=(",", ":"))
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with replacing(self.path, "w") as file:
                file.write(f"{json.dumps([rests_on, _sha256(text)])}\n{text}")
        except OSError:
            pass


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
