"""Typed configuration of this paper's tasks (standard library and Hydra only)."""

from __future__ import annotations

from dataclasses import dataclass

from hydra.core.config_store import ConfigStore

from common.experiment.ranges import ranged
from common.experiment.schema import TaskConfig

_FAMILIES = ("gaussian", "t", "identity", "chebyshev")
_REAL = ("wine", "diabetes", "digits")


@dataclass
class MatrixTask(TaskConfig):
    """Matrices from a seed.

    Attributes:
        rows: n.
        columns: d.
    """

    rows: int = ranged(600, at_least=2)
    columns: int = ranged(6, at_least=1)


@dataclass
class SensitivitiesTask(MatrixTask):
    """C1, C3, C4, C10, C19.

    Attributes:
        tables: families, and tables that come with scikit-learn.
        powers: p.
    """

    tables: list[str] = ranged(
        ["gaussian", "t", "identity", "chebyshev", "wine", "diabetes"], one_of=_FAMILIES + _REAL
    )
    powers: list[float] = ranged([1.5, 2.0, 3.0, 4.0], at_least=1)


@dataclass
class ClosedFormsTask(MatrixTask):
    """C2.

    Attributes:
        vertices: of the complete graph.
        copies: of the identity.
        powers: p of both.
        directions: numbers of equally spaced directions of the plane, at p = 4.
        gaussian_powers: p of normal rows.
    """

    vertices: int = ranged(8, at_least=3)
    copies: int = ranged(10, at_least=1)
    powers: list[float] = ranged([1.0, 1.5, 2.0, 3.0, 4.0], at_least=1)
    directions: list[int] = ranged([3, 7, 20], at_least=3)
    gaussian_powers: list[float] = ranged([1.5, 3.0, 4.0], at_least=1)


@dataclass
class FlatteningTask(MatrixTask):
    """C5.

    Attributes:
        family: of the matrix.
        powers: p.
        factor: C.
    """

    family: str = ranged("t", one_of=_FAMILIES)
    powers: list[float] = ranged([1.5, 3.0], at_least=1)
    factor: float = ranged(4.0, at_least=1)


@dataclass
class StructuredTask(MatrixTask):
    """C6, C7, C8.

    Attributes:
        grid: points of the polynomials.
        degrees: q; noise is added to the largest.
        powers: p.
        rank: k, of low rank and sparse matrices.
        sparse_powers: p of these.
        variables: k, of polynomials of several.
        several_grid: points a variable.
        several_degree: q in each.
        noises: deviations of an entry.
        noise_power: p under them.
    """

    columns: int = ranged(12, at_least=1)
    grid: int = ranged(201, at_least=2)
    degrees: list[int] = ranged([5, 9], at_least=1)
    powers: list[float] = ranged([1.5, 3.0, 4.0], at_least=1)
    rank: int = ranged(2, at_least=1)
    sparse_powers: list[float] = ranged([3.0, 4.0], at_least=1)
    variables: int = ranged(2, at_least=1)
    several_grid: int = ranged(21, at_least=2)
    several_degree: int = ranged(3, at_least=1)
    noises: list[float] = ranged([1.0e-6, 1.0e-3, 1.0e-2], above=0)
    noise_power: float = ranged(4.0, at_least=1)


@dataclass
class RowCountsTask(TaskConfig):
    """C9, C10, C19 on normal matrices.

    Attributes:
        p: of the norm.
        rows: n.
        dims: d.
        matrices: of each d, of whose row counts the median is taken.
        start: rows over d, from which they are raised by a quarter at a time.
        bound: of the median distortion.
        coins: samples; odd.
    """

    p: float = ranged(3.0, at_least=1)
    rows: int = ranged(1500, at_least=2)
    dims: list[int] = ranged([4, 6, 8, 12], at_least=1)
    matrices: int = ranged(3, at_least=1)
    start: float = ranged(9.0, at_least=1)
    bound: float = ranged(0.5, above=0)
    coins: int = ranged(9, at_least=1)


@dataclass
class IdentityRowsTask(TaskConfig):
    """C9, C10, C19 on stacked identities.

    Attributes:
        rows: n.
        dims: d.
        bound: of the distortion, in half of the samples.
        powers: p of the bounds; the row counts are the same at every p.
    """

    rows: int = ranged(1500, at_least=2)
    dims: list[int] = ranged([4, 6, 8, 12], at_least=1)
    bound: float = ranged(0.5, above=0)
    powers: list[float] = ranged([1.0, 1.5, 3.0, 4.0], at_least=1)


@dataclass
class TightnessTask(TaskConfig):
    """C11.

    Attributes:
        rows: n.
        dims: d.
        powers: p.
    """

    rows: int = ranged(600, at_least=2)
    dims: list[int] = ranged([4, 8, 12], at_least=2)
    powers: list[float] = ranged([1.0, 1.5], at_least=1, below=2)


