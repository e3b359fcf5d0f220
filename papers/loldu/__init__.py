"""LoLDU: the pivots of a weight's LDU decomposition are trained, and nothing else."""
