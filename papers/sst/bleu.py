"""Corpus BLEU of token sequences (Papineni et al. 2002), as sacrebleu computes it for text that is
tokenised already: up to four tokens, exponential smoothing of orders without a match."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence

from common.errors import InvalidInputError

ORDER = 4


def corpus_bleu(
    hypotheses: Sequence[Sequence[object]], references: Sequence[Sequence[object]]
) -> float:
    """0 to 100; one reference each.

    Raises:
        InvalidInputError: the two differ in number, or there are none.
    """
    if len(hypotheses) != len(references) or not references:
        raise InvalidInputError(
            f"{len(hypotheses)} translations for {len(references)} references; as many are needed, "
            "and one or more."
        )
    matches, totals = [0] * ORDER, [0] * ORDER
    for found, wanted in zip(hypotheses, references, strict=True):
        for n in range(ORDER):
            have, want = _grams(found, n + 1), _grams(wanted, n + 1)
            matches[n] += sum((have & want).values())
            totals[n] += sum(have.values())
    length, target = sum(map(len, hypotheses)), sum(map(len, references))
    if not matches[0]:
        return 0.0
    logs, halving = [], 1.0
    for match, total in zip(matches, totals, strict=True):
        if total == 0:
            break  # as sacrebleu's effective order: no sequence is so long
        if match == 0:
            halving *= 2
            logs.append(math.log(1 / (halving * total)))
        else:
            logs.append(math.log(match / total))
    if len(logs) < ORDER:
        return 0.0
    brevity = min(0.0, 1 - target / length)
    return 100 * math.exp(brevity + sum(logs) / ORDER)


def _grams(tokens: Sequence[object], n: int) -> Counter:
    return Counter(tuple(tokens[i : i + n]) for i in range(len(tokens) - n + 1))
