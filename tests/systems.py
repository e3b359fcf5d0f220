"""State-space systems that several tests share; solved once a session."""

from __future__ import annotations

from functools import cache

from common.nn.modal import ModalBasis
from papers.s5_ptd.models import ptd_basis
from papers.s5_ptd.ptd import PTDResult


@cache
def small_ptd() -> tuple[ModalBasis, PTDResult]:
    """A PTD system of size 8, ||E|| = 0.1 ||A_H||."""
    return ptd_basis(8, 0.1)
