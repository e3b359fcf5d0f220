"""Initialisers and the models built from them."""

from __future__ import annotations

import pytest
import torch
from omegaconf import OmegaConf

from common.data.sequence import SequenceData, SequenceSplit
from common.kernels.hippo import legs, legs_normal
from common.kernels.transfer import transfer_function, transfer_function_diagonal
from papers.s5_ptd.models import (
    build,
    dense_system,
    ginibre,
    initial_basis,
    normal_basis,
    ptd_basis,
    rand_basis,
)
from papers.s5_ptd.schema import ModelConfig
from tests.systems import small_ptd

POINTS = torch.tensor([0.0, 1j, 7.3j, 20.4j, 2.0 + 5j], dtype=torch.complex128)


def configured(**options):
    base = {
        "name": "x",
        "layer": "s5",
        "initialiser": "diag",
        "n_layers": 1,
        "d_model": 4,
        "state_size": 8,
    }
    return OmegaConf.structured(ModelConfig(**(base | options)))


@pytest.mark.parametrize("name", ["ptd", "rand", "diag", "dplr"])
def test_a_basis_has_the_transfer_function_of_its_system(name):
    """For random C, (lam, V^-1 B, C V) is (A, B, C): V is never taken for unitary."""
    n = 8
    _, B = legs(n)
    C = torch.randn(3, n, dtype=torch.float64)
    if name in ("ptd", "rand"):
        basis, result = small_ptd() if name == "ptd" else rand_basis(n, 0.05, seed=3)
        assert result.moved == 0 or name == "rand"
        # Reflection, where it happens, is part of the system that the layer runs.
        system = (result.V * result.lam) @ torch.linalg.inv(result.V)
    elif name == "diag":
        basis, system, B = normal_basis(n), legs_normal(n), B / 2
    else:
        basis, system = normal_basis(n, low_rank=True), legs_normal(n)
    modal = transfer_function_diagonal(
        basis.lam, basis.input_modal(), C.to(basis.V.dtype) @ basis.V, 0.0, POINTS
    )
    torch.testing.assert_close(modal, transfer_function(system, B, C, 0.0, POINTS))


@pytest.mark.parametrize("n", [8, 16, pytest.param(32, marks=pytest.mark.slow)])
def test_what_the_layer_loads_is_an_eigendecomposition(n, tmp_path):
    """Of the matrix it claims, to working precision, on the object itself."""
    config = configured(initialiser="ptd", state_size=2 * n, blocks=2, perturbation_ratio=0.05)
    basis, result = initial_basis(config, cache=tmp_path)
    perturbed = (legs(n)[0] + result.E).to(torch.complex128)
    exact = result.V * torch.diagonal(torch.linalg.solve(result.V, perturbed @ result.V))
    size = torch.linalg.matrix_norm(perturbed)
    assert torch.linalg.matrix_norm(perturbed @ basis.V - exact) / size < 1e-10
    # The eigenvalues loaded are these, reflected where they were unstable.
    eigenvalues = torch.diagonal(torch.linalg.solve(result.V, perturbed @ result.V))
    assert torch.equal(basis.lam.real.sign(), -torch.ones(n, dtype=torch.float64))
    torch.testing.assert_close(basis.lam.real.abs(), eigenvalues.real.abs())
    torch.testing.assert_close(basis.lam.imag, eigenvalues.imag)
    assert result.ratio <= 0.05


def test_ptd_of_size_two_needs_no_perturbation():
    basis, result = ptd_basis(2, 0.05)
    assert result.ratio == 0
    assert result.kappa == pytest.approx(3.732, abs=1e-3)
    assert sorted(basis.lam.real.tolist()) == pytest.approx([-2, -1])


def test_ptd_is_not_the_normal_part():
    basis, result = small_ptd()
    assert 0 < result.ratio <= 0.1
    assert (basis.lam.real + 0.5).abs().max() > 0.1
    assert not torch.allclose(basis.V.mH @ basis.V, torch.eye(8, dtype=torch.complex128))


