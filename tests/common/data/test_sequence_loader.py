from __future__ import annotations

from itertools import chain

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from common.data.loader import SequenceLoader
from common.data.sequence import PixelScale, SequenceSplit
from common.errors import UserError


def tokens(n: int, l_max: int = 12) -> SequenceSplit:
    """Row i holds i + 1 in its first lengths[i] places."""
    generator = torch.Generator().manual_seed(0)
    lengths = torch.randint(1, l_max + 1, (n,), generator=generator)
    inputs = (torch.arange(n) + 1)[:, None] * (torch.arange(l_max) < lengths[:, None])
    return SequenceSplit(inputs.to(torch.uint8), torch.arange(n), lengths)


def loader(split: SequenceSplit, batch_size: int, **options) -> SequenceLoader:
    options = {"shuffle": True, "seed": 0, "drop_last": False} | options
    return SequenceLoader(split, batch_size, **options)


def targets(batches) -> list[list[int]]:
    return [batch[2].tolist() for batch in batches]


@settings(deadline=None)
@given(st.integers(1, 40), st.integers(1, 15), st.booleans(), st.integers(0, 3))
def test_an_epoch_is_every_element_once(n, batch_size, shuffle, epoch):
    batches = loader(tokens(n), batch_size, shuffle=shuffle)
    batches.set_epoch(epoch)
    seen = targets(batches)
    assert len(seen) == len(batches) == -(-n // batch_size)
    flat = list(chain(*seen))
    assert sorted(flat) == list(range(n))
    assert shuffle or flat == list(range(n))


def test_batches_are_cut_to_their_longest_sequence_and_keep_their_rows():
    split = tokens(23)
    for inputs, lengths, classes in loader(split, 5):
        assert inputs.dtype == torch.int64
        assert inputs.shape[1] == lengths.max()
        assert torch.equal(lengths, split.lengths[classes])
        assert torch.equal(inputs, split.inputs[classes, : lengths.max()].long())
    for inputs, _, _ in loader(split, 5, cut_to_longest=False):
        assert inputs.shape[1] == 12


def test_order_depends_on_seed_and_epoch_alone():
    split = tokens(30)
    batches = loader(split, 4)
    zero, again = targets(batches), targets(batches)
    assert zero == again
    batches.set_epoch(1)
    one = targets(batches)
    assert one != zero
    batches.set_epoch(0)
    assert targets(batches) == zero
    other = loader(split, 4, seed=1)
    assert targets(other) != zero
    fresh = loader(split, 4)
    fresh.set_epoch(1)
    assert targets(fresh) == one


@settings(deadline=None)
@given(st.integers(0, 8))
def test_resuming_in_the_middle_of_an_epoch_is_exact(done):
    batches = loader(tokens(30), 4)
    batches.set_epoch(2)
    whole = targets(batches)
    batches.skip(done)
    assert len(batches) == 8
    assert targets(batches) == whole[done:]
    assert targets(batches) == whole, "only one iteration is shortened"


def test_skip_refuses_what_cannot_be():
    with pytest.raises(UserError, match=r"Cannot skip 9 batches; allowed: 0\.\.8"):
        loader(tokens(30), 4).skip(9)


@settings(deadline=None)
@given(st.integers(1, 40), st.sampled_from([2, 3, 4]), st.booleans())
def test_ranks_share_the_global_batches(n, world_size, drop_last):
    split = tokens(n)
    batch_size = 2 * world_size
    if drop_last and n < batch_size:
        return
    alone = list(loader(split, batch_size, drop_last=drop_last))
    shares = [
        list(loader(split, batch_size, drop_last=drop_last, rank=rank, world_size=world_size))
        for rank in range(world_size)
    ]
    assert {len(share) for share in shares} == {len(alone)}
    for number, (inputs, _, classes) in enumerate(alone):
        dealt = [share[number][2].tolist() for share in shares]
        assert set(chain(*dealt)) == set(classes.tolist())
        assert all(dealt), "no process is left without work"
        if len(classes) >= world_size:
            assert sorted(chain(*dealt)) == sorted(classes.tolist())
            assert max(map(len, dealt)) - min(map(len, dealt)) <= 1
        assert {share[number][0].shape[1] for share in shares} == {inputs.shape[1]}


def test_last_ragged_batch_is_dropped_on_request():
    assert [len(batch) for batch in targets(loader(tokens(23), 5, drop_last=True))] == [5] * 4


def test_pairs_of_documents():
    inputs = torch.arange(1, 4 * 2 * 6 + 1).reshape(4, 2, 6).to(torch.uint8)
    split = SequenceSplit(inputs, torch.zeros(4).long(), torch.tensor([[1, 3]] * 4))
    batch, lengths, _ = next(iter(loader(split, 2)))
    assert batch.shape == (2, 2, 3)
    assert lengths.shape == (2, 2)


def test_pixels():
    values = torch.rand(5, 7, 3)
    batch, lengths, classes = next(iter(loader(SequenceSplit(values, torch.arange(5)), 5)))
    assert lengths is None
    assert torch.equal(batch, values[classes])
    grey = SequenceSplit(
        torch.tensor([[[0], [255]]], dtype=torch.uint8),
        torch.zeros(1).long(),
        pixel_scale=PixelScale(0.5, 0.5),
    )
    assert next(iter(loader(grey, 1)))[0].tolist() == [[[-1.0], [1.0]]]


@pytest.mark.parametrize(
    ("batch_size", "options", "message"),
    [
        (0, {}, "batch_size is 0; allowed: positive multiples of the number of processes, 1"),
        (5, {"world_size": 2}, "positive multiples of the number of processes, 2"),
        (40, {"drop_last": True}, "the split has 30 sequences"),
    ],
)
def test_batch_sizes_that_cannot_be(batch_size, options, message):
    with pytest.raises(UserError, match=message):
        loader(tokens(30), batch_size, **options)


def test_splits_refuse_what_does_not_fit():
    with pytest.raises(ValueError, match="targets must be int64"):
        SequenceSplit(torch.zeros(3, 2), torch.zeros(2).long())
    with pytest.raises(ValueError, match="lengths for 3 sequences"):
        SequenceSplit(torch.zeros(3, 2), torch.zeros(3).long(), torch.ones(2).long())


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_batches_on_a_device_are_those_of_the_cpu():
    for split in (tokens(30), SequenceSplit(torch.rand(30, 7, 3), torch.arange(30))):
        there = loader(split, 4, device="cuda")
        for one, two in zip(loader(split, 4), there, strict=True):
            for expected, moved in zip(one, two, strict=True):
                if expected is None:
                    assert moved is None
                else:
                    assert moved.device.type == "cuda"
                    assert torch.equal(moved.cpu(), expected)
