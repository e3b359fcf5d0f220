"""Independent pieces of work, each on one of torch's own threads.

A long chain of small operations that all threads share meets a barrier after each: on two cores
that costs a third of the S5 layer, and on a busy machine several times its work. Pieces that a
thread takes from beginning to end meet one barrier in all, and keep their arrays in one core's
cache.
"""

import ctypes
import functools
import itertools
from collections.abc import Callable

import torch

_REGION = ctypes.CFUNCTYPE(None, ctypes.c_void_p)


def run_lanes(task: Callable[[int], None], lanes: int) -> None:
    """``task(lane)`` for every lane, as if in turn.

    Each of ``torch.get_num_threads()`` threads takes whole lanes (with fewer lanes than threads
    some threads rest), and operations inside a task run on that thread alone: OpenMP's regions do
    not nest. A single lane, or lanes where torch does not run on OpenMP, go in turn and their
    operations share the threads. Tasks may write to disjoint parts of shared tensors; gradients are
    not recorded.
    """
    threads, parallel = torch.get_num_threads(), _parallel_region()
    threads = min(threads, lanes)
    if parallel is None or threads < 2:
        with torch.no_grad():
            for lane in range(lanes):
                task(lane)
        return
    waiting, failures = itertools.count(), []
    inference = torch.is_inference_mode_enabled()

    def region(_):
        # Modes are each thread's own: a new one would record gradients, or refuse to write.
        with torch.inference_mode(inference), torch.no_grad():
            try:
                while not failures and (lane := next(waiting)) < lanes:
                    task(lane)
            except BaseException as error:  # not to be lost in a C frame
                failures.append(error)

    parallel(_REGION(region), None, threads, 0)
    if failures:
        raise failures[0]


@functools.cache
def _parallel_region():
    """``GOMP_parallel`` of the OpenMP library that torch has loaded, so that one pool of threads
    serves both; None where it has none."""
    try:
        function = ctypes.CDLL(None).GOMP_parallel
    except (AttributeError, OSError, TypeError):
        return None
    function.argtypes = (_REGION, ctypes.c_void_p, ctypes.c_uint, ctypes.c_uint)
    function.restype = None
    return function
