"""S4D: parameterisation and initialisation of diagonal state spaces (Gu et al., NeurIPS 2022)."""
