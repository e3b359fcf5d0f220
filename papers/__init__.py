"""One package a paper; see CONTRIBUTING.md for what a paper's folder holds."""
