"""A state-space layer whose A, B and Delta stay as they start: only the read-out is trained.

The states are then fixed linear functions of the input, known once their impulse responses are,
and the layer is a convolution with C times those. Nothing is approximated by computing it so.
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn

from common.kernels.convolution import fft_convolve


class FrozenLayer(nn.Module):
    """``y_h = C_h x_h + D_h v_h``, ``v = E u`` with a scalar input u lifted to H channels.

    C is drawn from N(0, 1) in the basis of the measure: orthonormal bases bound E |x|^2, whatever n
    (Bessel's inequality), and C times it is of order one.

    Args:
        responses: ``A_bar^l B_bar`` of one system shared by all channels, or of one a channel.
        d_model: number of channels H.
    """

    def __init__(self, responses: Float[Tensor, "systems state length"], d_model: int):
        super().__init__()
        self.register_buffer("responses", responses.float())
        self.encoder = nn.Linear(1, d_model)
        self.C = nn.Parameter(torch.randn(d_model, responses.shape[1]))
        self.D = nn.Parameter(torch.randn(d_model))

    def kernel(self) -> Float[Tensor, "d_model length"]:
        """C_h A_bar^l B_bar."""
        return (self.C[:, None] @ self.responses)[:, 0]

    def forward(self, u: Float[Tensor, "batch length"]) -> Float[Tensor, "batch length d_model"]:
        """Outputs at every step, from a zero initial state."""
        v = self.encoder(u[..., None])
        y = fft_convolve(v.transpose(1, 2), self.kernel()).transpose(1, 2)
        return torch.addcmul(y, v, self.D)

    def last(self, u: Float[Tensor, "batch length"]) -> Float[Tensor, "batch d_model"]:
        """Outputs at the last step only, one product instead of a convolution."""
        kernel = self.kernel().flip(1)
        weight, bias = self.encoder.weight[:, 0], self.encoder.bias
        y = (u @ kernel.mT) * weight + kernel.sum(1) * bias
        return y + self.D * (u[:, -1:] * weight + bias)
