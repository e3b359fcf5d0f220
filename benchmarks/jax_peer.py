"""The S5 layer in JAX, as its authors' formulation has it: an associative scan under jit."""

import time

import numpy as np

try:
    import jax
    import jax.numpy as jnp
except ImportError as error:
    raise ImportError(
        "The JAX peer needs the extra `bench`: pip install 'structlab[bench]'. "
        "Or leave the peer out: python -m benchmarks --no-peer"
    ) from error


def s5_layer_peer(leaves, gradient, expected):
    """``(run, compile_seconds)``: value and all four gradients of the bidirectional layer with
    conjugate pairs, on the same numbers, ready before ``run`` returns; ``expected`` is the value
    it must find, or its time means nothing."""
    u, lam_bar, B_bar, C = (jnp.asarray(x.detach().numpy()) for x in leaves)
    upstream = jnp.asarray(gradient.numpy())

    def combine(left, right):
        decay_left, state_left = left
        decay_right, state_right = right
        return decay_right * decay_left, decay_right * state_left + state_right

    def one_sequence(u, lam_bar, B_bar, C):
        decay = jnp.broadcast_to(lam_bar, (u.shape[0], lam_bar.shape[0]))
        driven = jax.vmap(lambda step: B_bar @ step)(u)
        _, forward = jax.lax.associative_scan(combine, (decay, driven))
        _, backward = jax.lax.associative_scan(combine, (decay, driven), reverse=True)
        states = jnp.concatenate([forward, backward], axis=-1)
        return jax.vmap(lambda x: 2 * (C @ x).real)(states)

    def loss(u, lam_bar, B_bar, C):
        y = jax.vmap(one_sequence, in_axes=(0, None, None, None))(u, lam_bar, B_bar, C)
        return jnp.vdot(y, upstream), y

    step = jax.jit(jax.grad(loss, argnums=(0, 1, 2, 3), has_aux=True))
    start = time.perf_counter()
    compiled = step.lower(u, lam_bar, B_bar, C).compile()
    compile_seconds = time.perf_counter() - start

    def run():
        return jax.block_until_ready(compiled(u, lam_bar, B_bar, C))

    _check(run(), expected.detach().numpy())
    return run, compile_seconds


def _check(outcome, expected):
    _, y = outcome
    error = np.abs(np.asarray(y) - expected).max() / np.abs(expected).max()
    if not error < 1e-4:
        raise AssertionError(f"JAX peer and fused layer differ by {error:.2g} relative")
