"""A deep sequence classifier from its configuration: only the state-space layer is the paper's."""

from __future__ import annotations

from collections.abc import Callable

from omegaconf import DictConfig
from torch import nn

from common.data.sequence import SequenceData
from common.errors import InvalidInputError
from common.nn.block import SequenceBlock
from common.nn.classifier import PairClassifier, SequenceClassifier, SequenceModel, encoder
from common.nn.norm import sequence_norm


def sequence_classifier(
    model: DictConfig,
    data: SequenceData,
    layer: Callable[[], nn.Module],
    *,
    final_norm: bool,
) -> nn.Module:
    """Encoder, ``n_layers`` blocks around fresh layers, pooling, decoder.

    Args:
        model: fields of ``common.nn.schema.BackboneConfig``.
        data: what the encoder and the decoder have to fit.
        layer: makes one state-space layer.
        final_norm: close a pre-norm stack with one more norm (the S4 code base does, S5 does not).

    Raises:
        InvalidInputError: a size is not positive, or a name is unknown.
    """
    if model.d_model < 1 or model.n_layers < 1:
        raise InvalidInputError(
            f"model.d_model={model.d_model}, model.n_layers={model.n_layers}; must be positive."
        )
    blocks = [
        SequenceBlock(
            layer(),
            model.d_model,
            activation=model.activation,
            dropout=model.dropout,
            norm=model.norm,
            prenorm=model.prenorm,
            batch_norm_decay=model.batch_norm_decay,
            residual=model.residual,
        )
        for _ in range(model.n_layers)
    ]
    body = SequenceModel(
        encoder(
            model.encoder,
            model.d_model,
            vocabulary=data.vocab_size,
            channels=data.channels,
            input_width=model.input_width,
        ),
        blocks,
        model.pooling,
        sequence_norm(model.norm, model.d_model, model.batch_norm_decay)
        if final_norm and model.prenorm
        else None,
        model.get("mask_padding", False),
    )
    pairs = data.channels is None and data.train.inputs.ndim == 3
    head = PairClassifier if pairs else SequenceClassifier
    return head(body, model.d_model, data.n_classes)
