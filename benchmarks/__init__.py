"""Speed and memory against peers and against the roofline: ``python -m benchmarks``."""
