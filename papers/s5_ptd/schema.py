"""Typed configuration of this paper's models and tasks (standard library and Hydra only)."""

from __future__ import annotations

from dataclasses import dataclass, field

from hydra.core.config_store import ConfigStore
from omegaconf import MISSING

from common.experiment.schema import TaskConfig


@dataclass
class ModelConfig:
    """A deep state-space classifier; see ``papers.s5_ptd.models.build``.

    Attributes:
        name: row label, one of the options of ``model=``.
        layer: ``s5`` (MIMO, scan) or ``s4`` (SISO, convolution).
        initialiser: ``ptd``, ``diag``, ``diag_clip2``, ``dplr`` or ``rand``.
        n_layers: number of blocks.
        d_model: width H.
        state_size: s5: total P, with P / blocks states a block; s4: n of each channel.
        blocks: J; the n x n system is repeated J times (s5 only).
        conj_sym: keep one of each conjugate pair and double the real part.
        perturbation_ratio: ||E||_2 / ||A_H||_2 of ``ptd`` and ``rand``.
        bidirectional: scan or convolve both ways.
        c_init: ``trunc_standard_normal``, ``lecun_normal`` or ``complex_normal`` (s5).
        b_init: ``lecun_normal`` or ``hippo`` (s5).
        dt_min: log_dt ~ U[log dt_min, log dt_max].
        dt_max: see ``dt_min``.
        discretisation: ``zoh`` or ``bilinear``.
        eigenvalue_constraint: on the learned Re(Lambda): ``none``, ``clip`` at -1e-4 or
            ``force_neg`` (s5).
        trainable: ``all`` or ``c_only`` (Lambda, B and dt are buffers, E2).
        tied_spectrum: all channels share Lambda (s4), else each trains its own copy (E3).
        activation: ``half_glu1``, ``half_glu2`` (s5) or ``glu`` (s4).
        dropout: one mask for all time steps.
        norm: ``batch`` or ``layer``.
        prenorm: normalise before the layer, else after the residual.
        batch_norm_decay: fraction of the old running statistic that is kept.
        residual: add the block's input to its output.
        feedthrough: the D term.
        encoder: ``onehot`` (a linear map of one-hot tokens), ``embedding`` or ``linear`` (pixels).
        input_width: one-hot width where it exceeds the vocabulary; none takes the vocabulary.
        pooling: ``mean`` over the true length, or ``last``.
    """

    name: str = MISSING
    layer: str = MISSING
    initialiser: str = MISSING
    n_layers: int = MISSING
    d_model: int = MISSING
    state_size: int = MISSING
    blocks: int = 1
    conj_sym: bool = False
    perturbation_ratio: float = 0.05
    bidirectional: bool = True
    c_init: str = "trunc_standard_normal"
    b_init: str = "lecun_normal"
    dt_min: float = 0.001
    dt_max: float = 0.1
    discretisation: str = "zoh"
    eigenvalue_constraint: str = "none"
    trainable: str = "all"
    tied_spectrum: bool = True
    activation: str = "half_glu1"
    dropout: float = 0.0
    norm: str = "batch"
    prenorm: bool = True
    batch_norm_decay: float = 0.95
    residual: bool = True
    feedthrough: bool = True
    encoder: str = "linear"
    input_width: int | None = None
    pooling: str = "mean"


