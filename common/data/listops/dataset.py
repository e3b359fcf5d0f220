"""The ListOps splits: distinct trees, split by a seeded hash, encoded as LRA's loaders do.

LRA keeps distinct trees in a Python set and splits it in iteration order, which depends on the
interpreter's hash seed; the official files cannot be had again byte for byte. Here the order is
that of SHA-256(seed, tokens): the same law, and the same bytes everywhere.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from common.data.blocks import generate_blocks
from common.data.characters import EOS, SPECIALS, by_frequency
from common.data.context import DataContext
from common.data.listops.expression import SYMBOLS, to_tokens
from common.data.listops.generate import listops_block
from common.data.listops.official_files import read_tsv
from common.data.prepared import Arrays, key, prepare, spec_hash
from common.data.sequence import SequenceData, SequenceSplit, majority_share
from common.data.specs.listops import ListOpsSpec
from common.errors import MissingDataError, UserError

SPLITS = ("train", "val", "test")

_VERSION = 1  # of the bytes: raise it when the generator or the encoding changes
_BLOCK = 500
_PAPER = ListOpsSpec()

Expressions = list[tuple[bytes, int]]  # symbol codes and value


def load(spec: ListOpsSpec, context: DataContext) -> SequenceData:
    """ListOps as token ids (N, l_max) uint8 padded with 0.

    Source: Nangia and Bowman, "ListOps" (NAACL SRW 2018), in the form of Tay et al. (2021).

    Raises:
        UserError: for settings under which too few distinct trees exist.
        MissingDataError, CorruptDataError: with `source="tsv"`, for absent or broken files.
    """
    if spec.source == "tsv":
        paths = _official_paths(context)
        name = _files_name(paths, spec)
        expressions = partial(_from_files, paths)
    else:
        name = spec_hash(spec, _VERSION)
        expressions = partial(_generated, spec, context)
    prepared = prepare(context, "listops", name, lambda: _arrays(expressions(), spec))
    return SequenceData(
        name="listops",
        **{split: SequenceSplit.from_tokens(prepared.arrays, split) for split in SPLITS},
        n_classes=10,
        vocab_size=len(SYMBOLS) + len(SPECIALS),
        channels=None,
        is_paper_data=spec == ListOpsSpec(seed=spec.seed, source=spec.source),
        source=prepared.facts["source"],
        content_sha256=prepared.content_sha256,
        key=key("listops", name),
        baselines=prepared.facts["baselines"],
        notes=prepared.facts["notes"],
    )


def available(spec: ListOpsSpec, context: DataContext) -> str | None:
    """None, or which official file is missing."""
    if spec.source == "generated":
        return None
    try:
        _official_paths(context)
    except MissingDataError as error:
        return str(error)
    return None


def root_operator_accuracy(
    train: tuple[np.ndarray, np.ndarray], test: tuple[np.ndarray, np.ndarray]
) -> float:
    """Accuracy on test of the class most frequent in train given the first token alone.

    Args:
        train: (first tokens, targets), each (N,).
        test: likewise.

    About 37 % at the published setting: the level of the Transformers published for the task.
    """
    counts = np.zeros((256, 10), dtype=np.int64)
    np.add.at(counts, train, 1)
    first_tokens, targets = test
    return float((counts.argmax(axis=1)[first_tokens] == targets).mean())


def _generated(spec: ListOpsSpec, context: DataContext) -> dict[str, Expressions]:
    wanted = spec.train + spec.val + spec.test
    make_block = partial(
        listops_block, size=_BLOCK, seed=spec.seed, max_depth=spec.max_depth,
        max_args=spec.max_args, min_length=spec.min_length, max_length=spec.max_length,
    )  # fmt: skip
    n_blocks = -(-wanted // _BLOCK)
    distinct: dict[bytes, int] = {}
    for block in generate_blocks(make_block, n_blocks, context, label="ListOps trees"):
        _add_distinct(distinct, block)
    while len(distinct) < wanted:
        before = len(distinct)
        _add_distinct(distinct, make_block(n_blocks))
        n_blocks += 1
        if len(distinct) == before:
            raise UserError(
                f"Only about {before} distinct ListOps trees exist between min_length="
                f"{spec.min_length} and max_length={spec.max_length}; {wanted} are asked for. "
                "Ask for fewer, or allow longer trees."
            )
    kept = list(distinct.items())[:wanted]
    kept.sort(key=lambda tree: hashlib.sha256(f"{spec.seed}|".encode() + tree[0]).digest())
    ends = np.cumsum([spec.train, spec.val, spec.test])
    return {
        split: kept[end - size : end]
        for split, end, size in zip(SPLITS, ends, (spec.train, spec.val, spec.test), strict=True)
    }


def _add_distinct(distinct: dict[bytes, int], block: Arrays) -> None:
    for row, length, value in zip(block["tokens"], block["lengths"], block["values"], strict=True):
        distinct.setdefault(row[:length].tobytes(), int(value))


def _official_paths(context: DataContext) -> dict[str, Path]:
    paths = {split: context.local("listops", f"basic_{split}.tsv") for split in SPLITS}
    missing = [f"basic_{split}.tsv" for split, path in paths.items() if path is None]
    if missing:
        raise MissingDataError(
            f"ListOps: {', '.join(missing)}",
            "Put the official files in the folder listops/ of the local data source, or use "
            "source=generated.",
        )
    return paths


def _from_files(paths: dict[str, Path]) -> dict[str, Expressions]:
    return {
        split: [(bytes(to_tokens(tree)), value) for tree, value in read_tsv(path)]
        for split, path in paths.items()
    }


def _files_name(paths: dict[str, Path], spec: ListOpsSpec) -> str:
    digest = hashlib.sha256(f"{_VERSION}|{spec.l_max}".encode())
    for split in SPLITS:
        digest.update(paths[split].read_bytes())
    return f"tsv-{digest.hexdigest()[:16]}"


def _arrays(splits: dict[str, Expressions], spec: ListOpsSpec) -> tuple[Arrays, dict[str, Any]]:
    table = _id_table(tokens for tokens, _ in splits["train"])
    arrays: Arrays = {}
    first_tokens = {}
    for split, expressions in splits.items():
        ids = np.zeros((len(expressions), spec.l_max), dtype=np.uint8)
        lengths = np.empty(len(expressions), dtype=np.int64)
        for row, (tokens, _) in enumerate(expressions):
            codes = np.frombuffer(tokens, dtype=np.uint8)[: spec.l_max - 1]
            ids[row, : len(codes)] = table[codes]
            ids[row, len(codes)] = EOS
            lengths[row] = len(codes) + 1
        arrays[f"{split}_inputs"] = ids
        arrays[f"{split}_lengths"] = lengths
        arrays[f"{split}_targets"] = np.array([value for _, value in expressions], dtype=np.int64)
        first_tokens[split] = ids[:, 0]
    return arrays, _facts(arrays, first_tokens, spec)


def _id_table(train: Iterable[bytes]) -> np.ndarray:
    """Symbol code -> id; most frequent in train first, after the specials."""
    counts = np.zeros(len(SYMBOLS), dtype=np.int64)
    for tokens in train:
        counts += np.bincount(np.frombuffer(tokens, dtype=np.uint8), minlength=len(SYMBOLS))
    frequency = {symbol: int(count) for symbol, count in zip(SYMBOLS, counts, strict=True)}
    order = by_frequency(frequency, min_freq=0)
    return np.array([order.index(symbol) + len(SPECIALS) for symbol in SYMBOLS], dtype=np.uint8)


def _facts(
    arrays: Arrays, first_tokens: dict[str, np.ndarray], spec: ListOpsSpec
) -> dict[str, Any]:
    root_operator = root_operator_accuracy(
        (first_tokens["train"], arrays["train_targets"]),
        (first_tokens["test"], arrays["test_targets"]),
    )
    notes = [
        "An accuracy at the level of the root_operator baseline means that nothing but the first "
        "token was learnt."
    ]
    if spec.source == "tsv":
        source = "official ListOps files"
    else:
        source = (
            f"generated: depth {spec.max_depth}, {spec.max_args} arguments, "
            f"{spec.min_length} < tokens < {spec.max_length}, seed {spec.seed}"
        )
        notes.append("Generated by LRA's procedure: the law of the official files, not their rows.")
    reduced = {"max_depth", "max_args", "min_length", "max_length", "train", "val", "test"}
    if any(getattr(spec, field) != getattr(_PAPER, field) for field in reduced):
        notes.append("Reduced setting, not comparable with published ListOps figures.")
    return {
        "source": source,
        "baselines": {
            "majority": majority_share(arrays["test_targets"]),
            "root_operator": root_operator,
        },
        "notes": notes,
    }
