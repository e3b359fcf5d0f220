"""Accuracy against size: every method on the same checkpoints, budgets, steps and accounting."""
