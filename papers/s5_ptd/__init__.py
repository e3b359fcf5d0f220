"""Perturb-then-diagonalise state spaces (Yu et al., ICLR 2024, arXiv:2310.01698)."""
