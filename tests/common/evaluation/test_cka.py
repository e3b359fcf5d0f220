"""Linear CKA against its definition by kernels, and its invariances."""

from __future__ import annotations

import pytest
import torch

from common.evaluation.cka import linear_cka


def test_against_the_kernels():
    torch.manual_seed(0)
    one, two = torch.randn(20, 5).double(), torch.randn(20, 7).double()
    centre = torch.eye(20).double() - 1 / 20
    K, L = (centre @ (x @ x.mT) @ centre for x in (one, two))
    expected = (K * L).sum() / (K.norm() * L.norm())
    assert linear_cka(one, two) == pytest.approx(float(expected), rel=1e-10)


def test_invariances():
    torch.manual_seed(0)
    one = torch.randn(30, 6)
    rotation = torch.linalg.qr(torch.randn(6, 6)).Q
    assert linear_cka(one, 3 * one @ rotation + 1) == pytest.approx(1, abs=1e-6)
    assert linear_cka(one, torch.randn(30, 6)) < 0.5
