from __future__ import annotations

import random
from dataclasses import replace
from statistics import median

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from common.data.catalogue import available, load
from common.data.listops.expression import (
    CLOSE,
    SYMBOLS,
    ExpressionError,
    depth,
    evaluate,
    from_text,
    from_tokens,
    to_text,
    to_tokens,
    tokenize,
)
from common.data.listops.generate import NO_TOKEN, listops_block
from common.data.listops.official_files import read_tsv, write_tsv
from common.data.specs import ListOpsSpec
from common.errors import CorruptDataError, MissingDataError, UserError

SMALL = ListOpsSpec(
    max_depth=6, min_length=50, max_length=200, l_max=200, train=400, val=50, test=100
)
# SHA-256 of the content of SMALL
PINNED = "374976794afdc562569f2f48370c0d519afa6aaf8758bdd6e68f39d8886963d1"
FULL_SIZE = {"max_depth": 10, "max_args": 10, "min_length": 500, "max_length": 2000}

digits = st.integers(0, 9)
trees = st.recursive(
    digits,
    lambda inner: st.tuples(
        st.sampled_from(["[MIN", "[MAX", "[MED", "[SM"]),
        st.lists(inner, min_size=1, max_size=6).map(tuple),
    ),
    max_leaves=40,
)


def value_by_stack(symbols: list[str]) -> int:
    """A second evaluator: no trees, a stack of open lists, medians from the library."""
    functions = {
        "[MIN": min,
        "[MAX": max,
        "[MED": lambda values: int(median(values)),
        "[SM": lambda values: sum(values) % 10,
    }
    stack: list[list] = [[]]
    for symbol in symbols:
        if symbol.startswith("["):
            stack.append([symbol])
        elif symbol == "X":
            operator, *values = stack.pop()
            stack[-1].append(functions[operator](values))
        else:
            stack[-1].append(int(symbol))
    ((value,),) = stack
    return value


@settings(deadline=None)
@given(trees)
def test_text_tree_tokens_and_value_agree(tree):
    tokens = to_tokens(tree)
    text = to_text(tree)
    assert tokenize(text) == tokens
    assert from_text(text) == from_tokens(tokens) == tree
    assert evaluate(tree) == value_by_stack([SYMBOLS[token] for token in tokens])
    # the paper's encoding, on the text: rename ], delete parentheses, split on blanks
    plain = text.replace("]", "X").replace("(", "").replace(")", "").split()
    assert plain == [SYMBOLS[token] for token in tokens]


def test_official_text_form():
    tree = ("[MAX", (3, 7, ("[MIN", (1, 2))))
    assert to_text(tree) == "( ( ( ( [MAX 3 ) 7 ) ( ( ( [MIN 1 ) 2 ) ] ) ) ] )"
    assert evaluate(("[MED", (1, 2, 8, 9))) == 5
    assert evaluate(("[MED", (1, 2))) == 1
    assert evaluate(("[SM", (9, 8, 7))) == 4


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("( ( [MAX 3 ) ] ", "1 parentheses are never closed"),
        ("[MAX 3 ) ]", "word 3 closes a parenthesis"),
        ("( [AVG 3 )", r"word 2 is '\[AVG'; allowed: 0..9"),
        ("12", "word 1 is '12'"),
        ("3 ]", "token 2 closes a bracket that was never opened"),
        ("[MAX 3", "1 brackets are never closed"),
        ("[MAX ]", "no arguments"),
        ("3 4", "2 expressions where one is expected"),
        ("", "0 expressions"),
    ],
)
def test_what_is_no_expression_is_refused(text, message):
    with pytest.raises(ExpressionError, match=message):
        from_text(text)


def grow(rng: random.Random, at: int, max_depth: int, max_args: int):
    """The recursive definition of the specification."""
    r = rng.random() if at < max_depth else 1
    if r > 0.25:
        return rng.randint(0, 9)
    n_args = rng.randint(2, max_args)
    arguments = tuple(grow(rng, at + 1, max_depth, max_args) for _ in range(n_args))
    return rng.choice(["[MIN", "[MAX", "[MED", "[SM"]), arguments


def test_law_is_that_of_the_recursive_definition():
    """Lengths, values, root operators, arguments and depths against the definition (5 sigma)."""
    rng = random.Random(0)
    reference = []
    while len(reference) < 1_000:
        tree = grow(rng, 1, 6, 10)
        if 50 < len(to_tokens(tree)) < 200:
            reference.append(tree)
    block = listops_block(
        0, size=4_000, seed=0, max_depth=6, max_args=10, min_length=50, max_length=200
    )
    generated = [
        from_tokens(row[:length])
        for row, length in zip(block["tokens"], block["lengths"], strict=True)
    ]
    statistics = [
        lambda tree: len(to_tokens(tree)),
        depth,
        lambda tree: len(tree[1]),
        lambda tree: to_tokens(tree).count(CLOSE),
        *(lambda tree, v=v: float(evaluate(tree) == v) for v in range(10)),
        *(lambda tree, op=op: float(tree[0] == op) for op in ("[MIN", "[MAX", "[MED", "[SM")),
    ]
    for statistic in statistics:
        one = np.array([statistic(tree) for tree in generated], dtype=float)
        two = np.array([statistic(tree) for tree in reference], dtype=float)
        error = np.sqrt(one.var() / len(one) + two.var() / len(two))
        assert abs(one.mean() - two.mean()) < 5 * error


