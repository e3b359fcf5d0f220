"""What a data set is made of: one plain dataclass a set, one module a class."""

from common.data.specs.base import DataSpec
from common.data.specs.chirps import ChirpsSpec
from common.data.specs.climate_grid import ClimateGridSpec
from common.data.specs.code_lm import CodeLMSpec
from common.data.specs.corpus import CorpusSpec
from common.data.specs.ctr import CtrSpec
from common.data.specs.ctr_stream import CtrStreamSpec
from common.data.specs.digits import DigitsSpec
from common.data.specs.encoder import EncoderSpec
from common.data.specs.fashion_mnist import FashionMnistSpec
from common.data.specs.features import FeaturesSpec
from common.data.specs.gloss import GlossSpec
from common.data.specs.glue import GlueSpec
from common.data.specs.graph import GraphSpec
from common.data.specs.image import ImageSpec
from common.data.specs.images import ImagesSpec
from common.data.specs.listops import ListOpsSpec
from common.data.specs.minilm import MiniLMSpec
from common.data.specs.mnist import MnistSpec
from common.data.specs.pathfinder import PathfinderSpec
from common.data.specs.pulse import PulseSpec
from common.data.specs.ratings import RatingsSpec
from common.data.specs.reference_lm import ReferenceLMSpec
from common.data.specs.retrieval import RetrievalSpec
from common.data.specs.table_column import TableColumnSpec
from common.data.specs.text import TextSpec
from common.data.specs.text_files import TextFilesSpec
from common.data.specs.trained_resnet import TrainedResNetSpec
from common.data.specs.wordnet import WordNetSpec

__all__ = [
    "ChirpsSpec",
    "ClimateGridSpec",
    "CodeLMSpec",
    "CorpusSpec",
    "CtrSpec",
    "CtrStreamSpec",
    "DataSpec",
    "DigitsSpec",
    "EncoderSpec",
    "FashionMnistSpec",
    "FeaturesSpec",
    "GlossSpec",
    "GlueSpec",
    "GraphSpec",
    "ImageSpec",
    "ImagesSpec",
    "ListOpsSpec",
    "MiniLMSpec",
    "MnistSpec",
    "PathfinderSpec",
    "PulseSpec",
    "RatingsSpec",
    "ReferenceLMSpec",
    "RetrievalSpec",
    "TableColumnSpec",
    "TextFilesSpec",
    "TextSpec",
    "TrainedResNetSpec",
    "WordNetSpec",
]
