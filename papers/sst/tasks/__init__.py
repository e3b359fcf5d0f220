"""The experiments; each module has ``run(context) -> TaskResult``."""
