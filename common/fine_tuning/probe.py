"""A linear probe of frozen features: logistic regression, written back as a linear layer."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int64
from torch import Tensor

from common.errors import InvalidInputError, UserError

FLOOR = 1e-2
_NEVER = -20.0  # bias of a class without a row


@dataclass(frozen=True)
class Probe:
    """Logits of a feature vector x: weight x + bias.

    Attributes:
        weight: one row a class.
        bias: one number a class.
    """

    weight: Float[Tensor, "c d"]
    bias: Float[Tensor, " c"]

    def logits(self, features: Float[Tensor, "n d"]) -> Float[Tensor, "n c"]:
        """One row for each of the features."""
        return features @ self.weight.mT + self.bias


def fit(
    features: Float[Tensor, "n d"],
    labels: Int64[Tensor, " n"],
    classes: int,
    *,
    strength: float = 0.01,
) -> Probe:
    """Logistic regression on standardised features.

    Args:
        features: each is divided by its standard deviation, or by 1e-2 where that is less:
            a feature that never moves would otherwise get a weight without bound.
        labels: classes from 0 on.
        classes: how many there are; one without a row has a logit below all others'.
        strength: C of scikit-learn, the inverse of the penalty.

    Raises:
        UserError: the extra `sklearn` is not installed.
        InvalidInputError: one class only, or features that are not finite.
    """
    try:
        from sklearn.linear_model import LogisticRegression
    except ImportError:
        raise UserError(
            "A probe needs scikit-learn, which is not installed: pip install 'structlab[sklearn]'."
        ) from None
    if not features.isfinite().all():
        raise InvalidInputError("The features hold NaN or infinity; look at the encoder's outputs.")
    seen = labels.unique()
    if len(seen) < 2:
        raise InvalidInputError(
            f"All {len(labels)} labels are {int(seen[0])}; a probe needs two classes. Take more "
            f"rows."
        )
    exact = features.double()
    mean, spread = exact.mean(0), exact.std(0, unbiased=False).clamp(min=FLOOR)
    scaled = ((exact - mean) / spread).cpu().numpy()
    model = LogisticRegression(C=strength, max_iter=2000).fit(scaled, labels.cpu().numpy())
    weight = torch.from_numpy(model.coef_).to(exact)
    bias = torch.from_numpy(model.intercept_).to(exact)
    if len(weight) == 1:  # two classes have one logit there
        weight, bias = torch.cat([-weight / 2, weight / 2]), torch.cat([-bias / 2, bias / 2])
    weight = weight / spread
    every = Probe(weight.new_zeros(classes, len(mean)), bias.new_full((classes,), _NEVER))
    every.weight[seen.to(weight.device)] = weight
    every.bias[seen.to(weight.device)] = bias - weight @ mean
    return Probe(every.weight.to(features), every.bias.to(features))
