"""Typed configuration of deep sequence models (standard library only: read at start-up)."""

from __future__ import annotations

from dataclasses import dataclass, field

from omegaconf import MISSING


@dataclass
class BackboneConfig:
    """What stands around a state-space layer; see ``common.nn.assemble.sequence_classifier``.

    Attributes:
        name: row label, one of the options of ``model=``.
        n_layers: number of blocks.
        d_model: width H.
        activation: see ``common.nn.block.GatedActivation``.
        dropout: one mask for all time steps.
        norm: ``batch`` or ``layer``.
        prenorm: normalise before the layer, else after the residual.
        batch_norm_decay: fraction of the old running statistic that is kept.
        residual: add the block's input to its output.
        encoder: ``onehot`` (a linear map of one-hot tokens), ``embedding`` or ``linear`` (pixels).
        input_width: one-hot width where it exceeds the vocabulary; none takes the vocabulary.
        pooling: ``mean`` over the true length, or ``last``.
    """

    name: str = MISSING
    n_layers: int = MISSING
    d_model: int = MISSING
    activation: str = "glu"
    dropout: float = 0.0
    norm: str = "batch"
    prenorm: bool = True
    batch_norm_decay: float = 0.9
    residual: bool = True
    encoder: str = "linear"
    input_width: int | None = None
    pooling: str = "mean"


@dataclass
class S4ModelConfig(BackboneConfig):
    """A deep classifier of S4 or S4D layers; see ``common.nn.s4.S4``.

    Attributes:
        initialiser: which system the layers start from; the paper has the names.
        low_rank: keep the low-rank part of HiPPO (S4), else drop it (S4D).
        state_size: N, of which one of each conjugate pair is stored.
        bidirectional: two-sided kernel.
        dt_min: step sizes are log-uniform between ``dt_min`` and ``dt_max``.
        dt_max: see ``dt_min``.
        dt_per_state: a step size for each state, else one a channel.
        feedthrough: the D term.
        n_ssm: independent copies of the spectrum; 0 gives every channel its own.
        input_matrix: ``folded`` (B absorbed in C) or ``trained``.
        frozen: of ``A``, ``B``, ``C``, ``dt``: what is not trained.
        discretisation: ``zoh`` or ``bilinear``.
        real_transform: how -Re(A) is stored, see ``common.nn.parameterisation.TRANSFORMS``.
        imag_transform: how Im(A) is stored: ``none`` or ``exp``.
        dt_transform: how the step size is stored: as ``real_transform``.
        B_clip: bound on |Im B| in the modal basis, as the S4 code has it; none does not clip.
        mask_padding: keep padding out of layers and norms.
    """

    initialiser: str = MISSING
    low_rank: bool = False
    state_size: int = MISSING
    bidirectional: bool = True
    dt_min: float = 0.001
    dt_max: float = 0.1
    dt_per_state: bool = False
    feedthrough: bool = True
    n_ssm: int = 1
    input_matrix: str = "folded"
    frozen: list[str] = field(default_factory=list)
    discretisation: str = "zoh"
    real_transform: str = "exp"
    imag_transform: str = "none"
    dt_transform: str = "exp"
    B_clip: float | None = None
    mask_padding: bool = False
