"""What is fine-tuned: rows of a set, the frozen part's outputs, the upper blocks and a probe."""

from __future__ import annotations

import copy
import inspect
from dataclasses import dataclass

import torch
from jaxtyping import Int64
from omegaconf import OmegaConf
from torch import Tensor, nn

from common.data import catalogue
from common.data.glue import LabelledSentences
from common.data.glue_files import Rows
from common.errors import InvalidInputError
from common.experiment.context import RunContext, data_entry
from common.experiment.machine import device
from common.fine_tuning.classifier import Classifier, pooled
from common.fine_tuning.encoding import Encoded, encode
from common.fine_tuning.frozen import FOLDER, FrozenOutputs, kept, name
from common.fine_tuning.prefix import Hidden, Suffix, hidden
from common.fine_tuning.probe import fit

# What of a task decides the outputs of the frozen part; the set and the encoder do besides.
_DECIDING = ("rows", "rows_per_class", "held_out", "longest", "blocks")


@dataclass(frozen=True)
class Subject:
    """One set and one encoder, ready for any method.

    Attributes:
        outputs: of the frozen part, and a probe.
        blocks: the upper blocks, as trained by others.
        width: of the encoder.
        classes: of the set.
        metric: see `LabelledSentences`.
        entries: data for the record.
    """

    outputs: FrozenOutputs
    blocks: Suffix
    width: int
    classes: int
    metric: str
    entries: list[dict]

    def classifier(self, blocks: nn.Module) -> Classifier:
        """These blocks under a head that starts as the probe."""
        model = Classifier(blocks, self.width, self.classes)
        model.start_head(self.outputs.probe.weight, self.outputs.probe.bias)
        return model.to(self.outputs.train.values.device)

    def copy_of_blocks(self) -> Suffix:
        """The blocks, to be changed."""
        return copy.deepcopy(self.blocks)


def subject(context: RunContext) -> Subject:
    """Load, encode, and run the frozen part, or read what it gave before.

    Raises:
        MissingDataError: the set or the encoder is not to be had.
        InvalidInputError: more rows are asked for than there are.
    """
    config = context.config
    task = config.task
    data = catalogue.load(OmegaConf.to_object(task.dataset), context.data)
    weights = catalogue.load(OmegaConf.to_object(task.weights), context.data)
    where = device(config.trainer)
    encoder = weights.model(where)
    suffix = Suffix(encoder, task.blocks)
    entries = [data_entry(data), data_entry(weights)]

    def make() -> FrozenOutputs:
        return _outputs(data, weights.tokenizer, encoder, suffix, context)

    settings = {
        "data": [(entry["key"], entry["content_sha256"]) for entry in entries],
        "device": where.type,
        "seed": config.seed,
        "code": [inspect.getsource(part) for part in (rows_of, features)],
        **{field: task[field] for field in _DECIDING},
    }
    outputs = kept(context.data.root / FOLDER / name(settings), make, where)
    width, classes = encoder.config.width, data.n_classes
    return Subject(outputs, suffix, width, classes, data.metric, entries)


def _outputs(data, tokenizer: str, encoder, suffix: Suffix, context: RunContext) -> FrozenOutputs:
    task = context.config.task
    chosen, apart = rows_of(data, task, context.config.seed)
    below = encoder.config.layers - task.blocks

    def of(rows: Rows, picked: Int64[Tensor, " n"] | None) -> Hidden:
        encoded = _encoded(tokenizer, rows, picked, task.longest)
        return hidden(encoder, encoded, below, track=context.track)

    train, held_out, dev = of(data.train, chosen), of(data.train, apart), of(data.dev, None)
    probe = fit(features(suffix, train), train.labels, data.n_classes)
    return FrozenOutputs(train, held_out, dev, probe, features(suffix, dev))


def rows_of(
    data: LabelledSentences, task, seed: int
) -> tuple[Int64[Tensor, " n"], Int64[Tensor, " k"]]:
    """Training rows and rows apart, drawn by the seed; the latter do not depend on the former.

    Raises:
        InvalidInputError: the set has fewer.
    """
    labels = torch.tensor(data.train.labels)
    if not 1 <= task.held_out < len(labels):
        raise InvalidInputError(
            f"task.held_out={task.held_out} of {len(labels)} rows of {data.name}; allowed: 1 to "
            f"{len(labels) - 1}."
        )
    order = torch.randperm(len(labels), generator=torch.Generator().manual_seed(seed))
    apart, rest = order[: task.held_out], order[task.held_out :]
    if task.rows_per_class:
        parts = [rest[labels[rest] == label] for label in range(data.n_classes)]
        if min(len(part) for part in parts) < task.rows_per_class:
            raise InvalidInputError(
                f"task.rows_per_class={task.rows_per_class}; {data.name} has "
                f"{min(len(part) for part in parts)} of one class besides those held out."
            )
        return torch.cat([part[: task.rows_per_class] for part in parts]), apart
    if task.rows > len(rest):
        raise InvalidInputError(
            f"task.rows={task.rows}; {data.name} has {len(rest)} besides {task.held_out} held "
            f"out. Ask for fewer, or 0 for all."
        )
    return (rest[: task.rows] if task.rows else rest), apart


@torch.no_grad()
def features(blocks: nn.Module, data: Hidden) -> Tensor:
    """Pooled outputs of the blocks, (n, width)."""
    found = []
    for rows in torch.arange(len(data)).split(128):
        values, mask, _ = data.batch(rows)
        found.append(pooled(blocks(values, mask), mask))
    return torch.cat(found)


def _encoded(
    tokenizer: str, rows: Rows, picked: Int64[Tensor, " n"] | None, longest: int
) -> Encoded:
    order = range(len(rows.labels)) if picked is None else picked.tolist()
    second = [rows.second[i] for i in order] if rows.second else []
    return encode(
        tokenizer, [rows.first[i] for i in order], second, [rows.labels[i] for i in order], longest
    )