@dataclass
class AugmentedTask(MatrixTask):
    """C12.

    Attributes:
        rows: of the normal block.
        columns: of each block.
        copies: of the identity in the other.
        p: of the norm.
        expected: rows of a sample.
        coins: samples.
    """

    rows: int = ranged(300, at_least=2)
    columns: int = ranged(12, at_least=1)
    copies: int = ranged(25, at_least=1)
    p: float = ranged(1.0, at_least=1, below=2)
    expected: float = ranged(40.0, above=1)
    coins: int = ranged(2000, at_least=1)


@dataclass
class RootLeverageTask(MatrixTask):
    """C13.

    Attributes:
        family: of the matrix.
        p: of the norm.
        alpha: of every round.
        rounds: of sampling.
    """

    rows: int = ranged(20000, at_least=2)
    columns: int = ranged(8, at_least=1)
    family: str = ranged("t", one_of=_FAMILIES)
    p: float = ranged(1.5, at_least=1)
    alpha: float = ranged(0.2, above=0)
    rounds: int = ranged(5, at_least=1)


@dataclass
class CombinedTask(MatrixTask):
    """C14.

    Attributes:
        families: of matrices.
        p: of the norm.
        expected: rows of a sample.
        coins: samples, of whose distortions the median is taken.
        split: C of the flattening.
        factor: of the distortion by sensitivities alone, and
        slack: added to it: the bound.
    """

    families: list[str] = ranged(["gaussian", "t", "identity", "chebyshev"], one_of=_FAMILIES)
    p: float = ranged(4.0, above=2)
    expected: float = ranged(150.0, above=1)
    coins: int = ranged(9, at_least=1)
    split: float = ranged(4.0, at_least=1)
    factor: float = ranged(1.15, above=0)
    slack: float = ranged(0.02, at_least=0)


@dataclass
class AccuracyTask(MatrixTask):
    """C15.

    Attributes:
        powers: p.
        expected: rows of a sample, the fewer and the more.
        matrices: normal ones.
        coins: samples of each.
    """

    rows: int = ranged(4000, at_least=2)
    powers: list[float] = ranged([1.5, 3.0], at_least=1)
    expected: list[float] = ranged([150.0, 600.0], above=1, count=2)
    matrices: int = ranged(3, at_least=1)
    coins: int = ranged(9, at_least=1)


@dataclass
class ScoresTask(MatrixTask):
    """C16, and the comparison of all scores.

    Attributes:
        families: of matrices.
        p: of the norm.
        expected: rows of a sample.
        coins: samples, of whose distortions the median is taken.
        uniform_coins: further uniform samples, odd, whose median is reported beside.
    """

    families: list[str] = ranged(["t"], one_of=_FAMILIES)
    p: float = ranged(3.0, at_least=1)
    expected: float = ranged(60.0, above=1)
    coins: int = ranged(7, at_least=1)
    uniform_coins: int = ranged(41, at_least=1)


@dataclass
class PreservedTask(MatrixTask):
    """C17.

    Attributes:
        families: of matrices.
        powers: p.
        expected: rows of a sample.
    """

    families: list[str] = ranged(["gaussian", "t"], one_of=_FAMILIES)
    powers: list[float] = ranged([1.5, 3.0, 4.0], at_least=1)
    expected: float = ranged(150.0, above=1)


@dataclass
class RegressionTask(TaskConfig):
    """C18.

    Attributes:
        tables: that come with scikit-learn.
        components: leading principal components, of the digits.
        powers: p.
        factor: expected rows of a sample over columns.
        coins: samples.
    """

    tables: list[str] = ranged(["diabetes", "digits"], one_of=_REAL)
    components: int = ranged(12, at_least=1)
    powers: list[float] = ranged([1.5, 3.0], at_least=1)
    factor: float = ranged(20.0, above=1)
    coins: int = ranged(5, at_least=1)


def register() -> None:
    """Store the schemas; called once before Hydra composes."""
    store = ConfigStore.instance()
    for name, node in {
        "sensitivities": SensitivitiesTask,
        "sensitivity_forms": ClosedFormsTask,
        "flattening": FlatteningTask,
        "structured_matrices": StructuredTask,
        "row_counts": RowCountsTask,
        "identity_rows": IdentityRowsTask,
        "tightness": TightnessTask,
        "augmented_scores": AugmentedTask,
        "root_leverage": RootLeverageTask,
        "combined_scores": CombinedTask,
        "row_accuracy": AccuracyTask,
        "row_scores": ScoresTask,
        "preserved_total": PreservedTask,
        "lp_regression": RegressionTask,
    }.items():
        store.store(group="schema/sensitivity_sampling", name=name, node=node)
