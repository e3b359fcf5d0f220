"""One door to all sets: a spec and a context in, labelled sequences out.

Each set's module is imported when it is asked for, so a run pays only for what it uses.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from common.data.context import DataContext
from common.data.specs import (
    ChirpsSpec,
    DataSpec,
    DigitsSpec,
    ImageSpec,
    ListOpsSpec,
    MnistSpec,
    PathfinderSpec,
    PulseSpec,
    RetrievalSpec,
    TextSpec,
)
from common.errors import UserError

if TYPE_CHECKING:
    from common.data.sequence import SequenceData


def load(spec: DataSpec, context: DataContext) -> SequenceData:
    """Fetch, verify, prepare and load the set that `spec` describes.

    Raises:
        UserError: for settings that no such set has, or a data folder that cannot be written.
        MissingDataError: if it is neither at hand nor to be had; says what to put where.
        CorruptDataError: if a source file is not what its checksum or format promises.
    """
    spec.validate()
    match spec:
        case ListOpsSpec():
            from common.data.listops.dataset import load_listops

            return load_listops(spec, context)
        case TextSpec():
            from common.data.text import load_text

            return load_text(spec, context)
        case RetrievalSpec():
            from common.data.retrieval import load_retrieval

            return load_retrieval(spec, context)
        case ImageSpec():
            from common.data.cifar10 import load_cifar10

            return load_cifar10(spec, context)
        case PathfinderSpec():
            from common.data.pathfinder.dataset import load_pathfinder

            return load_pathfinder(spec, context)
        case DigitsSpec():
            from common.data.digits import load_digits

            return load_digits(spec, context)
        case MnistSpec():
            from common.data.mnist import load_mnist

            return load_mnist(spec, context)
        case ChirpsSpec():
            from common.data.chirps import load_chirps

            return load_chirps(spec)
        case PulseSpec():
            from common.data.pulse import load_pulse

            return load_pulse(spec)
    raise UserError(
        f"{type(spec).__name__} is not a data spec; allowed: the classes of common.data.specs."
    )


def available(spec: DataSpec, context: DataContext) -> str | None:
    """None if the set is on disk or can be generated, else what would be fetched or is missing.

    Touches no network and writes nothing.
    """
    spec.validate()
    match spec:
        case ListOpsSpec():
            from common.data.listops.dataset import listops_available

            return listops_available(spec, context)
        case TextSpec():
            from common.data.text import text_available

            return text_available(spec, context)
        case RetrievalSpec():
            from common.data.retrieval import retrieval_available

            return retrieval_available(spec, context)
        case ImageSpec():
            from common.data.cifar10 import cifar10_available

            return cifar10_available(context)
        case DigitsSpec():
            from common.data.digits import digits_available

            return digits_available()
        case MnistSpec():
            from common.data.mnist import mnist_available

            return mnist_available(context)
    return None