@dataclass
class OptimizerConfig:
    """Parameter groups and the schedule.

    Attributes:
        lr: of every parameter outside the groups below, with weight decay.
        ssm_lr: of Lambda (and of log_dt and B, see below), without decay.
        dt_lr: of log_dt (s4); none takes ``ssm_lr``.
        c_lr: of C (s4, E2); none takes ``lr``.
        weight_decay: AdamW's, decoupled.
        b_group: of B (s5): ``standard`` (ssm_lr, no decay), ``BandCdecay`` (ssm_lr, decay) or
            ``BfastandCdecay`` (lr, decay).
        dt_global: log_dt belongs to the regular group (s5).
        schedule: ``warmup_cosine_epochs`` (S5), ``warmup_cosine_steps`` (S4), ``cosine_steps`` or
            ``cosine_epochs``.
        warmup_epochs: linear warm-up, in epochs.
        warmup_steps: linear warm-up, in steps.
        total_steps: length of the cosine in steps, warm-up included.
    """

    lr: float = MISSING
    ssm_lr: float = MISSING
    dt_lr: float | None = None
    c_lr: float | None = None
    weight_decay: float = 0.05
    b_group: str = "standard"
    dt_global: bool = False
    schedule: str = "warmup_cosine_epochs"
    warmup_epochs: int = 1
    warmup_steps: int = 0
    total_steps: int = 0


@dataclass
class TrainConfig:
    """The loop.

    Attributes:
        batch_size: sequences (pairs of documents in Retrieval) of a step.
        epochs: passes over the training split.
        cut_to_longest: cut a batch to its longest sequence, else pad to l_max as S5 does.
        eval_batch_size: sequences of an evaluation batch.
        timed_only: the budget is too small to learn anything: report times, no accuracy.
    """

    batch_size: int = MISSING
    epochs: int = MISSING
    cut_to_longest: bool = True
    eval_batch_size: int = 100
    timed_only: bool = False


@dataclass
class NoiseTask(TaskConfig):
    """E2: resilience to a Fourier mode at the input of every layer.

    Attributes:
        amplitude: of the noise (0.1 in the paper).
        frequencies: in rad per unit of the layer's own time.
    """

    amplitude: float = 0.1
    frequencies: list[float] = field(default_factory=lambda: [325.4])


@dataclass
class FrequencyTask(TaskConfig):
    """E4: regress the frequency and the amplitude of a sinusoid; test beyond the training range."""

    train_frequency: float = 80.0
    test_frequency: float = 100.0
    length: int = 1024
    duration: float = 1.0
    train_samples: int = 2000
    test_samples: int = 1000


@dataclass
class TransferTask(TaskConfig):
    """E5: transfer functions of all initialisers; Theorems 1 to 3 and Lemma 1 as numbers."""

    sizes: list[int] = field(default_factory=lambda: [8, 16, 32])
    ratios: list[float] = field(default_factory=lambda: [0.05, 0.015, 0.005, 0.0015])
    absolute_norms: list[float] = field(default_factory=lambda: [0.02, 0.01, 0.005])
    steps: int | None = None  # of the PTD solver; none takes its default
    figures: bool = True


@dataclass
class SolverTask(TaskConfig):
    """Quality of the PTD solver; Davies' bound; how ill-posed the exact problem is."""

    sizes: list[int] = field(default_factory=lambda: [16, 32])
    target_ratios: list[float] = field(default_factory=lambda: [0.051, 0.045])
    steps: int = 2000
    path_size: int = 16
    path_ratios: list[float] = field(default_factory=lambda: [0.001, 0.003, 0.01, 0.03, 0.1])
    path_steps: int = 800
    path_starts: int = 1
    ginibre_size: int = 32
    ginibre_ratio: float = 0.04
    ginibre_samples: int = 10
    figures: bool = True


@dataclass
class EquivalenceTask(TaskConfig):
    """Scan, recurrence and convolution agree; the PTD layer stays within its exact bound."""

    state_size: int = 16
    ratio: float = 0.05
    steps: list[float] = field(default_factory=lambda: [0.01, 0.1])
    length: int = 2048
    angles: int = 5000


def register() -> None:
    """Store the schemas; called once before Hydra composes."""
    store = ConfigStore.instance()
    for name, node in {
        "model": ModelConfig,
        "optimizer": OptimizerConfig,
        "train": TrainConfig,
        "noise": NoiseTask,
        "frequency": FrequencyTask,
        "transfer": TransferTask,
        "solver": SolverTask,
        "equivalence": EquivalenceTask,
    }.items():
        store.store(group="schema/s5_ptd", name=name, node=node)