def test_clipping_bounds_the_imaginary_part_of_b():
    plain, clipped = normal_basis(16), normal_basis(16, clip=True)
    B = clipped.input_modal()
    assert B.imag.abs().max() <= 2 + 1e-12
    # The repository's version has B_H, twice the B of the theory.
    small = (2 * plain.input_modal()).imag.abs() < 2
    torch.testing.assert_close(B[small], 2 * plain.input_modal()[small])
    assert (2 * plain.input_modal()).abs().max().item() == pytest.approx(10.2, abs=0.1)


def test_ginibre_has_the_norm_asked_for():
    for real in (True, False):
        E = ginibre(16, 3.0, seed=1, real=real)
        assert float(torch.linalg.matrix_norm(E, 2)) == pytest.approx(3.0)
        assert E.is_complex() != real


def test_a_state_size_that_blocks_do_not_divide():
    with pytest.raises(ValueError, match=r"state_size=10 is not divisible into model.blocks=4"):
        initial_basis(configured(state_size=10, blocks=4))


@pytest.mark.parametrize("name", ["ptd", "rand", "diag"])
@pytest.mark.parametrize("ratio", [0, -1, 1.5])
def test_impossible_ratios_are_refused_for_every_start(name, ratio):
    with pytest.raises(ValueError, match="above 0"):
        initial_basis(configured(initialiser=name, perturbation_ratio=ratio))


def test_systems_by_name():
    A, B = legs(8)
    assert torch.equal(dense_system("hippo_dense", 8)[0], A)
    assert torch.equal(dense_system("diag", 8)[1], B / 2)
    E = torch.ones(8, 8, dtype=torch.float64)
    assert torch.equal(dense_system("ptd", 8, E)[0], A + E)
    with pytest.raises(ValueError, match="allowed"):
        dense_system("ptd", 8)
    with pytest.raises(ValueError, match="hippo_dense"):
        dense_system("x", 8)


@pytest.mark.parametrize("options", [{"initialiser": "x"}, {"state_size": 0}])
def test_bad_bases(options):
    with pytest.raises(ValueError, match=r"allowed|divisible"):
        initial_basis(configured(**options))


def data(tokens=True, pairs=False):
    shape = (4, 2, 12) if pairs else (4, 12)
    inputs = torch.randint(1, 9, shape) if tokens else torch.randn(4, 12, 3)
    lengths = torch.full(shape[:-1], 12) if tokens else None
    split = SequenceSplit(inputs, torch.tensor([0, 1, 2, 0]), lengths)
    vocabulary, channels = (9, None) if tokens else (None, 3)
    return SequenceData("x", split, None, split, 3, vocabulary, channels, False, "", "")


@pytest.mark.parametrize("layer", ["s5", "s4"])
@pytest.mark.parametrize("kind", ["tokens", "pairs", "channels"])
def test_models_fit_the_data(layer, kind):
    sequences = data(tokens=kind != "channels", pairs=kind == "pairs")
    options = {"activation": "glu"} if layer == "s4" else {}
    config = configured(
        layer=layer,
        encoder="linear" if kind == "channels" else "onehot",
        conj_sym=True,
        n_layers=2,
        **options,
    )
    model = build(config, sequences, initial_basis(config)[0])
    logits = model(sequences.train.inputs, sequences.train.lengths)
    assert logits.shape == (4, 3)
    logits.sum().backward()


def test_ptd_costs_no_parameters():
    """Same layer, same count as the normal part with its complete spectrum."""
    sequences = data(tokens=False)
    counts = set()
    for name in ("diag", "rand"):
        config = configured(initialiser=name)
        model = build(config, sequences, initial_basis(config)[0])
        counts.add(sum(p.numel() for p in model.parameters()))
    config = configured()
    model = build(config, sequences, small_ptd()[0])
    counts.add(sum(p.numel() for p in model.parameters()))
    assert len(counts) == 1


@pytest.mark.parametrize("options", [{"n_layers": 0}, {"d_model": -1}, {"layer": "s6"}])
def test_bad_models(options):
    config = configured(**options)
    with pytest.raises(ValueError, match=r"positive|allowed"):
        build(config, data(tokens=False), initial_basis(config)[0])
