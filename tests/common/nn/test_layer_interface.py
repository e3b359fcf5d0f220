"""One interface for S4D, S4 and S5: whole sequences, pieces, steps, ragged batches, other rates."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional as F

from common.kernels.hippo import diagonalise_normal, legs, legs_low_rank
from common.nn.block import SequenceBlock
from common.nn.classifier import SequenceClassifier, SequenceModel, pool
from common.nn.modal import ModalBasis, halve
from common.nn.norm import SequenceBatchNorm
from common.nn.s4 import S4
from common.nn.s5 import S5

WIDTH, ORDER = 3, 8


def basis(low_rank=False):
    lam, V = diagonalise_normal(ORDER)
    P = legs_low_rank(ORDER)[None] if low_rank else None
    return halve(ModalBasis(lam, V, lambda X: V.mH @ X.to(V.dtype), legs(ORDER)[1], P))


def layers(bidirectional=False):
    torch.manual_seed(0)
    options = {"bidirectional": bidirectional, "dt_min": 0.01}
    return {
        "s4d": S4(basis(), WIDTH, **options),
        "s4d bilinear": S4(basis(), WIDTH, discretisation="bilinear", n_ssm=WIDTH, **options),
        "s4d step per state": S4(
            basis(), WIDTH, dt_per_state=True, input_matrix="trained", **options
        ),
        "s4": S4(basis(low_rank=True), WIDTH, **options),
        "s5": S5(basis(), WIDTH, blocks=2, **options),
    }


NAMES = list(layers())
KINDS = pytest.mark.parametrize("name", NAMES)


def close(a, b):
    torch.testing.assert_close(a, b, rtol=1e-5, atol=1e-5 * b.detach().abs().max().item())


@KINDS
def test_steps_equal_the_whole_sequence(name):
    layer, u = layers()[name], torch.randn(2, 90, WIDTH)
    wanted, nothing = layer(u)
    state, outputs = layer.initial_state(2), []
    for t in range(u.shape[1]):
        y, state = layer.step(u[:, t], state)
        outputs.append(y)
    assert nothing is None
    close(torch.stack(outputs, 1), wanted)
    close(layer(u, state=layer.initial_state(2))[1], state)


@KINDS
@settings(max_examples=8, deadline=None)
@given(cuts=st.lists(st.integers(1, 149), unique=True, max_size=4).map(sorted))
def test_pieces_equal_one_pass(name, cuts):
    layer, u = layers()[name], torch.randn(2, 150, WIDTH)
    wanted, last = layer(u, state=layer.initial_state(2))
    close(wanted, layer(u)[0])
    state, outputs = layer.initial_state(2), []
    for piece in u.tensor_split(cuts, dim=1):
        y, state = layer(piece, state=state)
        outputs.append(y)
    close(torch.cat(outputs, 1), wanted)
    close(state, last)


@KINDS
@pytest.mark.parametrize("padding", ["right", "left"])
@pytest.mark.parametrize("bidirectional", [False, True])
def test_padding_changes_nothing(name, padding, bidirectional):
    layer, lengths = layers(bidirectional)[name], torch.tensor([70, 1, 33, 64])
    u = torch.randn(4, 70, WIDTH)
    y, _ = layer(u, lengths, padding=padding)  # what stands in the padding is not looked at
    for row, n in enumerate(lengths.tolist()):
        part = slice(0, n) if padding == "right" else slice(70 - n, 70)
        close(y[row, part], layer(u[row : row + 1, part])[0][0])
        rest = torch.ones(70, dtype=torch.bool)
        rest[part] = False
        assert (y[row, rest] == 0).all()


@KINDS
@pytest.mark.parametrize("padding", ["right", "left"])
def test_ragged_pieces_carry_the_state_at_their_true_ends(name, padding):
    layer, lengths = layers()[name], torch.tensor([40, 7, 23])
    u, state = torch.randn(3, 40, WIDTH), layer(torch.randn(3, 9, WIDTH), state=None)
    _, state = layer(torch.randn(3, 9, WIDTH), state=layer.initial_state(3))
    y, final = layer(u, lengths, state, padding=padding)
    for row, n in enumerate(lengths.tolist()):
        part = slice(0, n) if padding == "right" else slice(40 - n, 40)
        alone, last = layer(u[row : row + 1, part], state=state[row : row + 1])
        close(y[row, part], alone[0])
        close(final[row], last[0])


@KINDS
def test_half_the_sampling_rate_by_twice_the_step(name):
    """Slow inputs: the output at every second step, with no training in between."""
    layer = layers()[name]
    with torch.no_grad():
        for parameter in ("log_dt", "log_step"):
            if hasattr(layer, parameter):
                getattr(layer, parameter).sub_(2.5)
        layer.D.zero_()
    t = torch.arange(2000.0)[None, :, None]
    u = torch.sin(2 * torch.pi * t / 400) * (t / 400).clamp(max=1)
    u = u.expand(1, 2000, WIDTH).contiguous()
    full, half = layer(u)[0][:, ::2], layer(u[:, ::2], rate=2.0)[0]
    assert (full - half).norm() / full.norm() < 0.02
    assert (full - layer(u[:, ::2])[0]).norm() / full.norm() > 0.05


@KINDS
def test_a_two_sided_layer_has_no_state(name):
    layer = layers(bidirectional=True)[name]
    with pytest.raises(ValueError, match="bidirectional=False"):
        layer(torch.randn(1, 5, WIDTH), state=layer.initial_state(1))
    with pytest.raises(ValueError, match="bidirectional=False"):
        layer.step(torch.randn(1, WIDTH), layer.initial_state(1))


@pytest.mark.parametrize(
    ("lengths", "message"),
    [(torch.tensor([3, 6]), "allowed: 1 to 5"), (torch.tensor([3]), "2 sequences"),
     (torch.tensor([3.0, 2.0]), "integer"), (torch.tensor([0, 2]), "allowed: 1 to 5")],
)  # fmt: skip
def test_bad_lengths(lengths, message):
    with pytest.raises(ValueError, match=message):
        layers()["s5"](torch.randn(2, 5, WIDTH), lengths)


def test_unknown_padding_side():
    with pytest.raises(ValueError, match="right, left"):
        layers()["s5"](torch.randn(2, 5, WIDTH), padding="middle")


@KINDS
@pytest.mark.parametrize("bidirectional", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_compiles_without_graph_breaks(name, bidirectional):
    torch.compiler.reset()  # all layers share one forward, and it is compiled eight times at most
    layer, u = layers(bidirectional)[name], torch.randn(2, 20, WIDTH, requires_grad=True)
    lengths = torch.tensor([20, 11])
    compiled = torch.compile(layer, fullgraph=True, backend="aot_eager")
    y, _ = compiled(u, lengths)
    wanted, _ = layer(u, lengths)
    close(y, wanted)
    gradient = torch.randn_like(y)
    for a, b in zip(
        torch.autograd.grad(y, [u, layer.C], gradient),
        torch.autograd.grad(wanted, [u, layer.C], gradient),
        strict=True,
    ):
        close(a, b)


@KINDS
def test_state_dict_round_trip_into_a_fresh_layer(name):
    torch.manual_seed(1)
    layer, other = layers()[name], layers()[name]
    with torch.no_grad():
        for parameter in layer.parameters():
            parameter.add_(0.01 * torch.randn_like(parameter))
    other.load_state_dict(layer.state_dict())
    u = torch.randn(1, 20, WIDTH)
    assert torch.equal(layer(u)[0], other(u)[0])


@pytest.mark.parametrize(
    ("name", "keys"),
    [
        ("s4d", ["A_imag", "C", "D", "log_A_real", "log_dt"]),
        ("s4", ["A_imag", "B", "C", "D", "P", "log_A_real", "log_dt"]),
        ("s5", ["B", "C", "D", "Lambda_im", "Lambda_re", "log_step"]),
    ],
)
def test_names_of_a_state_dict_do_not_change(name, keys):
    assert sorted(layers()[name].state_dict()) == keys


@KINDS
@pytest.mark.parametrize("prenorm", [True, False])
@pytest.mark.parametrize("norm", ["batch", "layer"])
def test_a_block_streams_as_its_layer_does(name, prenorm, norm):
    block = SequenceBlock(
        layers()[name], WIDTH, activation="glu", norm=norm, prenorm=prenorm
    ).eval()
    x, state, outputs = torch.randn(2, 12, WIDTH), block.initial_state(2), []
    for t in range(12):
        y, state = block.step(x[:, t], state)
        outputs.append(y)
    close(torch.stack(outputs, 1), block(x)[0])
    first, state = block(x[:, :5], state=block.initial_state(2))
    second, _ = block(x[:, 5:], state=state)
    close(torch.cat([first, second], 1), block(x)[0])


@pytest.mark.parametrize("norm", ["batch", "layer"])
@pytest.mark.parametrize("prenorm", [True, False])
@pytest.mark.parametrize("name", ["s4d", "s5"])
def test_a_masked_classifier_ignores_padding_in_training_too(name, norm, prenorm):
    """Logits and running statistics, two-sided layers and BatchNorm included."""

    def outcome(extra):
        blocks = [
            SequenceBlock(
                layers(bidirectional=True)[name],
                WIDTH,
                activation="glu",
                norm=norm,
                prenorm=prenorm,
            )
            for _ in range(2)
        ]
        torch.manual_seed(0)
        body = SequenceModel(torch.nn.Embedding(5, WIDTH), blocks, mask_padding=True)
        model = SequenceClassifier(body, WIDTH, 2)
        logits = model(F.pad(tokens, (0, extra)), lengths)
        return logits, [b.clone() for b in model.buffers() if b.is_floating_point()]

    torch.manual_seed(5)
    tokens, lengths = torch.randint(1, 5, (3, 20)), torch.tensor([20, 4, 11])
    (a, statistics), (b, again) = outcome(0), outcome(9)
    torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-5)
    for x, y in zip(statistics, again, strict=True):
        torch.testing.assert_close(x, y, rtol=1e-4, atol=1e-5)


@KINDS
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_autocast_does_not_reach_the_state_space(name, dtype):
    layer, u = layers()[name], torch.randn(2, 300, WIDTH)
    wanted, last = layer(u, state=layer.initial_state(2))
    with torch.autocast("cpu", dtype=dtype):
        whole, _ = layer(u)
        first, state = layer(u[:, :130], state=layer.initial_state(2))
        second, state = layer(u[:, 130:], state=state)
    close(whole, wanted)
    close(torch.cat([first, second], 1), wanted)
    close(state, last)


@KINDS
def test_a_sequence_may_be_over_before_a_piece(name):
    layer, u = layers()[name], torch.randn(2, 9, WIDTH)
    _, state = layer(torch.randn(2, 7, WIDTH), state=layer.initial_state(2))
    y, after = layer(u, torch.tensor([0, 9]), state)
    close(after[0], state[0])
    assert (y[0] == 0).all()
    close(after[1:], layer(u[1:], state=state[1:])[1])


@KINDS
def test_precision_is_that_of_the_parameters(name):
    layer, u = layers()[name], torch.randn(1, 12, WIDTH)
    assert layer(u.double())[0].dtype == layer(u.bfloat16())[0].dtype == torch.float32
    wide = layer.double()
    y, state = wide(u, state=wide.initial_state(1))
    assert (y.dtype, state.dtype) == (torch.float64, torch.complex128)
    with pytest.raises(ValueError, match="use autocast"):
        layers()[name].half()(u)


@KINDS
@pytest.mark.parametrize(
    ("shape", "message"), [((2, 5, 1), "width"), ((2, 0, WIDTH), "empty"), ((0, 5, WIDTH), "empty"),
                           ((5, WIDTH), "batch, length, width")],
)  # fmt: skip
def test_shapes_that_do_not_fit(name, shape, message):
    with pytest.raises(ValueError, match=message):
        layers()[name](torch.randn(shape))


@KINDS
def test_inputs_of_a_step_are_checked(name):
    layer, u = layers()[name], torch.randn(2, WIDTH)
    state = layer.initial_state(2)
    for wrong in (u[:, :1], u[None], u.to(torch.complex64)):
        with pytest.raises(ValueError, match="u has shape"):
            layer.step(wrong, state)
    for wrong in (state[:1], state.to(torch.complex128), state.real):
        with pytest.raises(ValueError, match="state has shape"):
            layer.step(u, wrong)
        with pytest.raises(ValueError, match="state has shape"):
            layer(u[:, None], state=wrong)


@KINDS
@pytest.mark.parametrize("rate", [0.0, -1.0, float("inf"), float("nan")])
def test_rates_are_positive_numbers(name, rate):
    with pytest.raises(ValueError, match="rate="):
        layers()[name](torch.randn(1, 4, WIDTH), rate=rate)


def test_lengths_are_integers_in_a_tensor():
    layer, u = layers()["s5"], torch.randn(2, 5, WIDTH)
    with pytest.raises(ValueError, match="list"):
        layer(u, [3, 2])
    with pytest.raises(ValueError, match="bool"):
        layer(u, torch.tensor([True, True]))


def test_a_block_in_training_does_not_step():
    block = SequenceBlock(layers()["s5"], WIDTH, activation="glu")
    with pytest.raises(ValueError, match="eval"):
        block.step(torch.randn(2, WIDTH), block.initial_state(2))


@pytest.mark.parametrize("training", [True, False])
def test_a_masked_batch_norm_is_that_of_the_valid_steps_and_compiles(training):
    lengths = torch.tensor([6, 2, 4])
    mask = torch.arange(6) < lengths[:, None]
    x = torch.randn(3, 6, WIDTH) * 2 + 1
    norms = [SequenceBatchNorm(WIDTH).train(training) for _ in range(3)]
    reference = norms[0].norm(x[mask])
    torch.compiler.reset()
    compiled = torch.compile(norms[2], fullgraph=True, backend="aot_eager")
    for norm, call in ((norms[1], norms[1]), (norms[2], compiled)):
        y = call(x, lengths)
        close(y[mask], reference)
        assert (y[~mask] == 0).all()
        for name, buffer in norms[0].norm.named_buffers():
            torch.testing.assert_close(dict(norm.norm.named_buffers())[name], buffer)


@pytest.mark.parametrize("name", [pytest.param("s4d", marks=pytest.mark.slow), "s5"])
def test_streaming_compiles_for_more_than_one_length(name):
    torch.compiler.reset()
    layer = layers()[name]
    compiled = torch.compile(layer, fullgraph=True, backend="aot_eager")
    for length in (50, 61):
        u, state = torch.randn(2, length, WIDTH), layer.initial_state(2)
        for got, wanted in zip(compiled(u, state=state), layer(u, state=state), strict=True):
            close(got, wanted)


def test_a_long_mean_in_half_precision_does_not_overflow():
    x = torch.full((1, 16384, 2), 5.0, dtype=torch.float16)
    assert pool(x, torch.tensor([16384]), "mean").tolist() == [[5.0, 5.0]]
