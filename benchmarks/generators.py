"""Throughput of the data generators on one core, at the published Long Range Arena settings.

A generator is one line in ``GENERATORS``: a function of the block number that returns arrays of a
block, the number of samples in it, and the bound in samples a second.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from benchmarks.report import Measurement
from common.data.listops.generate import listops_block
from common.data.pathfinder.parameters import parameters
from common.data.pathfinder.scenes import pathfinder_block
from common.data.specs import ListOpsSpec, PathfinderSpec

_SECONDS = 5.0


@dataclass(frozen=True)
class Generator:
    name: str
    make_block: Callable[[int], object]
    block_size: int
    unit: str
    bound: float


def _listops(size: int) -> Callable[[int], object]:
    spec = ListOpsSpec()
    return partial(
        listops_block,
        size=size,
        seed=spec.seed,
        max_depth=spec.max_depth,
        max_args=spec.max_args,
        min_length=spec.min_length,
        max_length=spec.max_length,
    )


def _pathfinder(size: int) -> Callable[[int], object]:
    spec = PathfinderSpec(resolution=32)
    return partial(pathfinder_block, size=size, seed=spec.seed, p=parameters(spec))


GENERATORS = (
    Generator("ListOps", _listops(1000), 1000, "accepted trees/s", 400.0),
    Generator("Pathfinder-32", _pathfinder(1000), 1000, "images/s", 60.0),
)


def measure(rounds: int, threads: int, peer: bool) -> list[Measurement]:
    """Samples a second of processor time: one core's throughput, also where others are at work."""
    return [
        Measurement(
            f"generator {generator.name}",
            "throughput, one core",
            throughput(generator),
            generator.unit,
            (">=", generator.bound),
        )
        for generator in GENERATORS
    ]


def throughput(generator: Generator) -> float:
    generator.make_block(0)
    start, samples, block = time.process_time(), 0, 1
    while time.process_time() - start < _SECONDS:
        generator.make_block(block)
        block, samples = block + 1, samples + generator.block_size
    return samples / (time.process_time() - start)
