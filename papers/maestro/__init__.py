"""Maestro: low-rank ordered decomposition, ranks found while training."""
