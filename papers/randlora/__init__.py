"""RandLoRA: a full-rank update of a frozen weight, from random bases and trained diagonals."""
