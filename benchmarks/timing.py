"""Wall times that can be compared with one another."""

import statistics
import time
from collections.abc import Callable, Mapping


def interleaved_medians(
    contestants: Mapping[str, Callable[[], object]], rounds: int, warmup: int = 2
) -> dict[str, float]:
    """Median seconds of each contestant over ``rounds``.

    Every round runs all of them: whatever else the machine does in that second, and how far its
    clock has been throttled, strikes them alike, which timing one after the other does not achieve.
    Each runs twice in a row and the second run counts, for the first finds the caches full of its
    predecessor's arrays and the cores busy with its predecessor's spinning threads.
    """
    for _ in range(warmup):
        for run in contestants.values():
            run()
    times: dict[str, list[float]] = {name: [] for name in contestants}
    for _ in range(rounds):
        for name, run in contestants.items():
            run()
            start = time.perf_counter()
            run()
            times[name].append(time.perf_counter() - start)
    return {name: statistics.median(values) for name, values in times.items()}
