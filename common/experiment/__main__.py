"""``python -m common.experiment``: run.py for an installed copy."""

from common.experiment.cli import main

main()
