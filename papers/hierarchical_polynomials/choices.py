"""What settings and library agree on: names and grids (standard library only)."""

SHAPES = (
    "balanced",
    "radial",
    "halves",
    "dominated",
    "two_dominated",
    "rank_one",
    "product",
    "quadratic",
)
SOLVERS = ("ridge", "descent")

# xi1, and xi2; and of a kernel's matrix.
RIDGES = (1e-2, 3e-2, 1e-1, 3e-1, 1.0, 3.0, 10.0, 30.0, 100.0)
LAST_RIDGES = (1e-8, 1e-7, 1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 1e-1)
KERNEL_RIDGES = (1e-4, 1e-3, 1e-2, 1e-1, 1.0, 10.0, 100.0)
# Of random features in a kernel's place, whose second moments lie between 1 / m2 and m2.
FEATURE_RIDGES = (1e-8, 1e-7, 1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 1e-1, 1.0, 10.0, 100.0)
