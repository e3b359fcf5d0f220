"""The figure of the starts: what it draws, and that it draws."""

from __future__ import annotations

import numpy as np
import pytest

from papers.s4d.figures import main, modes


@pytest.mark.parametrize("name", ["legs", "inv", "real", "random_imag"])
def test_modes_are_the_start_slowest_first(name):
    lam, B = modes(name, 16)
    assert lam.shape == B.shape == (8,)
    assert (np.diff(lam.imag) >= 0).all()
    if name == "real":
        assert lam.real.tolist() == [-n for n in range(1, 9)]
    again, _ = modes(name, 16)
    np.testing.assert_array_equal(lam, again)


def test_both_files_are_small(tmp_path):
    pytest.importorskip("matplotlib")
    main(tmp_path)
    assert {p.name for p in tmp_path.iterdir()} == {"starts.png", "starts.svg"}
    assert all(10_000 < p.stat().st_size < 200_000 for p in tmp_path.iterdir())
