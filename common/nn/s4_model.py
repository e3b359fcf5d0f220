"""Deep models of S4-type layers from their configuration and the systems they start from."""

from __future__ import annotations

from collections.abc import Sequence

from omegaconf import DictConfig
from torch import nn

from common.data.sequence import SequenceData
from common.nn.assemble import sequence_classifier
from common.nn.modal import ModalBasis
from common.nn.s4 import S4


def s4_layer(model: DictConfig, bases: Sequence[ModalBasis]) -> S4:
    """One layer; ``model`` has the fields of ``common.nn.schema.S4ModelConfig``."""
    copies = max(model.n_ssm, len(bases)) if model.n_ssm else model.d_model
    return S4(
        bases,
        model.d_model,
        bidirectional=model.bidirectional,
        dt_min=model.dt_min,
        dt_max=model.dt_max,
        dt_per_state=model.dt_per_state,
        feedthrough=model.feedthrough,
        n_ssm=copies,
        input_matrix=model.input_matrix,
        c_init="complex_normal",
        frozen=tuple(model.frozen),
        discretisation=model.discretisation,
        real_transform=model.real_transform,
        imag_transform=model.imag_transform,
        dt_transform=model.dt_transform,
    )


def s4_classifier(model: DictConfig, data: SequenceData, bases: Sequence[ModalBasis]) -> nn.Module:
    """The classifier (or regressor) that the configuration describes, for this data set."""
    return sequence_classifier(model, data, lambda: s4_layer(model, bases), final_norm=True)
