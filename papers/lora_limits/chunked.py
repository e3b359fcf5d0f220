"""The exact gradient in O(L) memory and O(L^2) time: the peer that the fast one is timed against.

Narrow heads: one sweep. With ``E = exp(scores)`` a tile at a time, one product

    E ([h, 1] (x) [1, X])    L x (n + 1)(d + 1)

holds row sums, f h, f X and f (h (x) X); from these the residual and p X follow token by token, so
that no tile is needed twice. Three operations a tile: two products and exp.

Wide heads, or scores that could overflow: two products on the way to the residual, two after it,
a few rows of all scores at a time; neither f nor q nor p is ever normalised, transposed or kept.
"""

from __future__ import annotations

import torch

from common.kernels.khatri_rao import rowwise_khatri_rao
from papers.lora_limits.bounds import score_radius
from papers.lora_limits.fast import blocks
from papers.lora_limits.head import Gradients, Problem

KEYS, QUERIES = 1024, 128  # of a tile: half a megabyte of scores
_HELD = 1 << 17  # scores of a block of rows: two such tables fit the second-level cache
_NARROW = 64  # columns of the one product; more would be more work than four products of d or n
_SAFE = 60.0  # no sum of exponentials of smaller scores overflows float32


@torch.no_grad()
def chunked_gradients(problem: Problem) -> Gradients:
    """Of W_Q, W_K and W_V; what is summed over tokens is summed in float64."""
    (_, d), n = problem.x.shape, problem.y.shape[1]
    safe = score_radius(problem.queries, problem.keys) <= _SAFE
    return one_sweep(problem) if safe and (n + 1) * (d + 1) <= _NARROW else two_sweeps(problem)


@torch.no_grad()
def one_sweep(problem: Problem) -> Gradients:
    """For scores below 60."""
    (length, d), n = problem.x.shape, problem.y.shape[1]
    one = problem.x.new_ones(length, 1)
    x_one = torch.cat([one, problem.x], 1)
    columns = rowwise_khatri_rao(torch.cat([problem.values, one], 1), x_one).mT.contiguous()
    queries, keys = problem.queries.mT.contiguous(), problem.keys
    mixed = columns.new_empty(len(columns), length)
    tile = columns.new_empty(KEYS * QUERIES)
    for rows in blocks(length, QUERIES):
        mine, out = queries[:, rows], mixed[:, rows]
        total = torch.zeros_like(out)
        for others in blocks(length, KEYS):
            block = keys[others]
            scores = tile[: len(block) * mine.shape[1]].view(len(block), -1)
            torch.mm(block, mine, out=scores)
            total.addmm_(columns[:, others], scores.exp_())
        out.copy_(total)
    table = mixed.view(n + 1, d + 1, length)
    table /= table[n, 0].clone()
    output = table[:n, 0]
    c = output - problem.y.mT
    rho = (c * output).sum(0, keepdim=True)
    # Rows of p X: sum over a of [c, -rho]_a times f ([h, 1]_a X).
    weighted = torch.einsum("al,apl->pl", torch.cat([c, -rho]), table[:, 1:])
    x, c = problem.x.mT.double(), c.double()
    value = table[n, 1:].double() @ c.mT
    return problem.gradients(x @ weighted.mT.double(), value, float(c.square().sum()) / 2)


@torch.no_grad()
def two_sweeps(problem: Problem, tokens: int | None = None) -> Gradients:
    """For any scores and any width.

    Args:
        tokens: rows of a block; None: as many as make 131,072 scores, at least 8.
    """
    (length, d), n = problem.x.shape, problem.y.shape[1]
    tokens = min(length, tokens or max(8, _HELD // length))
    # Wide tables are multiplied from the left by few rows: faster than from the right.
    one = problem.x.new_ones(1, length)
    x_one = torch.cat([problem.x.mT, one])
    h_one, keys = torch.cat([problem.values.mT, one]), problem.keys.mT.contiguous()
    x, y, value_weight = x_one[:d], problem.y.mT, problem.head.value.merged
    interaction = x.new_zeros(d, d, dtype=torch.float64)
    value = x.new_zeros(d, n, dtype=torch.float64)
    loss = torch.zeros((), dtype=torch.float64, device=x.device)
    tables = x.new_empty(2, tokens, length)
    for rows in blocks(length, tokens):
        mine = x[:, rows]
        E, p = tables[:, : mine.shape[1]]
        torch.mm(problem.queries[rows], keys, out=E)
        E.sub_(E.amax(1, keepdim=True)).exp_()
        sums = x_one @ E.mT
        mixed, sums = sums[:d] / sums[d:], sums[d:]
        output = value_weight.mT @ mixed
        c = output - y[:, rows]
        rho = (c * output).sum(0, keepdim=True)
        torch.mm((torch.cat([c, -rho]) / sums).mT, h_one, out=p)
        interaction += mine @ (x @ p.mul_(E).mT).mT
        value += mixed @ c.mT
        loss += c.square().sum()
    return problem.gradients(interaction, value, float(loss) / 2)
