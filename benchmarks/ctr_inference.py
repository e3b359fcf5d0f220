"""A Criteo-sized DeepFM, compressed against dense, on one core, at batch 4096.

Bounds: the compressed model answers at least 1.3 times as many rows a second, its tables take r/D
of the memory; the pass that collects statistics takes at most 1.5 times an inference pass; the
dense forward is no slower than DeepCTR-Torch's.
"""

from types import SimpleNamespace

import torch

from benchmarks.peak_memory import extra_peak_bytes
from benchmarks.report import Measurement
from benchmarks.timing import interleaved_medians
from papers.ctr_lowrank.compression import Plan, compress, statistics
from papers.ctr_lowrank.models.ctr import build_dense
from papers.ctr_lowrank.models.tables import CompressedTables, DenseTables
from papers.ctr_lowrank.models.tensor_train import TensorTrainTables, two_cores
from papers.ctr_lowrank.published import criteo_shaped
from papers.ctr_lowrank.tasks.latency import inputs

IDS, NUMBERS, DIM, RANK, LAYER_RANK = 1_000_000, 13, 16, 2, 64
HIDDEN, BATCH, BATCHES = (400, 400, 400), 4096, 16
SPEEDUP_BOUND, STATISTICS_BOUND, PEER_BOUND = 1.3, 1.5, 1.0
NAME = "DeepFM, 26 fields, 10^6 ids, B4096"


def measure(rounds: int, threads: int, peer: bool) -> list[Measurement]:
    torch.set_num_threads(1)
    try:
        with torch.no_grad():
            return [*_inference(rounds, peer), *_lookups(rounds), _memory()]
    finally:
        torch.set_num_threads(threads)


def _inference(rounds: int, peer: bool) -> list[Measurement]:
    vocabularies = criteo_shaped(IDS)
    config = SimpleNamespace(name="deepfm", dim=DIM, hidden=list(HIDDEN), mlp_std=None)
    dense = build_dense(config, vocabularies, NUMBERS).eval()
    batches = [inputs(vocabularies, NUMBERS, BATCH, seed) for seed in range(BATCHES)]
    small = compress(dense, statistics(dense, batches), Plan("afm", RANK, LAYER_RANK)).eval()
    ids, numbers = batches[0]
    contestants = {"dense": lambda: dense(ids, numbers), "compressed": lambda: small(ids, numbers)}
    if peer:
        theirs, matrix = _peer(vocabularies), torch.cat([ids.float(), numbers], 1)
        contestants["DeepCTR-Torch"] = lambda: theirs(matrix)
    seconds = interleaved_medians(contestants, rounds)
    rows = [Measurement(NAME, f"{k} forward time", 1e3 * t, "ms") for k, t in seconds.items()]
    rows += [
        Measurement(NAME, f"{k} throughput", BATCH / t / 1e3, "thousand rows/s")
        for k, t in seconds.items()
    ]
    speedup = seconds["dense"] / seconds["compressed"]
    rows.append(
        Measurement(NAME, "compressed / dense throughput", speedup, "x", (">=", SPEEDUP_BOUND))
    )
    if peer:
        ratio = seconds["dense"] / seconds["DeepCTR-Torch"]
        rows.append(Measurement(NAME, "dense / DeepCTR-Torch time", ratio, "x", ("<=", PEER_BOUND)))
    passes = interleaved_medians(
        {
            "inference": lambda: [dense(*batch) for batch in batches],
            "statistics": lambda: statistics(dense, batches),
        },
        max(5, rounds // 3),
        warmup=1,
    )
    rows += [
        Measurement(NAME, f"{k} pass over {BATCHES} batches", 1e3 * t, "ms")
        for k, t in passes.items()
    ]
    share = passes["statistics"] / passes["inference"]
    rows.append(Measurement(NAME, "statistics / inference", share, "x", ("<=", STATISTICS_BOUND)))
    return rows


def _peer(vocabularies):
    """The same model of DeepCTR-Torch."""
    from deepctr_torch.inputs import DenseFeat, SparseFeat
    from deepctr_torch.models import DeepFM

    columns = [SparseFeat(f"C{f}", n, embedding_dim=DIM) for f, n in enumerate(vocabularies)]
    columns += [DenseFeat(f"I{k}", 1) for k in range(NUMBERS)]
    return DeepFM(columns, columns, dnn_hidden_units=HIDDEN).eval()


def _lookups(rounds: int) -> list[Measurement]:
    """All fields of the published size; in tensor-train format the last, of about 4 x 10^5 ids."""
    vocabularies = criteo_shaped(IDS)
    ids, _ = inputs(vocabularies, 0, BATCH)
    last, alone = vocabularies[-1:], ids[:, -1:]
    dense, small = DenseTables(vocabularies, DIM), _compressed(vocabularies)
    chain = TensorTrainTables(last, DIM, {0: two_cores(last[0], (4, 4), 16)})
    one, one_small = DenseTables(last, DIM), _compressed(last)
    contestants = {
        "dense": lambda: dense(ids),
        "compressed": lambda: small(ids),
        "compressed, decoded": lambda: small.decode(small(ids)),
        "one field, dense": lambda: one(alone),
        "one field, decoded": lambda: one_small.decode(one_small(alone)),
        "one field, tensor train": lambda: chain(alone),
    }
    seconds = interleaved_medians(contestants, rounds)
    return [Measurement(f"lookup, {NAME}", k, 1e6 * t, "us") for k, t in seconds.items()]


def _compressed(vocabularies) -> CompressedTables:
    fields = len(vocabularies)
    return CompressedTables(
        vocabularies,
        torch.randn(sum(vocabularies), RANK),
        torch.randn(fields, RANK, DIM),
        torch.randn(fields, DIM),
    )


def _prepare_tables(kind: str):
    """Builds the tables of one kind; a few rows first, for what is allocated once."""

    def make(vocabularies):
        dense = kind == "dense"
        return DenseTables(vocabularies, DIM) if dense else _compressed(vocabularies)

    make(criteo_shaped(1000))
    return lambda: make(criteo_shaped(IDS))


def _memory() -> Measurement:
    sizes = {k: extra_peak_bytes(_prepare_tables, k, threads=1) for k in ("dense", "compressed")}
    quantity = "peak memory of the tables, compressed / dense"
    ratio = sizes["compressed"] / sizes["dense"]
    return Measurement(NAME, quantity, ratio, "x", ("<=", 1.05 * RANK / DIM))  # decoders, pages
