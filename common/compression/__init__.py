"""Smaller models: factorised layers, rank rules, statistics, quantisers, and what they cost."""
