"""FLoRA: changes of an N-dimensional weight as a small core times one thin factor a mode."""
