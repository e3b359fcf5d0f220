"""Fifty runs write while the ledger collects: nothing is lost, nothing is read half."""

from __future__ import annotations

import multiprocessing
import time

from common.ledger.collect import find
from common.ledger.runs import read_runs
from common.ledger.update import look, update

RUNS, REWRITES = 50, 20
FORK = multiprocessing.get_context("fork")  # fifty imports of torch would be another test


def test_collecting_among_fifty_writers_loses_nothing(folders, make_record):
    barrier = FORK.Barrier(RUNS + 1)

    def write(seed):
        place = folders.outputs / "s5_ptd" / "lra" / "image" / f"run-{seed}"
        place.mkdir(parents=True)
        metrics = {f"metric_{i}": float(i) for i in range(200)}  # more than one write() of a pipe
        barrier.wait()
        for _ in range(REWRITES):
            make_record("lra/image", "s4", seed, metrics, status="running").write(place)
        make_record("lra/image", "s4", seed, metrics | {"accuracy": float(seed)}).write(place)

    writers = [FORK.Process(target=write, args=(seed,)) for seed in range(RUNS)]
    for writer in writers:
        writer.start()
    barrier.wait()
    unreadable = []
    while any(writer.is_alive() for writer in writers):
        unreadable += update("s5_ptd", folders).warnings
    for writer in writers:
        writer.join()
        assert writer.exitcode == 0
    assert unreadable == []
    update("s5_ptd", folders)
    rows = read_runs(folders.runs("s5_ptd"))
    assert rows.altered == {}
    assert {row.seed: row.metrics["accuracy"] for row in rows.rows} == {
        seed: float(seed) for seed in range(RUNS)
    }


def test_collectors_take_turns(folders, make_record, put):
    """Each of several collectors sees another part of the runs; no one's rows are overwritten."""

    def collect(number):
        for step in range(5):
            seed = 10 * number + step
            put(make_record("lra/image", "s4", seed, {"accuracy": float(seed)}), f"run-{seed}")
            update("s5_ptd", folders)

    collectors = [FORK.Process(target=collect, args=(number,)) for number in range(4)]
    for collector in collectors:
        collector.start()
    for collector in collectors:
        collector.join()
        assert collector.exitcode == 0
    stored = read_runs(folders.runs("s5_ptd"))
    assert len(stored.rows) == 20
    assert stored.altered == {}
    assert not list(folders.results.rglob("*.tmp"))


def test_an_index_is_told_from_a_file_that_changed_under_it(folders, make_record, put):
    folder = put(make_record("lra/image", "s4", 0, {"accuracy": 1.0}), "one")
    assert find(folders.outputs, "s5_ptd").completed[0].row.metrics == {"accuracy": 1.0}
    time.sleep(0.02)  # the clock of some file systems ticks no faster
    make_record("lra/image", "s4", 0, {"accuracy": 2.0}).write(folder)
    assert find(folders.outputs, "s5_ptd").completed[0].row.metrics == {"accuracy": 2.0}


def test_a_reader_never_sees_one_file_newer_than_another(folders, make_record, put):
    """What is made from the runs is written after them; a reader waits for the last of it."""
    update("s5_ptd", folders)

    def collect():
        for seed in range(20):
            put(make_record("lra/image", "s4", seed, {"accuracy": float(seed)}), f"run-{seed}")
            update("s5_ptd", folders)

    collector = FORK.Process(target=collect)
    collector.start()
    altered = []
    while collector.is_alive():
        altered += look("s5_ptd", folders).altered
    collector.join()
    assert altered == []
