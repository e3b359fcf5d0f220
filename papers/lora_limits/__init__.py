"""Computational limits of LoRA: gradients of adapters in almost linear time (Hu et al. 2025)."""
