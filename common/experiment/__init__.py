"""The life of one run: compose, seed, open a folder, run, record."""
