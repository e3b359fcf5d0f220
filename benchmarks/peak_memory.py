"""Peak memory of one call, measured by the operating system in a fresh process."""

import gc
import multiprocessing
from collections.abc import Callable

import torch

_STATUS, _CLEAR = "/proc/self/status", "/proc/self/clear_refs"


def extra_peak_bytes(prepare: Callable[..., Callable[[], object]], *arguments, threads: int) -> int:
    """Growth of the resident set during ``prepare(*arguments)()``, at its highest.

    ``prepare`` is a module-level function that builds the inputs, warms up what is allocated once
    (thread pools, workspaces of the math library) on a small problem, and returns the call to
    measure. The peak is the kernel's high-water mark (VmHWM), reset just before the call. So it
    counts every allocation whoever made it, unlike a hook in one allocator; and being in a fresh
    process, no memory freed earlier can be reused unseen. ``ru_maxrss`` would not do: a child
    process inherits its parent's.
    """
    context = multiprocessing.get_context("spawn")
    with context.Pool(1) as pool:
        return pool.apply(_measure, (prepare, arguments, threads))


def _measure(prepare, arguments, threads):
    torch.set_num_threads(threads)
    call = prepare(*arguments)
    gc.collect()
    try:
        with open(_CLEAR, "w") as file:
            file.write("5")  # resets VmHWM to the present size
    except OSError as error:
        raise RuntimeError(f"peak memory is read from Linux' {_CLEAR}, which failed") from error
    before = _kibibytes("VmRSS")
    call()
    return (_kibibytes("VmHWM") - before) * 1024


def _kibibytes(field: str) -> int:
    with open(_STATUS) as file:
        for line in file:
            if line.startswith(field + ":"):
                return int(line.split()[1])
    raise RuntimeError(f"{_STATUS} has no {field}")
