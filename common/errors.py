"""Errors that say what was given, what is allowed and what to do."""

from __future__ import annotations


class UserError(Exception):
    """A mistake that the user can mend; shown without a stack trace, exit status 2."""


class InvalidInputError(UserError, ValueError):
    """A value out of range: a user's mistake on the command line, a ValueError to a caller."""


class MissingDataError(UserError):
    """A data set that is neither on disk nor to be had.

    Args:
        missing: what is missing, in a few words (``"IMDB: aclImdb_v1.tar.gz"``).
        remedy: what to put where, or which option helps.
    """

    def __init__(self, missing: str, remedy: str):
        super().__init__(f"{missing} is missing. {remedy}")
        self.missing = missing
        self.remedy = remedy


class CorruptDataError(UserError):
    """A data file whose content is not what its checksum or its format promises."""


class CorruptCheckpointError(UserError):
    """A checkpoint that was cut short or altered."""


class Diverged(Exception):
    """The loss stopped being finite.

    Args:
        step: optimiser step at which it happened.
        last_finite: last finite loss, None if there was none.
    """

    def __init__(self, step: int, last_finite: float | None):
        super().__init__(f"the loss is not finite at step {step}; last finite value {last_finite}")
        self.step = step
        self.last_finite = last_finite
