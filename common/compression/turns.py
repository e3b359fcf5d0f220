"""Times of several calls that can be compared with each other."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from statistics import median
from typing import Any

import torch


def latencies(
    calls: Mapping[str, Callable[[], Any]],
    *,
    rounds: int = 9,
    device: torch.device | str = "cpu",
) -> dict[str, float]:
    """Median seconds of each of several calls, which take turns: whatever else the machine does
    strikes them alike. In each turn a call runs twice, and the second counts: the first finds the
    caches full of another's arrays. The first turn does not count.
    """
    gpu = torch.device(device).type == "cuda"

    def once(call: Callable[[], Any]) -> float:
        begin = time.perf_counter()
        call()
        if gpu:
            torch.cuda.synchronize(device)
        return time.perf_counter() - begin

    times: dict[str, list[float]] = {name: [] for name in calls}
    for turn in range(rounds + 1):
        for name, call in calls.items():
            once(call)
            seconds = once(call)
            if turn:
                times[name].append(seconds)
    return {name: median(found) for name, found in times.items()}
