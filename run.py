"""The one entry point: ``python run.py paper=s5_ptd task=lra``; ``--help`` lists what there is."""

from common.experiment.cli import main

if __name__ == "__main__":
    main()
