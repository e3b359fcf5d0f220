"""An installed copy carries the shared configuration too: conf/ travels as common/conf."""

from setuptools import find_packages, setup

setup(
    packages=[*find_packages(include=["common*", "papers*"]), "common.conf"],
    package_dir={"common.conf": "conf"},
)
