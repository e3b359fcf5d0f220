"""The plumbing, with the toy: as a tuner of peft."""

from __future__ import annotations

import pytest
import torch

from common.adapters import peft_library
from common.errors import UserError
from tests.adapters.toy_tuner import ToyConfig, ToyModel
from tests.adapters.tuner_contract import TunerContract


class TestToyTuner(TunerContract):
    module = "tests.adapters.toy_tuner"

    def config(self, **settings):
        return ToyConfig(r=2, **settings)

    def numbers(self, shape):
        return 2 * (shape[0] + torch.Size(shape[1:]).numel())


def test_registered_twice_is_once():
    peft_library.register("STRUCTLAB_TOY", "structlab_toy_", ToyConfig, ToyModel)


def test_names_of_others_are_refused():
    with pytest.raises(UserError, match="another method called LORA"):
        peft_library.register("LORA", "structlab_toy_", ToyConfig, ToyModel)
    with pytest.raises(UserError, match="with the prefix lora_"):
        peft_library.register("STRUCTLAB_OTHER", "lora_", ToyConfig, ToyModel)


def test_other_releases_are_refused(monkeypatch):
    monkeypatch.setattr(peft_library, "version", lambda _: "0.18.0")
    with pytest.raises(UserError, match=r"peft 0\.18\.0 is installed; tuners are made for"):
        peft_library.peft_library()


def test_without_peft_the_extra_is_named(monkeypatch):
    def absent(name):
        raise peft_library.PackageNotFoundError(name)

    monkeypatch.setattr(peft_library, "version", absent)
    with pytest.raises(UserError, match=r"structlab\[peft\]"):
        peft_library.peft_library()
