"""The closed forms themselves: orthonormal, and what the state of a finite system tends to."""

import numpy as np
import pytest
import torch
from scipy.integrate import quad_vec

from common.kernels.hippo import legt
from papers.hippo.bases import MEASURES, basis_functions, weight
from papers.hippo.models import state_responses
from papers.hippo.warp import integrate

HORIZON = {"legs": 40, "legt": 2, "fout": 2, "lagt": 120}


@pytest.mark.parametrize("measure", MEASURES)
def test_orthonormal_under_the_weight(measure):
    n = 6

    def integrand(s):
        p = basis_functions(measure, n, np.array([s]))[0]
        return np.outer(p, p) * weight(measure, np.array([s]))[0]

    gram = quad_vec(integrand, 0, HORIZON[measure], epsabs=1e-10)[0]
    wanted = np.eye(n)
    if measure == "fout":
        wanted[1, 1] = 0  # sin 0
    np.testing.assert_allclose(gram, wanted, atol=1e-8)


@pytest.mark.parametrize(("measure", "tolerance"), [("legs", 1e-2), ("legt", 2e-2), ("fout", 5e-2)])
def test_the_state_gives_the_past_back(measure, tolerance):
    steps = 400
    t = torch.arange(2 * steps).double() / steps
    u = torch.sin(5 * t) + 0.3 * torch.cos(11 * t)
    state = state_responses(measure, 64, 2 / steps, 2 * steps) @ u.flip(0)
    age = np.arange(40, 200)
    rebuilt = basis_functions(measure, 64, 2 / steps * (age + 0.5)) @ state.numpy()
    assert np.abs(rebuilt - u.flip(0).numpy()[age]).max() < tolerance


def test_windows_end():
    s = np.array([-0.1, 1.9, 2.1])
    for measure in ("legt", "fout"):
        assert (weight(measure, s) == [0, 0.5, 0]).all()
        assert (basis_functions(measure, 4, s)[[0, 2]] == 0).all()


def test_unknown_measures_are_refused():
    for function in (lambda: weight("x", [0]), lambda: basis_functions("x", 2, [0])):
        with pytest.raises(ValueError, match="allowed: legs, legt, fout, lagt"):
            function()


def test_a_clock_that_runs_twice_as_fast():
    A, B = legt(4)
    zero = np.zeros(4)
    slow = integrate(A, B, lambda t: 1.0, lambda t: np.sin(t), 0, 2, zero)
    fast = integrate(A, B, lambda t: 2.0, lambda t: np.sin(2 * t), 0, 1, zero)
    np.testing.assert_allclose(fast, slow, atol=1e-9)
    # A constant input has a closed form: A x = (e^{tA} - I) B.
    got = integrate(A, B, lambda t: 1.0, lambda t: 1.0, 0, 1.5, zero)
    exponential = torch.linalg.matrix_exp(1.5 * A)
    wanted = torch.linalg.solve(A, (exponential - torch.eye(4)) @ B)
    np.testing.assert_allclose(got, wanted, atol=1e-9)
