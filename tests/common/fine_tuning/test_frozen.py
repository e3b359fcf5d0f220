"""Outputs of the frozen part: kept once, read again, made again where the file is of no use."""

from __future__ import annotations

import errno

import pytest
import torch

from common.fine_tuning import frozen
from common.fine_tuning.frozen import FrozenOutputs, kept, name
from common.fine_tuning.prefix import Hidden
from common.fine_tuning.probe import Probe

CPU = torch.device("cpu")


def outputs(seed: int = 0) -> FrozenOutputs:
    generator = torch.Generator().manual_seed(seed)

    def hidden() -> Hidden:
        return Hidden(
            torch.randn(5, 3, generator=generator), torch.tensor([0, 2, 5]), torch.tensor([0, 1])
        )

    probe = Probe(torch.randn(2, 3, generator=generator), torch.randn(2, generator=generator))
    features = torch.randn(2, 3, generator=generator)
    return FrozenOutputs(hidden(), hidden(), hidden(), probe, features)


def same(a: FrozenOutputs, b: FrozenOutputs) -> bool:
    pairs = [(a.probe.weight, b.probe.weight), (a.probe.bias, b.probe.bias)]
    pairs.append((a.dev_features, b.dev_features))
    for split in ("train", "held_out", "dev"):
        x, y = getattr(a, split), getattr(b, split)
        pairs += [(x.values, y.values), (x.starts, y.starts), (x.labels, y.labels)]
    return all(torch.equal(x, y) for x, y in pairs)


def never() -> FrozenOutputs:
    raise AssertionError("made again")


def test_made_once(tmp_path):
    path = tmp_path / "folder" / "a.pt"
    made = kept(path, outputs, CPU)
    assert same(kept(path, never, CPU), made)
    assert [file.name for file in path.parent.iterdir()] == ["a.pt"]


@pytest.mark.parametrize("damage", [b"", b"no tensors", None])
def test_a_damaged_file_is_made_again(tmp_path, damage):
    path = tmp_path / "a.pt"
    kept(path, lambda: outputs(1), CPU)
    path.write_bytes(path.read_bytes()[:200] if damage is None else damage)
    assert same(kept(path, outputs, CPU), outputs())
    assert same(kept(path, never, CPU), outputs())


def test_a_file_of_something_else_is_made_again(tmp_path):
    path = tmp_path / "a.pt"
    torch.save({"train": {}}, path)
    assert same(kept(path, outputs, CPU), outputs())


def test_a_full_disk_costs_the_file_and_not_the_run(tmp_path, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(frozen, "replacing", full)
    assert same(kept(tmp_path / "a.pt", outputs, CPU), outputs())
    assert not (tmp_path / "a.pt").exists()


def test_names_follow_settings_and_code(monkeypatch):
    one = name({"rows": 3, "seed": 0})
    assert one == name({"seed": 0, "rows": 3})
    assert one != name({"rows": 4, "seed": 0})
    monkeypatch.setattr(frozen, "_CODE", frozen._CODE[1:])
    assert one != name({"rows": 3, "seed": 0})
