"""The groups of schemas that papers choose from: data sets, optimisers, training loops.

Apart from the schema of a run, which tasks import: a new set is no reason to run them again.
"""

from __future__ import annotations

from hydra.core.config_store import ConfigStore

from common.compression.trade_off.schema import TradeOffTask
from common.data import specs
from common.fine_tuning.schema import SentencesTask
from common.trainers.image_schema import ImageOptimizerConfig, ImageTrainConfig
from common.trainers.schema import OptimizerConfig, TrainConfig


def register() -> None:
    """Store them; called once before Hydra composes."""
    store = ConfigStore.instance()
    for name, spec in {
        "chirps": specs.ChirpsSpec,
        "climate_grid": specs.ClimateGridSpec,
        "ctr": specs.CtrSpec,
        "ctr_stream": specs.CtrStreamSpec,
        "code_lm": specs.CodeLMSpec,
        "corpus": specs.CorpusSpec,
        "digits": specs.DigitsSpec,
        "features": specs.FeaturesSpec,
        "gloss": specs.GlossSpec,
        "glue": specs.GlueSpec,
        "fashion_mnist": specs.FashionMnistSpec,
        "graph": specs.GraphSpec,
        "image": specs.ImageSpec,
        "images": specs.ImagesSpec,
        "listops": specs.ListOpsSpec,
        "encoder": specs.EncoderSpec,
        "minilm": specs.MiniLMSpec,
        "mnist": specs.MnistSpec,
        "pathfinder": specs.PathfinderSpec,
        "pulse": specs.PulseSpec,
        "ratings": specs.RatingsSpec,
        "reference_lm": specs.ReferenceLMSpec,
        "retrieval": specs.RetrievalSpec,
        "table_column": specs.TableColumnSpec,
        "text": specs.TextSpec,
        "text_files": specs.TextFilesSpec,
        "trained_resnet": specs.TrainedResNetSpec,
        "wordnet": specs.WordNetSpec,
    }.items():
        store.store(group="schema/data", name=name, node=spec)
    store.store(group="schema/s4", name="optimizer", node=OptimizerConfig)
    store.store(group="schema/s4", name="train", node=TrainConfig)
    store.store(group="schema/image", name="optimizer", node=ImageOptimizerConfig)
    store.store(group="schema/image", name="train", node=ImageTrainConfig)
    store.store(group="schema", name="trade_off", node=TradeOffTask)
    store.store(group="schema", name="sentences", node=SentencesTask)
