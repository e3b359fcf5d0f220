"""Random maps to few dimensions, and the importance of rows: what papers on sampling share."""
