"""What a data set is made of: one plain dataclass a set.

The classes double as OmegaConf structured configs, so every field is an int, a float, a str, a
bool or an Optional of these, and this module imports nothing but the standard library: it is read
at start-up, long before any set is loaded. The defaults are the published Long Range Arena
settings in the encoding of the state-space loaders (Tay et al., ICLR 2021, arXiv:2011.04006; Gu et
al., state-spaces/s4), except where a class says otherwise.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from common.errors import UserError


def _require(holds: bool, spec: object, field: str, allowed: str) -> None:
    if not holds:
        raise UserError(
            f"{type(spec).__name__}.{field} is {getattr(spec, field)!r}; allowed: {allowed}."
        )


def _require_choice(spec: object, field: str, choices: Iterable[Any]) -> None:
    choices = list(choices)
    _require(getattr(spec, field) in choices, spec, field, " or ".join(map(repr, choices)))


def _require_at_least(spec: object, minimum: float, *fields: str) -> None:
    for field in fields:
        value = getattr(spec, field)
        _require(value is None or value >= minimum, spec, field, f"{minimum} or more")


@dataclass
class ListOpsSpec:
    """Nested operations on digits; see `common.data.listops`.

    Attributes:
        max_depth: depth at which every node is a digit (the root has depth 1).
        max_args: most arguments of an operator (the fewest is 2).
        min_length: a tree is kept if min_length < tokens < max_length, both strict.
        max_length: see `min_length`.
        l_max: width of the padded inputs, the closing <eos> included.
        train: number of trees; all trees of the three splits are distinct.
        val: see `train`.
        test: see `train`.
        seed: decides the trees and their split.
        source: "generated", or "tsv" for local_source/listops/basic_{train,val,test}.tsv in the
            official format (then only `l_max` matters of the fields above).
    """

    max_depth: int = 10
    max_args: int = 10
    min_length: int = 500
    max_length: int = 2000
    l_max: int = 2048
    train: int = 96_000
    val: int = 2_000
    test: int = 2_000
    seed: int = 0
    source: str = "generated"

    def validate(self) -> None:
        """Raise UserError for settings under which no such set exists."""
        _require_choice(self, "source", ("generated", "tsv"))
        _require_at_least(self, 2, "max_depth", "max_args", "l_max")
        _require_at_least(self, 1, "train", "test")
        _require_at_least(self, 0, "min_length", "val", "seed")
        _require(self.max_args <= 100, self, "max_args", "100 or less")
        _require(
            self.max_length >= self.min_length + 2,
            self,
            "max_length",
            f"{self.min_length + 2} or more, as the bounds min_length={self.min_length} < tokens "
            "< max_length are strict",
        )
        _require(
            self.source == "tsv" or self.l_max >= self.max_length,
            self,
            "l_max",
            f"max_length={self.max_length} or more, room for the longest tree and <eos>",
        )


@dataclass
class TextSpec:
    """Binary classification of texts by characters; see `common.data.text`.

    Attributes:
        source: "imdb" (Maas et al. 2011), or "spamassassin", its small stand-in.
        l_max: a text is cut to l_max - 1 characters, then <eos> is appended.
        min_freq: characters rarer than this in train, counted after the cut, become <unk>.
        train: number of texts, a seeded class-balanced subset; 0 takes all that are left.
        val: number of texts taken from train; 0 means no validation split, as in LRA
            (spamassassin: 0 takes its tenth).
        test: number of texts, a seeded class-balanced subset; 0 takes all.
        split_seed: decides the subsets.
    """

    source: str = "imdb"
    l_max: int = 4096
    min_freq: int = 15
    train: int = 0
    val: int = 0
    test: int = 0
    split_seed: int = 42

    def validate(self) -> None:
        """Raise UserError for settings under which no such set exists."""
        _require_choice(self, "source", ("imdb", "spamassassin"))
        _require_at_least(self, 2, "l_max")
        _require_at_least(self, 1, "min_freq")
        _require_at_least(self, 0, "train", "val", "test", "split_seed")


@dataclass
class RetrievalSpec:
    """Do two documents belong together? See `common.data.retrieval`.

    Attributes:
        source: "planted", the synthetic stand-in (the genuine set is in no package), or "aan" for
            the official files local_source/aan/new_aan_pairs.{train,eval,test}.tsv.
        l_max: planted: letters of a document; aan: cut to l_max - 1 characters, then <eos> (4000
            at the published setting).
        train: planted: number of pairs; aan: the first pairs of the file, 0 takes all.
        val: see `train`.
        test: see `train`.
        seed: planted: decides keys and documents.
        alphabet: planted: number of letters, at most 26.
        n_keys: planted: number of keys shared by the splits.
        key_length: planted: letters of a key, which is also the width of a slot.
        copies: planted: slots of a document that hold its key.
    """

    source: str = "planted"
    l_max: int = 200
    train: int = 4_000
    val: int = 500
    test: int = 1_000
    seed: int = 0
    alphabet: int = 26
    n_keys: int = 16
    key_length: int = 8
    copies: int = 4

    def validate(self) -> None:
        """Raise UserError for settings under which no such set exists."""
        _require_choice(self, "source", ("planted", "aan"))
        _require_at_least(self, 2, "l_max", "alphabet", "n_keys")
        _require_at_least(self, 1, "key_length", "copies")
        _require_at_least(self, 0, "train", "val", "test", "seed")
        if self.source == "aan":
            return
        _require_at_least(self, 1, "train", "test")
        _require(self.alphabet <= 26, self, "alphabet", "2..26")
        _require(
            self.n_keys <= self.alphabet**self.key_length,
            self,
            "n_keys",
            f"at most alphabet ** key_length = {self.alphabet**self.key_length} distinct keys",
        )
        _require(
            self.copies <= self.l_max // self.key_length,
            self,
            "copies",
            f"at most l_max // key_length = {self.l_max // self.key_length} slots",
        )


@dataclass
class ImageSpec:
    """CIFAR-10 as a sequence of pixels, row by row; see `common.data.cifar10`.

    Attributes:
        grey: one luma channel (LRA Image) instead of three colours (sCIFAR).
        downsample: means over k x k blocks; 2 gives 16 x 16, so 256 steps.
        normalisation: "lra_grey" (mean 122.6/255, std 61/255), "colour_s5ptd"
            (.4914 .4822 .4465 / .2023 .1994 .2010), "colour_s4" (the same means /
            .247 .243 .261) or "none" (0..1).
        train: the first images of the 45,000 of the seeded split.
        val: the first images of the other 5,000.
        test: the first images of the test set.
        split_seed: seed of torch's random_split, 42 in the field.
    """

    grey: bool = True
    downsample: int = 1
    normalisation: str = "lra_grey"
    train: int = 45_000
    val: int = 5_000
    test: int = 10_000
    split_seed: int = 42

    def validate(self) -> None:
        """Raise UserError for settings under which no such set exists."""
        _require_choice(self, "downsample", (1, 2, 4, 8, 16))
        for field, most in (("train", 45_000), ("val", 5_000), ("test", 10_000)):
            least = 0 if field == "val" else 1
            value = getattr(self, field)
            _require(least <= value <= most, self, field, f"{least}..{most}")
        _require_at_least(self, 0, "split_seed")
        _require_choice(
            self,
            "normalisation",
            ("lra_grey", "none") if self.grey else ("colour_s5ptd", "colour_s4", "none"),
        )


@dataclass
class PathfinderSpec:
    """Do two discs sit on the same dashed path? See `common.data.pathfinder`.

    A field that is None takes the published value for the resolution
    (`common.data.pathfinder.parameters`). The defaults are LRA Pathfinder; Path-X is
    `resolution=128`. 64 takes the parameters of 128.

    Attributes:
        resolution: side of the square image: 32, 64, 128 or 256.
        contour_length: segments of each target path (14 is LRA's "hard").
        distractor_snakes: distractor paths to try; 0 draws none.
        distractor_length: segments of a distractor path.
        paddle_length: length of a segment in pixels.
        paddle_thickness: its thickness.
        paddle_margin_min: smallest free space about a segment; drawn uniformly per image.
        paddle_margin_max: largest free space about a segment.
        marker_radius: radius of the discs.
        seed_distance: distance of the first segments of the two paths.
        continuity: how straight a path is (larger is straighter).
        antialias_scale: fine grid points per pixel when drawing.
        snake_contrast: contrast of a path.
        paddle_contrast: further factor for the segments of the two target paths.
        padding: width of the border no segment may touch.
        max_paddle_retrial: further draws for a rejected segment.
        max_distractor_contour_retrial: further draws for a failed distractor path.
        train: number of images, disjoint samples of one seeded stream.
        val: see `train`.
        test: see `train`.
        seed: decides the images.
        split_seed: seed of torch's random_split over the samples, 42 in the field.
    """

    resolution: int = 32
    contour_length: int = 14
    distractor_snakes: int | None = None
    distractor_length: int | None = None
    paddle_length: int | None = None
    paddle_thickness: float | None = None
    paddle_margin_min: int | None = None
    paddle_margin_max: int | None = None
    marker_radius: float | None = None
    seed_distance: int | None = None
    continuity: float | None = None
    antialias_scale: int = 2
    snake_contrast: float | None = None
    paddle_contrast: float | None = None
    padding: int = 1
    max_paddle_retrial: int = 2
    max_distractor_contour_retrial: int = 4
    train: int = 160_000
    val: int = 20_000
    test: int = 20_000
    seed: int = 0
    split_seed: int = 42

    def validate(self) -> None:
        """Raise UserError for settings under which no such set exists."""
        _require_choice(self, "resolution", (32, 64, 128, 256))
        _require_at_least(
            self, 1, "contour_length", "distractor_length", "paddle_length", "paddle_margin_min",
            "paddle_margin_max", "marker_radius", "seed_distance", "antialias_scale", "train",
            "test",
        )  # fmt: skip
        _require_at_least(
            self, 0, "distractor_snakes", "continuity", "snake_contrast", "paddle_contrast",
            "padding", "max_paddle_retrial", "max_distractor_contour_retrial", "val", "seed",
            "split_seed",
        )  # fmt: skip


@dataclass
class DigitsSpec:
    """scikit-learn's 8 x 8 digits as a sequence of pixels: a test-bench, not a published task.

    Attributes:
        upsample: each pixel becomes k x k; 1 gives 64 steps, 2 gives 256.
        train: number of images, of 1,797 in a seeded order.
        val: see `train`.
        test: see `train`.
        split_seed: decides the order.
    """

    upsample: int = 1
    train: int = 1_297
    val: int = 200
    test: int = 300
    split_seed: int = 42

    def validate(self) -> None:
        """Raise UserError for settings under which no such set exists."""
        _require_at_least(self, 1, "upsample", "train", "test")
        _require_at_least(self, 0, "val", "split_seed")
        total = self.train + self.val + self.test
        if total > 1_797:
            raise UserError(
                f"DigitsSpec asks for train + val + test = {total} images; allowed: 1797 or fewer, "
                "the size of the set."
            )


@dataclass
class MnistSpec:
    """MNIST as a sequence of pixels, row by row (sMNIST, pMNIST); see `common.data.mnist`.

    Attributes:
        downsample: means over k x k blocks; 2 gives 14 x 14, so 196 steps.
        permuted: one fixed random order of the pixels for all images.
        train: the first images of the 54,000 of the seeded split.
        val: the first images of the other 6,000.
        test: the first images of the test set.
        split_seed: of torch's random_split, and of the permutation.
    """

    downsample: int = 1
    permuted: bool = False
    train: int = 54_000
    val: int = 6_000
    test: int = 10_000
    split_seed: int = 42

    def validate(self) -> None:
        """Raise UserError for settings under which no such set exists."""
        _require_choice(self, "downsample", (1, 2, 4, 7))
        for field, most in (("train", 54_000), ("val", 6_000), ("test", 10_000)):
            least = 0 if field == "val" else 1
            value = getattr(self, field)
            _require(least <= value <= most, self, field, f"{least}..{most}")
        _require_at_least(self, 0, "split_seed")


@dataclass
class ChirpsSpec:
    """Sweeping tones in noise, generated: a stand-in for raw speech; see `common.data.chirps`.

    Attributes:
        length: samples of a signal; 16,000 is one second of speech.
        noise: standard deviation of the noise (a tone has amplitudes from 0.5 to 1.5).
        train: number of signals.
        val: see `train`.
        test: see `train`.
        seed: decides the signals.
    """

    length: int = 16_000
    noise: float = 0.5
    train: int = 10_000
    val: int = 1_000
    test: int = 2_000
    seed: int = 0

    def validate(self) -> None:
        """Raise UserError for settings under which no such set exists."""
        _require_at_least(self, 16, "length")
        _require_at_least(self, 1, "train", "test")
        _require_at_least(self, 0, "noise", "val", "seed")


@dataclass
class PulseSpec:
    """Pulse waves, generated: a stand-in for BIDMC; see `common.data.pulse`.

    Attributes:
        target: "heart_rate", "breathing_rate" or "saturation".
        length: samples of a signal.
        sampling_rate: samples a second.
        noise: standard deviation of the noise (a pulse has a height of about 1).
        train: number of signals.
        val: see `train`.
        test: see `train`.
        seed: decides the signals.
    """

    target: str = "heart_rate"
    length: int = 4_000
    sampling_rate: float = 125.0
    noise: float = 0.2
    train: int = 5_000
    val: int = 500
    test: int = 1_000
    seed: int = 0

    def validate(self) -> None:
        """Raise UserError for settings under which no such set exists."""
        _require_choice(self, "target", ("heart_rate", "breathing_rate", "saturation"))
        _require_at_least(self, 16, "length")
        _require_at_least(self, 1, "train", "test", "sampling_rate")
        _require_at_least(self, 0, "noise", "val", "seed")


DataSpec = (
    ListOpsSpec
    | TextSpec
    | RetrievalSpec
    | ImageSpec
    | PathfinderSpec
    | DigitsSpec
    | MnistSpec
    | ChirpsSpec
    | PulseSpec
)
