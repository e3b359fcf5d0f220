"""Is a figure still that of the code, the configuration and the data of this checkout?"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from common.experiment import sources
from common.ledger.runs import RunRow


@dataclass(frozen=True)
class Present:
    """What a result is compared with.

    Attributes:
        digest: module -> digest of its source now, empty if it is gone.
        data: key of a data set -> SHA-256 of its pinned version; a set without a pin, made in
            memory, is told by the code that makes it.
    """

    digest: Callable[[str], str] = sources.digest
    data: Mapping[str, str] = field(default_factory=dict)
    # Thousands of runs share a few sets of digests; the set is kept, so that its id stays its own.
    _known: dict[int, tuple[dict[str, str], list[str]]] = field(default_factory=dict, repr=False)

    def changes(self, row: RunRow, config_hash: str | None) -> list[str]:
        """What has changed since the run, in words; nothing if the figure still counts.

        Args:
            config_hash: of the configuration that the claims call for, None if none does.
        """
        found = []
        if config_hash is not None and row.config_hash != config_hash:
            found.append("configuration")
        found += self._code_changes(row.code)
        found += [
            f"data {key}"
            for key, then in sorted(row.data.items())
            if self.data.get(key, then) != then
        ]
        return found

    def _code_changes(self, code: dict[str, str]) -> list[str]:
        if not code:
            return ["code (the run does not say which it ran)"]
        if id(code) not in self._known:
            changed = [f"code {m}" for m, then in sorted(code.items()) if self.digest(m) != then]
            self._known[id(code)] = (code, changed)
        return self._known[id(code)][1]
