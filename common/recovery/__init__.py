"""Low-rank matrices seen through linear measurements: what papers on their recovery share."""
