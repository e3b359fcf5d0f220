"""Typed configuration of this paper's models and tasks (standard library and Hydra only)."""

from __future__ import annotations

from dataclasses import dataclass, field

from hydra.core.config_store import ConfigStore
from omegaconf import MISSING

from common.experiment.schema import TaskConfig
from common.nn.schema import BackboneConfig
from common.trainers.schema import OptimizerConfig, TrainConfig


@dataclass
class ModelConfig(BackboneConfig):
    """A deep state-space classifier; see ``papers.s5_ptd.models.build``.

    Attributes:
        layer: ``s5`` (MIMO, scan) or ``s4`` (SISO, convolution).
        initialiser: ``ptd``, ``diag``, ``diag_clip2``, ``dplr`` or ``rand``.
        state_size: s5: total P, with P / blocks states a block; s4: n of each channel.
        blocks: J; the n x n system is repeated J times (s5 only).
        conj_sym: keep one of each conjugate pair and double the real part.
        perturbation_ratio: ||E||_2 / ||A_H||_2 of ``ptd`` and ``rand``.
        bidirectional: scan or convolve both ways.
        c_init: ``trunc_standard_normal``, ``lecun_normal`` or ``complex_normal`` (s5).
        b_init: ``lecun_normal`` or ``hippo`` (s5).
        dt_min: log_dt ~ U[log dt_min, log dt_max].
        dt_max: see ``dt_min``.
        discretisation: ``zoh`` or ``bilinear`` (s5).
        eigenvalue_constraint: on the learned Re(Lambda): ``none``, ``clip`` at -1e-4 or
            ``force_neg`` (s5).
        trainable: ``all`` or ``c_only`` (Lambda, B and dt are buffers, E2).
        tied_spectrum: all channels share Lambda (s4), else each trains its own copy (E3).
        feedthrough: the D term.
    """

    layer: str = MISSING
    initialiser: str = MISSING
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
    batch_norm_decay: float = 0.95
    feedthrough: bool = True


@dataclass
class S5OptimizerConfig(OptimizerConfig):
    """Parameter groups of S5 beside those of every state-space model.

    Attributes:
        b_group: of B (s5): ``standard`` (ssm_lr, no decay), ``BandCdecay`` (ssm_lr, decay) or
            ``BfastandCdecay`` (lr, decay).
        dt_global: log_dt belongs to the regular group (s5).
    """

    b_group: str = "standard"
    dt_global: bool = False
    schedule: str = "warmup_cosine_epochs"


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
        "optimizer": S5OptimizerConfig,
        "train": TrainConfig,
        "noise": NoiseTask,
        "frequency": FrequencyTask,
        "transfer": TransferTask,
        "solver": SolverTask,
        "equivalence": EquivalenceTask,
    }.items():
        store.store(group="schema/s5_ptd", name=name, node=node)
