"""Known entries: blocks, order, places, parts."""

from __future__ import annotations

import torch

from papers.altmin_completion.models import (
    alternate,
    parts,
    spectral_start,
)
from papers.altmin_completion.observed import Observed
from papers.altmin_completion.problems import draw
from papers.altmin_completion.solvers import Exact
from tests.papers.altmin_completion.known import observed, rng


def test_blocks_hold_every_entry_once_with_little_padding():
    seen = observed(40, 30, 0.3)
    total = sum(int(block.known.sum()) for block in seen.blocks)
    padded = sum(block.known.numel() for block in seen.blocks)
    assert total == len(seen.values)
    assert total >= 0.7 * padded
    back = torch.zeros(seen.shape).double()
    for block in seen.blocks:
        for row, index, values, known in zip(
            block.rows, block.index, block.values, block.known, strict=True
        ):
            back[row, index[known]] = values[known]
    torch.testing.assert_close(back, seen.filled)
    torch.testing.assert_close(seen.transposed.filled, seen.filled.mT)


def test_entries_in_any_order_are_the_same():
    seen = observed()
    order = torch.from_numpy(rng().permutation(len(seen.values)))
    mixed = Observed(seen.shape, seen.rows[order], seen.columns[order], seen.values[order])
    torch.testing.assert_close(mixed.filled, seen.filled)
    parts = seen.split(3, rng(1))
    torch.testing.assert_close(sum(part.filled for part in parts), seen.filled)


def test_rows_without_an_entry_are_left_out_of_the_error():
    problem = draw(60, 2, 0.5, rng())
    mask = problem.observed.mask.bool()
    mask[4], mask[:, 7] = False, False
    seen = Observed.of_mask(problem.truth, mask)
    found = alternate(seen, spectral_start(seen, 2), 40, Exact(), truth=problem.truth)
    assert (found.empty, found.short) == (2, 2)
    assert found.errors[-1] < 1e-10
    assert (found.matrix() - problem.truth)[4].norm() > 1e-3


def test_places_beyond_32_bits():
    """65,537 x 65,536: the place of (65,536, 0) is 2^32."""
    rows, columns = torch.tensor([[69_000, 65_536, 0], [3, 0, 0]], dtype=torch.int32)
    seen = Observed((70_000, 70_000), rows, columns, torch.tensor([3.0, 2.0, 1.0]))
    assert seen.rows.tolist() == [0, 65_536, 69_000]
    assert seen.values.tolist() == [1.0, 2.0, 3.0]
    assert Observed((65_537, 65_536), rows[1:], columns[1:], torch.ones(2)).rows.tolist() == [
        0,
        65_536,
    ]


def test_the_proof_s_parts_have_no_entry_in_common():
    """Every half round sees its own of 2 T + 1, and the start the first."""
    seen, used = observed(40, 40, 0.9), []

    class Watched(Exact):
        def solve(self, observed, partner, start):
            used.append(observed)
            return super().solve(observed, partner, start)

    first, *_ = parts(seen, 3, 5)
    alternate(seen, spectral_start(first, 2), 3, Watched(), split=True, seed=5)
    masks = [first.mask] + [
        part.mask.mT if number % 2 == 0 else part.mask for number, part in enumerate(used)
    ]
    assert len(masks) == 7
    torch.testing.assert_close(sum(masks), seen.mask)
