"""State spaces with orthogonal bases (Gu et al., ICLR 2023, arXiv:2206.12037)."""
