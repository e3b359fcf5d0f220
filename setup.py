"""An installed copy carries the shared configuration too: conf/ travels as common/conf."""

from setuptools import find_packages, setup

setup(
    packages=[
        *find_packages(include=["common*", "papers*"]),
        "common.conf",
        "hydra_plugins.structlab_sweeper",
    ],
    package_dir={"common.conf": "conf"},
)
