"""Sparse Spectral Training (Zhao et al., ICML 2025)."""
