"""Best fits against exact cases and a slow solver."""

from __future__ import annotations

from itertools import pairwise

import pytest
import torch

from papers.randlora.bases import Bases, Law
from papers.randlora.fits import Fit, best_fit, low_rank_error
from papers.randlora.targets import gaussian, orthogonal, planted


def seeded(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def normal(rows, columns, rank, number, **settings) -> Bases:
    return Bases(rows, columns, rank, number, Law("normal"), 0, **settings)


def test_a_planted_update_is_found():
    fit = Fit.of(normal(8, 6, 2, 3))
    fit.lam, fit.gam = torch.rand(3, 2).double() + 0.5, torch.randn(3, 6).double()
    target = fit.update()
    gam = fit.gam.clone()
    fit.gam = torch.zeros_like(gam)
    fit.solve_gam(target)
    torch.testing.assert_close(fit.gam, gam, rtol=1e-9, atol=1e-9)
    lam = fit.lam.clone()
    fit.lam = torch.zeros_like(lam)
    fit.solve_lam(target)
    torch.testing.assert_close(fit.lam, lam, rtol=1e-8, atol=1e-8)


@pytest.mark.parametrize("separate", [False, True])
def test_each_half_is_the_least_squares_solution(separate):
    fit = Fit.of(normal(7, 5, 2, 3, separate=separate))
    target = gaussian(7, 5, seeded(1))
    fit.gam = torch.randn(3, 5, generator=seeded(2)).double()
    design = torch.stack(
        [
            torch.outer(fit.long[:, j, k], fit.short[j, k] * fit.gam[j]).flatten()
            for j in range(3)
            for k in range(2)
        ],
        1,
    )
    expected = torch.linalg.lstsq(design, target.flatten()[:, None]).solution.view(3, 2)
    fit.solve_lam(target)
    torch.testing.assert_close(fit.lam, expected, rtol=1e-8, atol=1e-8)


def test_the_error_never_rises():
    target = planted(12, 0.1, seeded(0))
    errors = [best_fit(normal(12, 12, 3, 4), target, rounds).error(target) for rounds in range(6)]
    assert all(b <= a + 1e-12 for a, b in pairwise(errors))


def test_rank_one_bases_fit_anything_square():
    target = gaussian(9, 9, seeded(3))
    assert best_fit(normal(9, 9, 1, 9), target, 0).error(target) < 1e-20


def test_targets():
    q = orthogonal(7, seeded(0))
    torch.testing.assert_close(q @ q.mT, torch.eye(7).double())
    values = torch.linalg.svdvals(planted(6, 0.5, seeded(1)))
    torch.testing.assert_close(values, torch.arange(1, 7).double() ** -0.5)
    assert low_rank_error(planted(48, 0.0, seeded(0)), 4) == pytest.approx(44 / 48)
