"""Typed configuration of this paper's tasks (standard library and Hydra only)."""

from __future__ import annotations

from dataclasses import dataclass, field

from hydra.core.config_store import ConfigStore

from common.experiment.schema import TaskConfig


@dataclass
class CtrModelConfig:
    """A model of the click-through rate.

    Attributes:
        name: ``deepfm``, ``dcn``, ``autoint``, ``nfm``, ``fibinet`` or ``xdeepfm``.
        dim: D, length of an embedding.
        hidden: widths of the MLP.
        mlp_std: of the MLP's first weights; none leaves torch's own.
        cross: layers of DCN.
        attention: layers of AutoInt.
        heads: of each.
        reduction: of FiBiNET's squeeze.
        cin: sizes of xDeepFM's layers.
    """

    name: str = "deepfm"
    dim: int = 16
    hidden: list[int] = field(default_factory=lambda: [256, 256, 256])
    mlp_std: float | None = None
    cross: int = 2
    attention: int = 3
    heads: int = 2
    reduction: int = 3
    cin: list[int] = field(default_factory=lambda: [32, 16])


@dataclass
class CtrOptimizerConfig:
    """Adam on the mean loss.

    Attributes:
        lr: constant.
        l2: times the sum of squares of tables and first-order weights, over the batch size: as with
            a loss that is summed over the batch.
    """

    lr: float = 1.0e-3
    l2: float = 1.0e-5


@dataclass
class CtrTrainConfig:
    """The loop; ``trainer.max_steps`` may end each training earlier.

    Attributes:
        batch_size: rows of a step.
        epochs: most passes over the training rows.
        patience: epochs without a lower validation loss after which training stops.
        fine_tune_epochs: after compression; the controls get as many more.
        eval_batch_size: rows of an evaluation batch.
    """

    batch_size: int = 512
    epochs: int = 30
    patience: int = 3
    fine_tune_epochs: int = 1
    eval_batch_size: int = 4000


@dataclass
class CompressTask(TaskConfig):
    """One dense model, its compressed versions and its controls, on one data set.

    Attributes:
        table_rank: columns of the compressed tables.
        layer_rank: of the layers after the first.
        variants: of those of ``papers.ctr_lowrank.tasks.compress.variants``.
        controls: of ``more``, ``small``, ``pruned``, ``int8``.
        sweep_ranks: ranks of the layers at which AFM and SVD are compared before fine-tuning.
        check_ranks: ranks at which the error is compared with the eigenvalues left out, in float64;
            none leaves it out.
        tensor_train_fields: fields whose tables are trained in tensor-train format; none trains no
            such model.
        tensor_train_columns: d_1, d_2, of tables with two cores.
        tensor_train_modes: n_1, n_2, n_3 of fields that have the published form instead.
        tensor_train_rank: R.
        tensor_train_std: deviation of the cores' start in the published form; none takes the one
            that gives the table the variance of a dense one.
        bootstrap_draws: of the intervals of losses.
    """

    table_rank: int = 4
    layer_rank: int = 16
    variants: list[str] = field(default_factory=lambda: ["svd", "afm", "afm_act", "emb", "mlp"])
    controls: list[str] = field(default_factory=lambda: ["more", "small", "pruned", "int8"])
    sweep_ranks: list[int] = field(default_factory=lambda: [1, 2, 4, 8, 16, 32])
    check_ranks: list[int] = field(default_factory=lambda: [1, 2, 4, 8])
    tensor_train_fields: list[str] = field(default_factory=list)
    tensor_train_columns: list[int] = field(default_factory=lambda: [4, 4])
    tensor_train_modes: dict[str, list[int]] = field(default_factory=dict)
    tensor_train_rank: int = 18
    tensor_train_std: float | None = None
    bootstrap_draws: int = 1000


@dataclass
class AccountingTask(TaskConfig):
    """C3: parameters of published shapes, by formula and by counting."""


@dataclass
class LatencyTask(TaskConfig):
    """C6, C7: times of layers, lookups and models, in turns.

    Attributes:
        batch_size: rows of a call.
        rounds: medians are over so many.
        ids: total of the 26 fields of the model.
        numbers: real inputs.
        dim: D.
        table_rank: of the compressed tables.
        layer_rank: of the layers after the first.
        hidden: widths of the MLP.
        train_vocabularies: of the two tables that are compared in tensor-train format.
        train_rank: their R.
        train_table_rank: columns of the compressed tables they are compared with.
    """

    batch_size: int = 1024
    rounds: int = 31
    ids: int = 1_000_000
    numbers: int = 13
    dim: int = 16
    table_rank: int = 2
    layer_rank: int = 64
    hidden: list[int] = field(default_factory=lambda: [400, 400, 400])
    train_vocabularies: list[int] = field(default_factory=lambda: [944, 1653])
    train_rank: int = 18
    train_table_rank: int = 4


def register() -> None:
    """Store the schemas; called once before Hydra composes."""
    store = ConfigStore.instance()
    for name, node in {
        "model": CtrModelConfig,
        "optimizer": CtrOptimizerConfig,
        "train": CtrTrainConfig,
        "compress": CompressTask,
        "accounting": AccountingTask,
        "latency": LatencyTask,
    }.items():
        store.store(group="schema/ctr_lowrank", name=name, node=node)
