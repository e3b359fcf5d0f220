"""Which triples are active in an iteration (Section 4.4), and four other rules (the ablation)."""

from __future__ import annotations

import hashlib

import torch
from jaxtyping import Float, Int
from torch import Tensor

from common.errors import InvalidInputError

MIXTURE, MULTINOMIAL, UNIFORM, SEQUENTIAL, TOP = (
    "mixture",
    "multinomial",
    "uniform",
    "sequential",
    "top",
)
RULES = (MIXTURE, MULTINOMIAL, UNIFORM, SEQUENTIAL, TOP)


def probabilities(s: Float[Tensor, " k"], rule: str = MIXTURE) -> Float[Tensor, " k"]:
    """Of the first draw, float64: p(i) = (1/k + s_i / sum s) / 2 under ``mixture``, whose uniform
    half keeps triples of s_i = 0 in play; s_i / sum s under ``multinomial``; 1/k under ``uniform``.

    Where all of s is 0, every rule is uniform.
    """
    s = s.detach().double()
    even = torch.full_like(s, 1 / len(s))
    total = s.sum()
    share = torch.where(total > 0, s / total.clamp(min=torch.finfo(s.dtype).tiny), even)
    return {MIXTURE: (even + share) / 2, MULTINOMIAL: share, UNIFORM: even}[rule]


def choose(
    s: Float[Tensor, " k"], rank: int, rule: str, *, seed: int, layer: str, iteration: int
) -> Int[Tensor, " r"]:
    """``rank`` different indexes, on the device of ``s``; U and V share them.

    Drawn one after the other without replacement, each in proportion to what is left of p: the
    ``rank`` smallest of k exponential variables of rates p(i) are such a draw. The randomness is a
    function of seed, layer and iteration alone, so that a resumed run draws the same; it is made on
    the CPU, so that every device does.

    Args:
        s: singular values.
        rank: r.
        rule: ``mixture`` (the paper's), ``multinomial``, ``uniform``, ``sequential``: iteration j
            takes the r triples from j r on, in the round; ``top``: the r largest of s.
        seed: of the run.
        layer: name of the layer in its model.
        iteration: number of the draw.

    Raises:
        InvalidInputError: there is no such rule, or ``rank`` is not 1 to k.
    """
    k = len(s)
    if rule not in RULES:
        raise InvalidInputError(f"rule={rule!r}; allowed: {', '.join(RULES)}.")
    if not 1 <= rank <= k:
        raise InvalidInputError(f"rank={rank}; of {k} singular values 1 to {k} can be drawn.")
    if rule == SEQUENTIAL:
        return (torch.arange(rank, device=s.device) + iteration * rank) % k
    if rule == TOP:
        return torch.argsort(s.detach(), descending=True, stable=True)[:rank]
    generator = seeded(seed, layer, iteration)
    uniform = torch.rand(k, generator=generator, dtype=torch.float64).to(s.device)
    waiting = -torch.log1p(-uniform) / probabilities(s, rule)
    return torch.argsort(waiting, stable=True)[:rank]


def seeded(seed: int, layer: str, iteration: int) -> torch.Generator:
    """A generator on the CPU that depends on these three and on nothing that ran before."""
    name = hashlib.sha256(f"{seed}|{layer}|{iteration}".encode()).digest()
    return torch.Generator().manual_seed(int.from_bytes(name[:8], "little") >> 1)
