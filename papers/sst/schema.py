"""Typed configuration of this paper's tasks (standard library and Hydra only)."""

from __future__ import annotations

from dataclasses import dataclass, field

from hydra.core.config_store import ConfigStore

from common.experiment.schema import TaskConfig


@dataclass
class LayerTask(TaskConfig):
    """S1 to S5: closed forms of one layer.

    Attributes:
        shapes: (m, n) of the layers.
        rank: active triples.
        steps: of SST without a new SVD.
        step_shape: (m, n) of the first-order step.
        step_rank: active triples there.
        rates: the larger and the smaller one.
        trials: random (W, G, S).
        singular_values: of the example that is drawn from.
        drawn_rank: indexes of a draw.
        draws: number of them.
        llama_rank: of LLaMA-1.3B.
    """

    shapes: list[list[int]] = field(default_factory=lambda: [[20, 30], [24, 24], [30, 20]])
    rank: int = 5
    steps: int = 200
    step_shape: list[int] = field(default_factory=lambda: [20, 30])
    step_rank: int = 5
    rates: list[float] = field(default_factory=lambda: [1.0e-3, 1.0e-4])
    trials: int = 100
    singular_values: list[float] = field(default_factory=lambda: [4.0, 2.0, 1.0, 0.0])
    drawn_rank: int = 2
    draws: int = 20_000
    llama_rank: int = 128


@dataclass
class MethodTask(TaskConfig):
    """What every task has that trains by a method.

    Attributes:
        rank: of increments and projections, active triples.
        iteration_steps: T3, steps between two redraws, restarts or projections.
        restart_warmup: steps over which the rate of what restarts rises again.
        round_iterations: T2, iterations between two SVDs; 0 takes k / r of each layer.
    """

    rank: int = 16
    iteration_steps: int = 50
    restart_warmup: int = 5
    round_iterations: int = 0


@dataclass
class BoundTask(MethodTask):
    """S6: an increment of full rank.

    Attributes:
        size: of the square matrix.
        lr: of Adam.
        steps: of the optimiser.
    """

    rank: int = 8
    iteration_steps: int = 20
    restart_warmup: int = 2
    round_iterations: int = 8
    size: int = 64
    lr: float = 1.0e-2
    steps: int = 4000


@dataclass
class LanguageTask(MethodTask):
    """A language model on source code.

    Attributes:
        layers: blocks.
        width: of the residual stream.
        heads: of attention.
        context: tokens of a window.
        steps: of the optimiser.
        batch_size: windows of a step.
        warmup: steps over which the rate rises.
        weight_decay: of matrices; under SST of the singular values.
        clip: largest norm of the gradient.
        val_tokens: of validation files.
    """

    layers: int = 4
    width: int = 128
    heads: int = 4
    context: int = 64
    steps: int = 500
    batch_size: int = 16
    warmup: int = 25
    weight_decay: float = 0.0
    clip: float = 1.0
    val_tokens: int = 32_768


@dataclass
class LanguageModelTask(LanguageTask):
    """S8, S13, S14, S15: one method at one rate.

    Attributes:
        method: one of ``papers.sst.presets.PRESETS``.
        lr: of Adam.
        test_tokens: of test files.
        prune: measure pruned copies too.
        shares: of the singular values that are kept.
        pruning_tokens: of validation files, for each of them.
    """

    method: str = "sst"
    lr: float = 3.0e-3
    test_tokens: int = 65_536
    prune: bool = True
    shares: list[float] = field(default_factory=lambda: [0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0])
    pruning_tokens: int = 8192


@dataclass
class NormsTask(LanguageTask):
    """S7: norms of gradients.

    Attributes:
        rates: of each method.
    """

    rates: dict[str, float] = field(
        default_factory=lambda: {"full": 3.0e-3, "relora": 3.0e-3, "sst": 3.0e-3}
    )


@dataclass
class RulesTask(LanguageTask):
    """S12: rules of drawing.

    Attributes:
        ablations: beside SST, of ``papers.sst.presets.PRESETS``.
        lr: of all.
    """

    ablations: list[str] = field(
        default_factory=lambda: [
            "sst_multinomial",
            "sst_uniform",
            "sst_sequential",
            "sst_top",
            "sst_random_start",
            "sst_default_gradient",
            "sst_active_values",
        ]
    )
    lr: float = 3.0e-3


