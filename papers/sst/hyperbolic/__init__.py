"""Hyperbolic geometry, and the networks of it that SST is tried on."""
