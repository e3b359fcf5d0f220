"""What the frozen part gives for the rows of a run, kept on disk: methods and rates share it.

It depends on the set, the encoder, the rows and the code below, and on nothing that is compared.
"""

from __future__ import annotations

import hashlib
import inspect
import json
import logging
import pickle
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from common.atomic import replacing
from common.fine_tuning import classifier, encoding, prefix, probe
from common.fine_tuning.prefix import Hidden
from common.fine_tuning.probe import Probe
from common.nn import bert

FOLDER = "frozen_outputs"
_CODE = (bert, classifier, encoding, prefix, probe)
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class FrozenOutputs:
    """Of one encoder on the rows of one run.

    Attributes:
        train: on the training rows.
        held_out: on training rows apart, for choices.
        dev: on the rows that are judged.
        probe: of the pooled outputs of the blocks above, before they are changed.
        dev_features: these pooled outputs on the judged rows.
    """

    train: Hidden
    held_out: Hidden
    dev: Hidden
    probe: Probe
    dev_features: Float[Tensor, "n d"]


def name(settings: Mapping[str, Any]) -> str:
    """Of the file for these settings and this code."""
    parts = [json.dumps(settings, sort_keys=True), torch.__version__]
    parts += [inspect.getsource(module) for module in _CODE]
    return f"{hashlib.sha256('|'.join(parts).encode()).hexdigest()[:20]}.pt"


def kept(path: Path, make: Callable[[], FrozenOutputs], device: torch.device) -> FrozenOutputs:
    """Read the file, or make its content and keep it.

    A file that cannot be read is made again; where it cannot be written, it is done without.
    """
    if path.is_file():
        try:
            return _joined(torch.load(path, map_location="cpu", weights_only=True), device)
        except (OSError, RuntimeError, EOFError, KeyError, TypeError, pickle.UnpicklingError):
            _log.warning("%s cannot be read and is made again.", path)
    made = make()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with replacing(path) as file:
            torch.save(_taken_apart(made), file)
    except OSError as error:
        _log.warning("%s is not kept: %s.", path, error)
    return made


def _taken_apart(made: FrozenOutputs) -> dict[str, Any]:
    """Tensors by name: nothing but these is read back."""

    def by_name(part: Any) -> dict[str, Any]:
        return {field.name: getattr(part, field.name) for field in fields(part)}

    parts = by_name(made)
    return {key: p if isinstance(p, Tensor) else by_name(p) for key, p in parts.items()}


def _joined(found: dict[str, Any], device: torch.device) -> FrozenOutputs:
    def hidden(values: Tensor, starts: Tensor, labels: Tensor) -> Hidden:
        return Hidden(values.to(device), starts, labels.to(device))

    probe = {name: value.to(device) for name, value in found["probe"].items()}
    return FrozenOutputs(
        *(hidden(**found[name]) for name in ("train", "held_out", "dev")),
        Probe(**probe),
        found["dev_features"].to(device),
    )