@dataclass
class ImagesTask(MethodTask):
    """S16: a multilayer perceptron on images.

    Attributes:
        method: one of ``papers.sst.presets.PRESETS``.
        lr: of Adam.
        widths: of the hidden layers.
        skip: layers that stay dense under every method: the rank exceeds the number of classes.
        epochs: passes over the training images.
        batch_size: images of a step.
        weight_decay: of matrices; under SST of the singular values.
        val: of the training images, the last ones, by which a rate is chosen.
    """

    method: str = "sst"
    lr: float = 1.0e-3
    widths: list[int] = field(default_factory=lambda: [512, 512, 512])
    skip: list[str] = field(default_factory=lambda: ["6"])
    epochs: int = 2
    batch_size: int = 128
    weight_decay: float = 0.0
    val: int = 5000


@dataclass
class GraphTask(TaskConfig):
    """S11: a hyperbolic graph net.

    Attributes:
        network: ``hybonet``, ``hgcn`` or ``hnn``.
        methods: beside full rank.
        ranks: of each of them.
        width: of a point.
        layers: of the network.
        dropout: of what a layer reads.
        attention: HyboNet weighs neighbours by attention.
        margin: of HyboNet's losses.
        epochs: passes over the whole graph, one step each.
        lr: of Adam, and of Riemannian Adam.
        weight_decay: of matrices, part of the gradient; under SST of the singular values.
        clip: largest norm of the gradient; 0 leaves it.
        iteration_steps: T3.
        restart_warmup: steps of the rise after a redraw or a restart.
        round_iterations: T2; 0 takes k / r.
    """

    network: str = "hybonet"
    methods: list[str] = field(default_factory=lambda: ["lora", "relora", "sst"])
    ranks: list[int] = field(default_factory=lambda: [1, 2])
    width: int = 16
    layers: int = 2
    dropout: float = 0.0
    attention: bool = False
    margin: float = 2.0
    epochs: int = 200
    lr: float = 0.01
    weight_decay: float = 1.0e-3
    clip: float = 1.0
    iteration_steps: int = 20
    restart_warmup: int = 2
    round_iterations: int = 0


@dataclass
class TranslationTask(MethodTask):
    """S10: translation between two generated languages.

    Attributes:
        method: one of ``papers.sst.presets.PRESETS``.
        geometry: ``euclidean`` or ``lorentz``.
        lr: of Adam, and of Riemannian Adam.
        width: of the stream.
        heads: of attention.
        layers: of the encoder, and of the decoder.
        dropout: see the networks.
        steps: of the optimiser.
        batch_size: sentences of a step.
        warmup: steps over which the rate rises.
        clip: largest norm of the gradient.
        smoothing: of the labels.
        nouns: stems of the languages.
        verbs: see ``nouns``.
        adjectives: see ``nouns``.
        grammar_seed: of the sentences.
        train: sentences.
        val: see ``train``.
        test: see ``train``.
    """

    rank: int = 8
    method: str = "sst"
    geometry: str = "euclidean"
    lr: float = 3.0e-3
    width: int = 64
    heads: int = 4
    layers: int = 2
    dropout: float = 0.0
    steps: int = 1000
    batch_size: int = 32
    warmup: int = 50
    clip: float = 1.0
    smoothing: float = 0.0
    nouns: int = 30
    verbs: int = 15
    adjectives: int = 12
    grammar_seed: int = 0
    train: int = 20_000
    val: int = 200
    test: int = 200


def register() -> None:
    """Store the schemas; called once before Hydra composes."""
    store = ConfigStore.instance()
    for name, node in {
        "layer": LayerTask,
        "bound": BoundTask,
        "gap": TaskConfig,
        "language_model": LanguageModelTask,
        "norms": NormsTask,
        "rules": RulesTask,
        "images": ImagesTask,
        "graph": GraphTask,
        "translation": TranslationTask,
    }.items():
        store.store(group="schema/sst", name=name, node=node)
