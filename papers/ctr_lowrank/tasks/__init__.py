"""The experiments of the paper, one module each; a recipe names its ``run`` in ``entry``."""
