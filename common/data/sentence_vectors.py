"""Texts as vectors of norm 1: MiniLM's outputs, averaged over the tokens."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from jaxtyping import Float32

from common.data.minilm import MiniLM
from common.nn.bert import mean_pooled

LONGEST = 128  # tokens, as the encoder's own tokenizer cuts
BATCH = 32


@torch.no_grad()
def sentence_vectors(encoder: MiniLM, texts: Sequence[str]) -> Float32[np.ndarray, "n 384"]:
    """One a text, in order; computed in batches of texts of like length, on the processor.

    A text of which no token is left is its opening and closing one.
    """
    model = encoder.model()
    order = sorted(range(len(texts)), key=lambda i: (len(texts[i]), i))
    found = np.empty((len(texts), model.config.width), dtype=np.float32)
    for start in range(0, len(order), BATCH):
        chosen = order[start : start + BATCH]
        tokens, mask = encoder.tokenize([texts[i] for i in chosen], LONGEST)
        found[chosen] = mean_pooled(model(tokens, mask), mask).numpy()
    return found
