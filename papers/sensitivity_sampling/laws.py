"""What is known exactly, and how many rows the theorems ask for: exponents, without constants and
logarithms, which the paper leaves open."""

from __future__ import annotations

import math


def gaussian_total(d: int, p: float) -> float:
    """S of many normal rows: the limit E |g_1|^p of a unit direction over that of a row's length,
    sqrt(pi) Gamma((d + p) / 2) / (Gamma(d / 2) Gamma((p + 1) / 2))."""
    logs = math.lgamma((d + p) / 2) - math.lgamma(d / 2) - math.lgamma((p + 1) / 2)
    return math.sqrt(math.pi) * math.exp(logs)


def complete_graph_sensitivity(vertices: int, p: float) -> float:
    """s of every edge of the complete graph: 1 / (1 + (v - 2) 2^{1 - p})."""
    return 1 / (1 + (vertices - 2) * 2 ** (1 - p))


def rows_by_total(total: float, p: float) -> float:
    """S^{2/p} for p < 2, S^{2 - 2/p} from 2 on: the paper's."""
    return total ** (2 / p if p < 2 else 2 - 2 / p)


def rows_generally(total: float, d: int) -> float:
    """S d: of coresets in general."""
    return total * d


def total_that_pays(d: int, p: float) -> float:
    """S below which ``rows_by_total`` is below ``rows_generally``: d^{p / (p - 2)}, or, for p < 2,
    d^{p / (2 - p)}; S is at most d then."""
    return math.inf if p == 2 else d ** (p / abs(p - 2))


def rows_below_two(total: float, d: int, p: float) -> float:
    """d^{1 - p/2} S (Chen and Derezinski, 2021), never above S^{2/p}."""
    return d ** (1 - p / 2) * total


def rows_combined(total: float, d: int, p: float) -> float:
    """d^{2/p} S^{2 - 4/p}, of leverage scores and sensitivities together, p > 2."""
    return d ** (2 / p) * total ** (2 - 4 / p)


def polynomial_total(degree: int, p: float) -> float:
    """S of polynomials of one variable is at most p q + 1 (T 7.2.4)."""
    return p * degree + 1


def lifted_total(degree: int, p: float) -> float:
    """... and at most q ceil(p / 2) + 1, the rank of the lift to the power ceil(p / 2)."""
    return degree * math.ceil(p / 2) + 1


def low_rank_sparse_total(d: int, rank: int, nonzeros: int, p: float) -> float:
    """S of rank k and r non-zeros a row: C(d, r) (k + r)^{max(1, p/2)}, by the rows' supports."""
    return math.comb(d, nonzeros) * (rank + nonzeros) ** max(1.0, p / 2)


def theorem_low_rank_sparse(d: int, rank: int, nonzeros: int, p: float) -> float:
    """... and d^r (k + r)^p, as the theorem says it (T 7.2.1)."""
    return d**nonzeros * (rank + nonzeros) ** p


def several_variables_total(degree: int, variables: int, p: float) -> float:
    """S of polynomials of degree q in each of k variables: (p q + 1)^k (T 7.2.4)."""
    return (p * degree + 1) ** variables


def largest_at(larger: float, largest: float, p: float, n: int) -> float:
    """max s^q of n rows is at most (max s^p)^{q/p} n^{q/p-1}, q >= p (T 7.3.2).

    Args:
        larger: q.
        largest: max s^p.
    """
    return largest ** (larger / p) * n ** (larger / p - 1)


def halving_error(total: float, n: int, p: float) -> float:
    """p S^{1-1/p} / sqrt(n): error of one round of halving, n rows before it (T 7.4.4)."""
    return p * total ** (1 - 1 / p) / math.sqrt(n)


def root_leverage_sum(n: int, d: int, p: float) -> float:
    """Of tau^{p/2}: n^{1-p/2} d^{p/2}; above p = 2, of min(1, n^{p/2-1} tau^{p/2}):
    2 n^{1-2/p} d."""
    return n ** (1 - p / 2) * d ** (p / 2) if p <= 2 else 2 * n ** (1 - 2 / p) * d


def root_leverage_fixed_point(d: int, alpha: float, p: float) -> float:
    """At which root leverage sampling of a fixed alpha ends. p < 2, alpha = eps^2: d eps^{-4/p} =
    d alpha^{-2/p}, where m = m^{1-p/2} d^{p/2} / alpha. Above, alpha = eps^p: d^{p/2} eps^{-p}."""
    return d * alpha ** (-2 / p) if p <= 2 else d ** (p / 2) / alpha
