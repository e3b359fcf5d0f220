"""The PTD solver: what it promises of every result, and Davies' bound."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from common.kernels.hippo import legs
from papers.s5_ptd.ptd import decompose, ptd, ptd_for_ratio
from papers.s5_ptd.tasks.ptd_solver import davies_bound, residual

QUICK = {"steps": 60, "starts": 1}


def check(A, result):
    """The object a layer loads: eigenpairs of A + E, unit columns, honest figures."""
    perturbed = (A + result.E).to(torch.complex128)
    size = torch.linalg.matrix_norm(A)
    assert torch.linalg.matrix_norm(perturbed @ result.V - result.V * result.lam) / size < 1e-10
    assert residual(A + result.E, result.lam, result.V) < 1e-10
    torch.testing.assert_close(
        torch.linalg.vector_norm(result.V, dim=0), torch.ones(len(A), dtype=torch.float64)
    )
    assert result.kappa == pytest.approx(float(torch.linalg.cond(result.V)), rel=1e-9)
    assert result.ratio == pytest.approx(
        float(torch.linalg.matrix_norm(result.E, 2) / torch.linalg.matrix_norm(A, 2))
    )


@pytest.mark.parametrize("n", [2, 3, 8, 16])
def test_hippo(n):
    A, _ = legs(n)
    result = ptd_for_ratio(A, 0.1, **QUICK)
    check(A, result)
    assert result.ratio <= 0.1
    assert result.kappa <= davies_bound(n, result.ratio)


@settings(max_examples=15, deadline=None)
@given(st.integers(1, 6), st.integers(0, 10_000), st.floats(0.01, 1))
def test_any_square_matrix(n, seed, ratio):
    generator = torch.Generator().manual_seed(seed)
    A = torch.randn(n, n, generator=generator, dtype=torch.float64)
    result = ptd_for_ratio(A, ratio, steps=5, starts=1)
    check(A, result)
    assert result.ratio <= ratio * (1 + 1e-9)


def test_a_defective_matrix_becomes_diagonalisable():
    A = torch.diag(torch.ones(3, dtype=torch.float64), 1)
    result = ptd_for_ratio(A, 0.2, **QUICK)
    check(A, result)
    assert result.kappa < 100


def test_the_penalised_form_trades_size_for_conditioning():
    A, _ = legs(8)
    cheap, dear = (ptd(A, gamma, steps=400) for gamma in (10.0, 1000.0))
    check(A, cheap)
    check(A, dear)
    assert dear.ratio < cheap.ratio
    assert dear.kappa > cheap.kappa


def test_kappa_squared_is_an_objective_and_e_may_be_complex():
    A, _ = legs(4)
    result = ptd(A, 10.0, steps=50, objective="kappa_sq", real=False)
    assert result.E.is_complex()
    check(A, result)


def test_a_real_perturbation_keeps_conjugate_pairs():
    A, _ = legs(8)
    lam = ptd_for_ratio(A, 0.1, **QUICK).lam
    for value in lam:
        assert (lam - value.conj()).abs().min() < 1e-9


def test_complex_matrices():
    A = legs(4)[0].to(torch.complex128) * (1 + 0.5j)
    check(A, ptd_for_ratio(A, 0.1, real=False, **QUICK))


def test_the_same_call_gives_the_same_bits_and_the_cache_too(tmp_path):
    A, _ = legs(8)
    first = ptd_for_ratio(A, 0.1, cache=tmp_path, **QUICK)
    assert len(list(tmp_path.glob("*.npz"))) == 1
    cached = ptd_for_ratio(A, 0.1, cache=tmp_path, **QUICK)
    anew = ptd_for_ratio(A, 0.1, **QUICK)
    assert torch.equal(first.E, cached.E)
    assert torch.equal(first.E, anew.E)
    assert torch.equal(first.lam, cached.lam)
    assert cached.history == first.history
    ptd_for_ratio(A, 0.11, cache=tmp_path, **QUICK)
    ptd_for_ratio(2 * A, 0.1, cache=tmp_path, **QUICK)
    assert len(list(tmp_path.glob("*.npz"))) == 3


@pytest.mark.parametrize("damage", [lambda b: b[: len(b) // 2], lambda b: b"", lambda b: b"text"])
def test_a_damaged_cache_file_is_named_and_solved_anew(tmp_path, damage):
    A, _ = legs(4)
    first = ptd_for_ratio(A, 0.1, cache=tmp_path, **QUICK)
    (file,) = tmp_path.glob("*.npz")
    file.write_bytes(damage(file.read_bytes()))
    with pytest.warns(UserWarning, match=file.name):
        again = ptd_for_ratio(A, 0.1, cache=tmp_path, **QUICK)
    assert torch.equal(first.E, again.E)
    assert torch.equal(ptd_for_ratio(A, 0.1, cache=tmp_path, **QUICK).E, first.E)


def test_a_cache_that_cannot_be_written_costs_only_the_time(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.warns(UserWarning, match="not kept"):
        check(legs(4)[0], ptd_for_ratio(legs(4)[0], 0.1, cache=tmp_path / "file", **QUICK))


def test_stabilising():
    A = torch.diag(torch.tensor([1.0, -2.0, 0.0], dtype=torch.float64))
    E = torch.zeros_like(A)
    assert decompose(A, E).lam.real.max() == 1
    reflected = decompose(A, E, stabilise="abs")
    assert sorted(reflected.lam.real.tolist()) == [-2, -1, 0]
    assert reflected.moved == 2
    assert decompose(A, E, stabilise="clip").lam.real.max() == -1e-4


def test_vinv_apply_is_a_solve():
    A, _ = legs(8)
    result = ptd_for_ratio(A, 0.1, **QUICK)
    X = torch.randn(8, 3, dtype=torch.float64)
    torch.testing.assert_close(result.V @ result.Vinv_apply(X), X.to(torch.complex128))
    torch.testing.assert_close(result.Vinv_apply(X)[:, 0], result.Vinv_apply(X[:, 0]))


@pytest.mark.parametrize("ratio", [0, -0.1, 1.5, float("nan")])
def test_impossible_ratios(ratio):
    with pytest.raises(ValueError, match="above 0"):
        ptd_for_ratio(legs(4)[0], ratio)


@pytest.mark.parametrize(
    ("A", "said"),
    [
        (torch.zeros(2, 3), "square"),
        (torch.zeros(3), "square"),
        (torch.zeros(3, 3), "nonzero"),
        (torch.full((2, 2), float("nan")), "NaN"),
        (torch.tensor([[1.0, float("inf")], [0, 1]]), "NaN or infinite"),
    ],
)
def test_impossible_matrices(A, said):
    with pytest.raises(ValueError, match=said):
        ptd_for_ratio(A, 0.1)


@pytest.mark.parametrize(
    "options",
    [{"steps": 0}, {"starts": 0}, {"lr": 0}, {"stabilise": "x"}],
)
def test_bad_options(options):
    with pytest.raises(ValueError, match=next(iter(options))):
        ptd_for_ratio(legs(4)[0], 0.1, **options)


@pytest.mark.parametrize("options", [{"gamma": 0}, {"gamma": 1, "objective": "x"}])
def test_bad_penalised_options(options):
    with pytest.raises(ValueError, match="allowed"):
        ptd(legs(4)[0], **options)


@pytest.mark.slow
@pytest.mark.parametrize(("n", "ratio", "kappa"), [(16, 0.051, 6.6), (32, 0.045, 8.4)])
def test_as_good_as_the_released_matrices(n, ratio, kappa):
    assert ptd_for_ratio(legs(n)[0], ratio).kappa <= kappa
