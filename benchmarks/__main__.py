"""``python -m benchmarks [name ...]``: print the table, exit 1 if a bound is missed."""

import argparse
import importlib
import os
import platform
import sys

BENCHMARKS = (
    "s5_layer",
    "s4d_kernel",
    "s4d_layer",
    "s4d_modes",
    "dplr",
    "step_share",
    "generators",
    "low_rank_layers",
    "compressing_steps",
    "vector_quantisation",
    "ctr_inference",
    "feature_statistics",
    "lora_limits",
    "sst_step",
    "adapters",
    "sensing_descent",
    "subgradient",
    "completion",
    "layerwise",
    "row_sensitivities",
    "private_sums",
)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", help=f"which ones: {', '.join(BENCHMARKS)} (all)")
    parser.add_argument("--threads", type=int, default=2, help="for torch and its peers (2)")
    parser.add_argument("--rounds", type=int, default=15, help="medians are over this many (15)")
    parser.add_argument("--no-peer", action="store_true", help="leave JAX and DeepCTR-Torch out")
    parser.add_argument("--markdown", action="store_true", help="print the table for the README")
    options = parser.parse_args()
    unknown = sorted(set(options.names) - set(BENCHMARKS))
    if unknown:
        parser.error(f"no benchmark {', '.join(unknown)}; there are {', '.join(BENCHMARKS)}")
    if options.rounds < 5:
        parser.error(f"--rounds is {options.rounds}; a median needs at least 5")
    _pin(options.threads)
    _warn_if_busy()

    import torch

    from benchmarks.report import print_table

    torch.set_num_threads(options.threads)
    print(f"torch {torch.__version__}, {options.threads} threads, {platform.machine()}")
    measurements = []
    for name in options.names or BENCHMARKS:
        benchmark = importlib.import_module(f"benchmarks.{name}")
        measurements += benchmark.measure(options.rounds, options.threads, not options.no_peer)
    print_table(measurements, options.markdown)
    missed = [m for m in measurements if m.missed]
    for m in missed:
        print(f"MISSED: {m.benchmark}: {m.quantity} is {m.value:.3g}, bound {m.bound}")
    return 1 if missed else 0


def _pin(threads: int) -> None:
    """Before torch and JAX start their thread pools: JAX takes every core that it may run on."""
    if hasattr(os, "sched_setaffinity"):
        allowed = sorted(os.sched_getaffinity(0))
        if len(allowed) < threads:
            sys.exit(f"{threads} threads asked for, {len(allowed)} cores allowed")
        os.sched_setaffinity(0, allowed[:threads])


def _warn_if_busy() -> None:
    """Two threads that meet at a barrier after every small operation wait for a core each time
    somebody else holds one: ratios, too, are wrong on a busy machine."""
    load = os.getloadavg()[0]
    if load > 0.5:
        print(f"load average is {load:.1f}: other work is running, the figures mean little")


if __name__ == "__main__":
    sys.exit(main())
