"""H5, H9: closed forms at finite d, against means over many samples."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor

from common.experiment.context import RunContext, TaskResult
from common.experiment.machine import device
from papers.hierarchical_polynomials import closed_forms
from papers.hierarchical_polynomials.closed_forms import LINK
from papers.hierarchical_polynomials.targets import Feature, feature

BLOCK = 50_000
SINGLE = Feature(2, torch.ones(1, dtype=torch.float64))  # rank one, whatever d
UNEQUAL = {"halves": "second_degree", "dominated": "dominated", "two_dominated": "two_dominated"}


def run(context: RunContext) -> TaskResult:
    """``off_*_d*``: distance of a mean from its closed form in standard errors (``of_degree_two``
    and ``of_degree_three`` say which). At the first d, corr(P_2 h, p) of unequal lambda
    (``second_degree``), where one term carries half (``dominated``) or two do (``two_dominated``),
    each with ``*_exact`` and ``*_gap`` from it; and corr(P_2 p^2, p) of rank one, with the
    coefficient of P_2 p^2 on p (``rank_one_coefficient``) and the gaps from 1 and 2 sqrt2."""
    task, metrics = context.config.task, {}
    for size in task.sizes:
        means = Means()
        for x in blocks(context, size, task.draws):
            of_degree_two(means, x)
            of_degree_three(means, x)
            context.stop.raise_if_set()
        metrics |= {f"off_{name}_d{size}": value for name, value in means.off().items()}
    size = task.sizes[0]
    for shape, name in UNEQUAL.items():
        p = feature(shape, size, 2)
        exact = closed_forms.second_degree_correlation(p)
        found = along(degree_two(context, size, lambda x, p=p: LINK(p(x)), task.draws), p)[0]
        metrics |= {name: found, f"{name}_exact": exact, f"{name}_gap": abs(found - exact)}
    p = feature("rank_one", size, 2)
    found, coefficient = along(
        degree_two(context, size, lambda x: SINGLE(x).square(), task.draws), p
    )
    metrics |= {
        "rank_one": found,
        "rank_one_gap": abs(found - 1),
        "rank_one_coefficient": coefficient,
        "rank_one_coefficient_gap": abs(coefficient - 2 * math.sqrt(2)),
    }
    return TaskResult(metrics)


def of_degree_two(means: Means, x: Float[Tensor, "n d"]) -> None:
    """k = 2, g = z + he_2(z): <h, p> and Var h of the radial and the balanced feature p, E p^3,
    E p^4 and ||P_4 p^2||^2 (whose half over Var h is what a learner of degree 3 leaves), <h, r> of
    the balanced one, r the radial, and <p^2, p> of rank one."""
    size = x.shape[1]
    root = math.sqrt(size)
    radial, balanced = feature("radial", size, 2), feature("balanced", size, 2)
    r = radial(x)
    # Of both features P_2 p^2 is this multiple of r.
    low = r * float(closed_forms.square_of_degree_two(radial).norm())
    for name, p in (("radial", radial), ("balanced", balanced)):
        z = p(x)
        h, square = LINK(z), z.square()
        means.add(f"h_p_{name}", h * z, 1 + 2 / root if name == "radial" else 1.0)
        means.add(f"variance_{name}", h.square(), closed_forms.variance(p))
        means.add(f"cubes_{name}", z * square, closed_forms.third_moment(p))
        means.add(f"fourth_{name}", square.square(), closed_forms.fourth_moment(p))
        degree_four = closed_forms.square_of_degree_four(p)
        means.add(f"degree4_{name}", (square - 1 - low).square(), degree_four)
        if name == "balanced":
            means.add("h_r_balanced", h * r, 2 / root)
    means.add("cubes_rank_one", SINGLE(x) ** 3, 2 * math.sqrt(2))


def of_degree_three(means: Means, x: Float[Tensor, "n d"]) -> None:
    """k = 3: E p^4 of he_3 (``fourth_cubic``) and of products, and the coefficient of p^2 on the
    radial unit function of degree 2, whose square is the norm 18/d of P_2 p^2 (``square_*``).
    Products use as many coordinates as are a multiple of three."""
    for name, shape in (("cubic", "radial"), ("products", "product")):
        taken = x if shape == "radial" else x[:, : x.shape[1] // 3 * 3]
        size = taken.shape[1]
        if size < 3:
            continue
        p, r = feature(shape, size, 3), feature("radial", size, 2)
        square = p(taken).square()
        means.add(f"fourth_{name}", square.square(), closed_forms.fourth_moment(p))
        norm = float(closed_forms.square_of_degree_two(p).norm())
        means.add(f"square_{name}", square * r(taken), norm)


class Means:
    """Means of blocks, their standard errors, and what they should be."""

    def __init__(self) -> None:
        self.sums: dict[str, tuple[int, float, float]] = {}

    def add(self, name: str, values: Float[Tensor, " n"], exact: float) -> None:
        count, total, squares = self.sums.get(name, (0, 0.0, 0.0))
        away = values - exact
        self.sums[name] = (
            count + len(values),
            total + float(away.sum()),
            squares + float(away.square().sum()),
        )

    def off(self) -> dict[str, float]:
        """Distances in standard errors; 0 where all values are the exact one, infinity where they
        are all the same and another."""
        found = {}
        for name, (count, total, squares) in self.sums.items():
            mean = total / count
            spread = max(squares / count - mean**2, 0.0)
            error = math.sqrt(spread / count)
            found[name] = abs(mean) / error if error else (math.inf if mean else 0.0)
        return found


def degree_two(
    context: RunContext,
    size: int,
    h: Callable[[Float[Tensor, "n d"]], Float[Tensor, " n"]],
    draws: int,
) -> Float[Tensor, "d d"]:
    """Coefficients of P_2 h as means: on he_2(x_i) in the diagonal, on x_i x_j above it."""
    total = torch.zeros(size, size, dtype=torch.float64)
    for x in blocks(context, size, draws):
        values = h(x)
        total = total.to(x) + (x * values[:, None]).mT @ x - values.sum() * torch.eye(size).to(x)
        context.stop.raise_if_set()
    mean = total / draws
    return mean.triu(1) + torch.diag(mean.diagonal() / math.sqrt(2))


def along(coefficients: Float[Tensor, "d d"], p: Feature) -> tuple[float, float]:
    """Correlation of such a part with p, a diagonal feature of degree 2, and its coefficient on
    it."""
    on = float(coefficients.diagonal() @ p.weights.to(coefficients))
    return on / float(coefficients.norm()), on


def blocks(context: RunContext, size: int, draws: int):
    """Standard normal rows, from the run's seed."""
    generator = torch.Generator().manual_seed(context.config.seed)
    where = device(context.config.trainer)
    for start in range(0, draws, BLOCK):
        count = min(BLOCK, draws - start)
        yield torch.randn(count, size, generator=generator, dtype=torch.float64).to(where)
