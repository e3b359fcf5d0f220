"""Modules that at least two papers build on."""
