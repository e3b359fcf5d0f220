"""Trained rank pruning (Xu et al. 2020)."""
