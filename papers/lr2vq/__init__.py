"""Low-rank representations for vector quantisation (Zhu et al. 2022)."""
