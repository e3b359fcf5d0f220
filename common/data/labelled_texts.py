"""Labelled texts as a source hands them over, before encoding."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class LabelledTexts:
    """Texts and their classes, in the source's fixed order."""

    texts: list[str]
    labels: list[int]

    def take(self, indices: list[int]) -> LabelledTexts:
        """The rows `indices`, in that order."""
        return LabelledTexts([self.texts[i] for i in indices], [self.labels[i] for i in indices])
