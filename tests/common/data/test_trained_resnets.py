"""The trained ResNets: both file formats, damage, absence, and what they score."""

from __future__ import annotations

import pytest
import torch
from safetensors.torch import save_file

from common.data import trained_resnets
from common.data.catalogue import available, load
from common.data.context import DataContext
from common.data.prepared import content_sha256
from common.data.specs import ImagesSpec, TrainedResNetSpec
from common.errors import CorruptDataError, MissingDataError, UserError
from common.nn.cifar_resnet import CifarResNet
from common.trainers.image_task import accuracy

SPEC = TrainedResNetSpec(20)


@pytest.fixture
def state():
    torch.manual_seed(0)
    return CifarResNet(20).state_dict()


@pytest.fixture
def local(tmp_path):
    (tmp_path / "local" / "resnet_cifar10").mkdir(parents=True)
    return DataContext(tmp_path / "data", tmp_path / "local")


def expect(monkeypatch, state):
    arrays = {n: t.numpy() for n, t in state.items() if "num_batches" not in n}
    net = trained_resnets._Net("resnet20-12fca82f.th", content_sha256(arrays), 0.0)
    monkeypatch.setitem(trained_resnets._NETS, 20, net)


def test_both_formats_give_the_same(local, state, monkeypatch):
    expect(monkeypatch, state)
    folder = local.local_source / "resnet_cifar10"
    save_file(state, folder / "resnet20.safetensors")
    first = load(SPEC, local)
    CifarResNet(20).load_state_dict(first.state, strict=False)
    (folder / "resnet20.safetensors").unlink()
    wrapped = {"state_dict": {f"module.{name}": t for name, t in state.items()}}
    torch.save(wrapped, folder / "resnet20-12fca82f.th")
    second = load(SPEC, DataContext(local.root / "again", local.local_source))
    assert first.content_sha256 == second.content_sha256


def test_other_weights_are_refused(local, state):
    save_file(state, local.local_source / "resnet_cifar10" / "resnet20.safetensors")
    with pytest.raises(CorruptDataError, match="does not hold the published ResNet-20"):
        load(SPEC, local)
    assert not (local.root / "resnet_cifar10" / "resnet20.npz").exists()


def test_damage_is_told(local):
    (local.local_source / "resnet_cifar10" / "resnet20.safetensors").write_bytes(b"no tensors")
    with pytest.raises(CorruptDataError, match="cannot be read"):
        load(SPEC, local)


def test_absence_says_what_to_put_where(local):
    with pytest.raises(MissingDataError, match=r"resnet20-12fca82f\.th and put it at"):
        load(SPEC, local)
    assert "resnet20-12fca82f.th" in available(SPEC, local)


def test_unknown_depth():
    with pytest.raises(UserError, match="20 or 32 or 56"):
        TrainedResNetSpec(50).validate()


@pytest.mark.data
@pytest.mark.slow
@pytest.mark.parametrize("depth", [20, 32, 56])
def test_accuracy_on_the_complete_test_set(depth, genuine_context):
    data = load(ImagesSpec(normalisation="imagenet"), genuine_context)
    model = CifarResNet(depth)
    model.load_state_dict(load(TrainedResNetSpec(depth), genuine_context).state, strict=False)
    assert round(accuracy(model, data.test), 2) == trained_resnets._NETS[depth].accuracy
