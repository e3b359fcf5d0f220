"""Typed configuration of this paper's tasks (standard library and Hydra only)."""

from __future__ import annotations

from dataclasses import dataclass, field

from hydra.core.config_store import ConfigStore

from common.experiment.ranges import ranged
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

    shapes: list[list[int]] = ranged([[20, 30], [24, 24], [30, 20]], at_least=1, count=2)
    rank: int = ranged(5, at_least=1)
    steps: int = ranged(200, at_least=1)
    step_shape: list[int] = ranged([20, 30], at_least=1, count=2)
    step_rank: int = ranged(5, at_least=1)
    rates: list[float] = ranged([1.0e-3, 1.0e-4], above=0, count=2)
    trials: int = ranged(100, at_least=1)
    singular_values: list[float] = ranged([4.0, 2.0, 1.0, 0.0], at_least=0)
    drawn_rank: int = ranged(2, at_least=1)
    draws: int = ranged(20_000, at_least=1)
    llama_rank: int = ranged(128, at_least=1)


@dataclass
class MethodTask(TaskConfig):
    """What every task has that trains by a method.

    Attributes:
        rank: of increments and projections, active triples.
        iteration_steps: T3, steps between two redraws, restarts or projections.
        restart_warmup: steps over which the rate of what restarts rises again.
        round_iterations: T2, iterations between two SVDs; 0 takes k / r of each layer.
    """

    rank: int = ranged(16, at_least=1)
    iteration_steps: int = ranged(50, at_least=1)
    restart_warmup: int = ranged(5, at_least=0)
    round_iterations: int = ranged(0, at_least=0)


@dataclass
class BoundTask(MethodTask):
    """S6: an increment of full rank.

    Attributes:
        size: of the square matrix.
        lr: of Adam.
        steps: of the optimiser.
    """

    rank: int = ranged(8, at_least=1)
    iteration_steps: int = ranged(20, at_least=1)
    restart_warmup: int = ranged(2, at_least=0)
    round_iterations: int = ranged(8, at_least=0)
    size: int = ranged(64, at_least=2)
    lr: float = ranged(1.0e-2, above=0)
    steps: int = ranged(4000, at_least=1)


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

    layers: int = ranged(4, at_least=1)
    width: int = ranged(128, at_least=1)
    heads: int = ranged(4, at_least=1)
    context: int = ranged(64, at_least=2)
    steps: int = ranged(500, at_least=1)
    batch_size: int = ranged(16, at_least=1)
    warmup: int = ranged(25, at_least=0)
    weight_decay: float = ranged(0.0, at_least=0)
    clip: float = ranged(1.0, at_least=0)
    val_tokens: int = ranged(32_768, at_least=1)


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
    lr: float = ranged(3.0e-3, above=0)
    test_tokens: int = ranged(65_536, at_least=1)
    prune: bool = True
    shares: list[float] = ranged([0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0], above=0, at_most=1)
    pruning_tokens: int = ranged(8192, at_least=1)


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
    lr: float = ranged(3.0e-3, above=0)


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
    lr: float = ranged(1.0e-3, above=0)
    widths: list[int] = ranged([512, 512, 512], at_least=1)
    skip: list[str] = field(default_factory=lambda: ["6"])
    epochs: int = ranged(2, at_least=1)
    batch_size: int = ranged(128, at_least=1)
    weight_decay: float = ranged(0.0, at_least=0)
    val: int = ranged(5000, at_least=1)


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
    ranks: list[int] = ranged([1, 2], at_least=1)
    width: int = ranged(16, at_least=2)
    layers: int = ranged(2, at_least=1)
    dropout: float = ranged(0.0, at_least=0, below=1)
    attention: bool = False
    margin: float = ranged(2.0, at_least=0)
    epochs: int = ranged(200, at_least=1)
    lr: float = ranged(0.01, above=0)
    weight_decay: float = ranged(1.0e-3, at_least=0)
    clip: float = ranged(1.0, at_least=0)
    iteration_steps: int = ranged(20, at_least=1)
    restart_warmup: int = ranged(2, at_least=0)
    round_iterations: int = ranged(0, at_least=0)


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

    rank: int = ranged(8, at_least=1)
    method: str = "sst"
    geometry: str = "euclidean"
    lr: float = ranged(3.0e-3, above=0)
    width: int = ranged(64, at_least=1)
    heads: int = ranged(4, at_least=1)
    layers: int = ranged(2, at_least=1)
    dropout: float = ranged(0.0, at_least=0, below=1)
    steps: int = ranged(1000, at_least=1)
    batch_size: int = ranged(32, at_least=1)
    warmup: int = ranged(50, at_least=0)
    clip: float = ranged(1.0, at_least=0)
    smoothing: float = ranged(0.0, at_least=0, below=1)
    nouns: int = ranged(30, at_least=1)
    verbs: int = ranged(15, at_least=1)
    adjectives: int = ranged(12, at_least=1)
    grammar_seed: int = 0
    train: int = ranged(20_000, at_least=1)
    val: int = ranged(200, at_least=1)
    test: int = ranged(200, at_least=1)


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