def test_full_size_trees():
    block = listops_block(0, size=500, seed=1, **FULL_SIZE)
    assert (block["lengths"] > 500).all()
    assert (block["lengths"] < 2000).all()
    for row, length, value in zip(block["tokens"], block["lengths"], block["values"], strict=True):
        tree = from_tokens(row[:length])
        assert (row[length:] == NO_TOKEN).all()
        assert depth(tree) <= 10
        assert value_by_stack([SYMBOLS[token] for token in row[:length]]) == value == evaluate(tree)
    # measured on 2,000 trees of the recursive definition: 0 and 9 each about 17 %
    shares = np.bincount(block["values"], minlength=10) / 500
    assert 0.08 < shares[0] < 0.26
    assert 0.08 < shares[9] < 0.26


def test_splits(context):
    data = load(SMALL, context)
    assert (data.vocab_size, data.n_classes, data.channels) == (18, 10, None)
    assert data.is_paper_data is False
    assert [len(data.train), len(data.val), len(data.test)] == [400, 50, 100]
    rows = []
    for split in (data.train, data.val, data.test):
        assert split.inputs.shape[1] == 200
        for ids, length in zip(split.inputs.numpy(), split.lengths.tolist(), strict=True):
            assert 51 < length < 201
            assert ids[length - 1] == 2, "<eos> closes the sequence"
            assert (ids[: length - 1] > 2).all(), "no special among the symbols"
            assert not ids[length:].any()
            rows.append(ids.tobytes())
    assert len(set(rows)) == 550, "a tree is in two splits, or twice in one"


def test_ids_are_by_frequency_in_train(context):
    data = load(SMALL, context)
    counts = np.bincount(data.train.inputs.numpy().ravel(), minlength=18)
    assert (np.diff(counts[3:]) <= 0).all()


def test_baselines(context):
    data = load(SMALL, context)
    targets = data.test.targets.numpy()
    assert data.baselines["majority"] == np.bincount(targets).max() / 100
    by_root = {}
    for first in np.unique(data.train.inputs[:, 0]):
        of_root = data.train.targets[data.train.inputs[:, 0] == first].numpy()
        by_root[first] = np.bincount(of_root).argmax()
    predicted = [by_root[first] for first in data.test.inputs[:, 0].tolist()]
    assert data.baselines["root_operator"] == np.mean(predicted == targets)
    assert data.baselines["root_operator"] > data.baselines["majority"]


def test_the_same_bytes_from_any_number_of_workers_and_on_any_day(context, tmp_path):
    one = load(SMALL, context)
    two = load(SMALL, replace(context, root=tmp_path / "two", workers=2))
    assert one.content_sha256 == two.content_sha256
    assert one.content_sha256 == PINNED
    assert load(replace(SMALL, seed=1), context).content_sha256 != PINNED


def test_official_files(local_context):
    rng = random.Random(1)
    folder = local_context.local_source / "listops"
    folder.mkdir()
    spec = ListOpsSpec(source="tsv", l_max=64)
    assert "basic_train.tsv" in available(spec, local_context)
    with pytest.raises(MissingDataError, match="basic_val"):
        load(spec, local_context)
    written = {}
    for split, n in (("train", 30), ("val", 5), ("test", 8)):
        written[split] = [grow(rng, 1, 3, 4) for _ in range(n)]
        write_tsv(folder / f"basic_{split}.tsv", written[split])
    assert read_tsv(folder / "basic_val.tsv") == [(t, evaluate(t)) for t in written["val"]]
    assert available(spec, local_context) is None
    data = load(spec, local_context)
    assert data.test.targets.tolist() == [evaluate(tree) for tree in written["test"]]
    longest = max(len(to_tokens(tree)) for tree in written["train"])
    assert data.train.lengths.max() == min(64, longest + 1)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("( ( ( [MAX 3 ) 7 ) [ )\t7", r"line 3: word 9 is '\['"),
        ("( ( ( [MAX 3 ) 7 ) ]\t7", "line 3: 1 parentheses are never closed"),
        ("( ( ( [MAX 3 ) 7 ) ] )\t3", "line 3: the target is '3', the expression is 7"),
        ("( ( ( [MAX 3 ) 7 ) ] )", "line 3: 1 columns"),
    ],
)
def test_broken_official_files_name_the_line(tmp_path, line, message):
    path = tmp_path / "basic_train.tsv"
    path.write_text(f"Source\tTarget\n4\t4\n{line}\n")
    with pytest.raises(CorruptDataError, match=message):
        read_tsv(path)


def test_official_file_without_header_or_rows(tmp_path):
    path = tmp_path / "basic_train.tsv"
    path.write_text("4\t4\n")
    with pytest.raises(CorruptDataError, match="line 1: the header is"):
        read_tsv(path)
    path.write_text("Source\tTarget\n")
    with pytest.raises(CorruptDataError, match="holds no expression"):
        read_tsv(path)


def test_settings_without_enough_trees(context, monkeypatch):
    with pytest.raises(UserError, match="distinct ListOps trees exist"):
        load(ListOpsSpec(max_depth=2, max_args=2, min_length=3, max_length=5, train=900), context)
    monkeypatch.setattr("common.data.listops.generate._HOPELESS_AFTER", 20_000)
    with pytest.raises(UserError, match="None of 20480 ListOps trees"):
        load(ListOpsSpec(max_depth=2), context)
