"""The experiments of the paper (M10), one module each; a recipe names its ``run`` in ``entry``."""
