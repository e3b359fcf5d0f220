"""Fashion-MNIST: every source decodes to the same arrays; Debian packages are read without dpkg."""

from __future__ import annotations

import gzip
import subprocess

import numpy as np
import pytest
import torch

from common.data import debian_package, fashion_mnist
from common.data.catalogue import available, load
from common.data.context import DataContext
from common.data.debian_package import AptError, DebianPackage, apt_download, deb_files
from common.data.download import RemoteFile
from common.data.prepared import content_sha256
from common.data.specs import FashionMnistSpec
from common.errors import CorruptDataError, MissingDataError, UserError
from tests.common.data import debian

COUNTS = {"train": ("train", 30), "test": ("t10k", 10)}
SMALL = FashionMnistSpec(train=8, test=5)


@pytest.fixture
def files(monkeypatch):
    """The IDX files of a set of 30 and 10 images, pinned in place of the genuine one."""
    rng = np.random.default_rng(0)
    arrays, found = {}, {}
    for part, (name, count) in COUNTS.items():
        for kind, shape in (("images", (count, 28, 28)), ("labels", (count,))):
            array = rng.integers(0, 10, shape, dtype=np.uint8)
            arrays[f"{part}_{kind}"] = array
            head = bytes([0, 0, 8, len(shape)]) + np.array(shape, ">i4").tobytes()
            found[f"{name}-{kind}-idx{len(shape)}-ubyte"] = head + array.tobytes()
    monkeypatch.setattr(fashion_mnist, "_PARTS", COUNTS)
    monkeypatch.setattr(fashion_mnist, "CONTENT_SHA256", content_sha256(arrays))
    return found


def package(files, compress="xz"):
    """A Debian package that holds them."""
    folder = "./usr/share/datasets/fashion-mnist"
    packed = {f"{folder}/{name}.gz": gzip.compress(file) for name, file in files.items()}
    return debian.package(packed, compress)


@pytest.mark.parametrize("source", ["plain", "packed", "package", "downloaded package"])
def test_every_source_gives_the_same(files, source, tmp_path):
    local, root = tmp_path / "local", tmp_path / "root"
    folder = local / "fashion_mnist"
    folder.mkdir(parents=True)
    if source == "package":
        (folder / "dataset-fashion-mnist.deb").write_bytes(package(files))
    elif source == "downloaded package":
        (root / "downloads").mkdir(parents=True)
        (root / "downloads" / "dataset-fashion-mnist.deb").write_bytes(package(files, "gz"))
    for name, content in files.items() if source in ("plain", "packed") else ():
        if source == "plain":
            (folder / name).write_bytes(content)
        else:
            (folder / f"{name}.gz").write_bytes(gzip.compress(content))
    context = DataContext(root, local, download=False)
    assert available(SMALL, context) is None
    data = load(SMALL, context)
    images = np.frombuffer(files["train-images-idx3-ubyte"], np.uint8, offset=16)
    assert torch.equal(data.train.inputs, torch.tensor(images.reshape(30, 1, 28, 28)[:8].copy()))
    assert (len(data.train.targets), len(data.test.targets)) == (8, 5)
    scaled = data.train.pixel_scale(data.train.inputs)
    torch.testing.assert_close(scaled, (data.train.inputs.float() / 255 - 0.2860) / 0.3530)
    assert not data.is_paper_data
    assert data.notes


def test_files_of_mnist_among_the_downloads_are_not_taken(files, tmp_path):
    """They have the same names."""
    (tmp_path / "downloads").mkdir()
    for name, content in files.items():
        (tmp_path / "downloads" / name).write_bytes(content)
    assert fashion_mnist.at_hand(DataContext(tmp_path)) is None


def test_from_apt_then_from_the_official_address(files, tmp_path, monkeypatch):
    context = DataContext(tmp_path, progress=False)
    monkeypatch.setattr(fashion_mnist, "apt_exists", lambda: True)
    assert "Debian archive" in available(SMALL, context)

    def delivered(command, cwd, **_):
        (tmp_path / cwd / "dataset-fashion-mnist_1_all.deb").write_bytes(package(files))
        return subprocess.CompletedProcess(command, 0, "", "")

    monkeypatch.setattr(debian_package.subprocess, "run", delivered)
    assert len(load(SMALL, context).train.targets) == 8
    assert (tmp_path / "downloads" / "dataset-fashion-mnist.deb").exists()


def test_without_apt_the_official_address_is_named(files, tmp_path, monkeypatch):
    monkeypatch.setattr(fashion_mnist, "apt_exists", lambda: False)
    gone = {n: RemoteFile(f"http://127.0.0.1:9/{n}.gz", "md5:0", 1) for n in files}
    monkeypatch.setattr(fashion_mnist, "OFFICIAL", gone)
    assert "127.0.0.1" in available(SMALL, DataContext(tmp_path))
    with pytest.raises(MissingDataError, match="apt-get download dataset-fashion-mnist"):
        load(SMALL, DataContext(tmp_path, progress=False))


def test_apt_that_fails_is_quoted(tmp_path, monkeypatch):
    def refused(command, **_):
        return subprocess.CompletedProcess(command, 100, "", "E: Unable to locate package")

    monkeypatch.setattr(debian_package.subprocess, "run", refused)
    with pytest.raises(AptError, match="Unable to locate"):
        apt_download(DebianPackage("nothing", 1), DataContext(tmp_path))


def test_damage_is_told(files, tmp_path):
    folder = tmp_path / "fashion_mnist"
    folder.mkdir()
    broken = folder / "dataset-fashion-mnist.deb"
    for content in (b"no archive", package(files)[:400], package({})):
        broken.write_bytes(content)
        with pytest.raises(CorruptDataError):
            load(SMALL, DataContext(tmp_path / "root", tmp_path))
    assert dict(deb_files_of(package(files), tmp_path)).keys() == {
        f"./usr/share/datasets/fashion-mnist/{name}.gz" for name in files
    }


def deb_files_of(content, folder):
    path = folder / "whole.deb"
    path.write_bytes(content)
    return list(deb_files(path, lambda name: True))


def test_another_set_is_refused(files, tmp_path, monkeypatch):
    folder = tmp_path / "fashion_mnist"
    folder.mkdir()
    for name, content in files.items():
        (folder / name).write_bytes(content)
    monkeypatch.setattr(fashion_mnist, "CONTENT_SHA256", "0" * 64)
    with pytest.raises(CorruptDataError, match="does not hold Fashion-MNIST"):
        load(SMALL, DataContext(tmp_path / "root", tmp_path))


def test_refusals():
    with pytest.raises(UserError, match=r"train is 0; allowed: 1..60000"):
        FashionMnistSpec(train=0).validate()
