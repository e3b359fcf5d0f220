"""C1, C2, C4, C5, C7 to C10: one dense model, all that is made of it, and its controls.

What is compressed, pruned or rounded starts from the same dense weights, ``small`` and ``tt`` from
their own; all see the same batches in the same order. ``more`` is the dense model with the epochs
that the compressed ones are fine-tuned for.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass, field

import torch
from omegaconf import OmegaConf
from torch import Tensor
from torch.nn import functional as F

from common.compression import costs
from common.data.catalogue import load
from common.data.ctr_split import CtrData
from common.errors import InvalidInputError
from common.evaluation.auc import delong
from common.evaluation.bootstrap import paired_bootstrap
from common.experiment.context import RunContext, TaskResult, data_entry
from common.experiment.datasets import datasets
from papers.ctr_lowrank import controls
from papers.ctr_lowrank.accounting import Shape, parameters
from papers.ctr_lowrank.compression import Plan, Statistics, compress, statistics
from papers.ctr_lowrank.identities import error_identity, fusion_difference
from papers.ctr_lowrank.models.ctr import CtrModel, build, build_dense
from papers.ctr_lowrank.models.tensor_train import TensorTrainTables, published, two_cores
from papers.ctr_lowrank.training import predict, train, training_batches

CONTROLS = ("more", "small", "pruned", "int8")


def variants(table_rank: int, layer_rank: int) -> dict[str, Plan]:
    """Compressed versions by name."""
    return {
        "svd": Plan("svd", table_rank, layer_rank),
        "afm": Plan("afm", table_rank, layer_rank),
        "afm_act": Plan("afm", table_rank, layer_rank, activation=True),
        "emb": Plan("afm", table_rank=table_rank),
        "mlp": Plan("afm", layer_rank=layer_rank),
    }


@dataclass
class _Measured:
    """Test logits by model, and figures that are no comparison."""

    data: CtrData
    logits: dict[str, Tensor] = field(default_factory=dict)
    metrics: dict[str, float] = field(default_factory=dict)

    def see(self, name: str, logits: Tensor) -> None:
        """Loss of a model; the areas follow once all are known."""
        self.logits[name] = logits
        self.metrics[f"{name}_logloss"] = float(losses(logits, self.data).mean())


def run(context: RunContext) -> TaskResult:
    """Train, compress, fine-tune, evaluate."""
    config, task = context.config, context.config.task
    plans = _checked(task)
    (spec,) = datasets(task)
    data = load(spec, context.data)
    measured = _Measured(data)
    dense = build_dense(config.model, data.vocabularies, len(data.dense_fields))
    shape = Shape.of(config.model, data.vocabularies, len(data.dense_fields))
    fitted = _trained(context, "dense", dense, data)
    measured.see("dense", predict(dense, data.test, config))
    found = statistics(dense, training_batches(data, config))
    if task.check_ranks:
        measured.metrics |= error_identity(dense, data, task.check_ranks, config)
    if dense.FUSES:
        gap = fusion_difference(dense, found, task.table_rank, data, config)
        measured.metrics["fusion_difference"] = gap
    _sweep(dense, found, measured, context)
    for name, plan in plans.items():
        small = compress(dense, found, plan)
        _tuned(context, name, small, measured)
        measured.metrics |= _size(name, small, parameters(shape, plan), dense)
    _controls(context, dense, shape, measured)
    if task.tensor_train_fields:
        _tensor_train(context, measured, dense)
    metrics = measured.metrics | compared(measured.logits, data)
    metrics |= {"dense_parameters": costs.parameters(dense), "dense_epochs": len(fitted.val_scores)}
    if data.bayes_auc is not None:
        metrics["bayes_auc"] = data.bayes_auc
    return TaskResult(
        metrics,
        data=[data_entry(data)],
        notes=[*data.notes, f"dense: best of {len(fitted.val_scores)} epochs {fitted.best_epoch}"],
        facts={"vocabularies": dict(zip(data.fields, data.vocabularies, strict=True))},
        curves={"val_loss": [-score for score in fitted.val_scores]},
    )


def compared(logits: dict[str, Tensor], data: CtrData) -> dict[str, float]:
    """Area of each model, and its difference to the dense model and to that one trained on, with
    95 % intervals over draws of test rows (DeLong)."""
    names = list(logits)
    areas = delong(torch.stack([logits[name] for name in names]), data.test.targets)
    metrics = {}
    for place, name in enumerate(names):
        own = areas.interval(place)
        metrics |= {f"{name}_auc": own.value, f"{name}_auc_low": own.low}
        metrics[f"{name}_auc_high"] = own.high
        for other in ("dense", "more"):
            if other in names and name != other:
                gap = areas.difference(place, names.index(other))
                key = f"{name}_minus_{other}_auc"
                metrics |= {key: gap.value, f"{key}_low": gap.low, f"{key}_high": gap.high}
    return metrics


def losses(logits: Tensor, data: CtrData) -> Tensor:
    """Of each test row, float64."""
    return F.binary_cross_entropy_with_logits(
        logits.double(), data.test.targets.double(), reduction="none"
    )


def _checked(task) -> dict[str, Plan]:
    plans = variants(task.table_rank, task.layer_rank)
    for name, given, allowed in (
        ("variants", task.variants, plans),
        ("controls", task.controls, CONTROLS),
    ):
        if unknown := [x for x in given if x not in allowed]:
            raise InvalidInputError(
                f"task.{name} has {', '.join(unknown)}; allowed: {', '.join(allowed)}."
            )
    if "int8" in task.controls and "more" not in task.controls:
        raise InvalidInputError("task.controls has int8 without more, whose tables it rounds.")
    return {name: plans[name] for name in task.variants}


def _trained(context: RunContext, stage: str, model: CtrModel, data: CtrData):
    options = context.config.train
    return train(context, stage, model, data, epochs=options.epochs, patience=options.patience)


def _tuned(
    context: RunContext, name: str, model: CtrModel, measured: _Measured, masks=None
) -> None:
    """Evaluate, train on, evaluate again."""
    config = context.config
    measured.see(f"{name}_before", predict(model, measured.data.test, config))
    epochs = config.train.fine_tune_epochs
    train(context, name, model, measured.data, epochs=epochs, masks=masks)
    measured.see(name, predict(model, measured.data.test, config))


def _size(name: str, small: CtrModel, formula: int, dense: CtrModel) -> dict[str, float]:
    counted = costs.parameters(small)
    return {
        f"{name}_parameters": counted,
        f"{name}_parameters_formula": formula,
        f"{name}_times_smaller": costs.parameters(dense) / counted,
        f"{name}_deep_width": small.mlp.layers[0].in_features,
    }


def _sweep(dense: CtrModel, found: Statistics, measured: _Measured, context: RunContext) -> None:
    """Layers at several ranks by both methods, not fine-tuned."""
    task, config, data = context.config.task, context.config, measured.data
    for rank in context.track(list(task.sweep_ranks), "ranks of the layers"):
        of_rows = {}
        for method in ("afm", "svd"):
            small = compress(dense, found, Plan(method, layer_rank=rank))
            logits = predict(small, data.test, config)
            of_rows[method] = losses(logits, data)
            gap = (logits - measured.logits["dense"]).double().square().mean()
            measured.metrics[f"{method}_r{rank}_gap"] = float(gap)
            measured.metrics[f"{method}_r{rank}_logloss"] = float(of_rows[method].mean())
        apart = paired_bootstrap(
            of_rows["afm"], of_rows["svd"], draws=task.bootstrap_draws, seed=config.seed
        )
        key = f"afm_minus_svd_r{rank}_logloss"
        measured.metrics |= {key: apart.value, f"{key}_low": apart.low, f"{key}_high": apart.high}


def _controls(context: RunContext, dense: CtrModel, shape: Shape, measured: _Measured) -> None:
    config, task, data = context.config, context.config.task, measured.data
    wanted = set(task.controls)
    budget = parameters(shape, variants(task.table_rank, task.layer_rank)["afm"])
    if "more" in wanted:
        more = copy.deepcopy(dense)
        train(context, "more", more, data, epochs=config.train.fine_tune_epochs)
        measured.see("more", predict(more, data.test, config))
    if "int8" in wanted:
        rounded = controls.int8_tables(more)
        measured.see("int8", predict(rounded.model, data.test, config))
        dense_bits = 32 * costs.parameters(dense)
        measured.metrics["int8_times_smaller"] = dense_bits / rounded.bits
    if "pruned" in wanted:
        masks = controls.magnitude_masks(dense, budget)
        pruned = copy.deepcopy(dense)
        for name, parameter in pruned.named_parameters():
            if name in masks:
                parameter.data.mul_(masks[name])
        _tuned(context, "pruned", pruned, measured, masks)
        measured.metrics["pruned_parameters"] = controls.remaining(masks, dense)
    if "small" in wanted:
        small = controls.small_shape(shape, task.table_rank, budget)
        torch.manual_seed(config.seed)
        sizes = {"dim": small.dim, "hidden": list(small.hidden)}
        model = build_dense(
            OmegaConf.merge(config.model, sizes), data.vocabularies, len(data.dense_fields)
        )
        _trained(context, "small_first", model, data)
        _tuned(context, "small", model, measured)
        measured.metrics["small_parameters"] = costs.parameters(model)


def _tensor_train(context: RunContext, measured: _Measured, dense: CtrModel) -> None:
    """Trained from its own start until it gets no better, then as long as others are fine-tuned."""
    config, task, data = context.config, context.config.task, measured.data
    if unknown := [f for f in task.tensor_train_fields if f not in data.fields]:
        raise InvalidInputError(
            f"task.tensor_train_fields has {', '.join(unknown)}; {data.name} has "
            f"{', '.join(data.fields)}."
        )
    torch.manual_seed(config.seed)
    columns = list(task.tensor_train_columns)
    trains = {}
    for name in task.tensor_train_fields:
        place, modes = data.fields.index(name), task.tensor_train_modes.get(name)
        rows, rank = data.vocabularies[place], task.tensor_train_rank
        if modes is None:
            trains[place] = two_cores(rows, columns, rank)
        else:
            trains[place] = published(
                rows, list(modes), config.model.dim, rank, std=task.tensor_train_std
            )
    tables = TensorTrainTables(data.vocabularies, config.model.dim, trains)
    model = build(config.model, tables, len(data.dense_fields))
    _trained(context, "tt_first", model, data)
    _tuned(context, "tt", model, measured)
    counted = costs.parameters(model)
    measured.metrics |= {
        "tt_parameters": counted,
        "tt_train_parameters": sum(costs.parameters(train) for train in trains.values()),
        "tt_times_smaller": costs.parameters(dense) / counted,
    }
