"""A job that is started again."""

from __future__ import annotations

from pathlib import Path

from common.experiment.sweep import at_hand
from common.experiment.sweep.store import Note, Sweep


def forget_the_end(sweep: Sweep, index: int) -> None:
    """What ended badly is no longer where the job stands; how often it was tried stays."""
    note = sweep.note(index)
    if not note.attempts:
        return
    standing = at_hand.standing_of(Path(note.folder)) if note.folder else None
    kept = note.folder if standing is not None and standing.what != at_hand.NEW else None
    sweep.keep(index, Note(folder=kept, attempts=note.attempts))
