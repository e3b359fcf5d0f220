"""Unified low-rank compression for click-through rate prediction (Yu, Fu, Ding, Zhou, Wu 2024)."""
