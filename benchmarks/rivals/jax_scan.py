"""JAX: an epoch as one compiled `lax.scan`."""

import mnist

from rivals import jax_loop

LABEL = "JAX, jit with lax.scan"
NOTE = "a whole epoch is one compiled call; mini-batches are gathered inside it"
REQUIRES = ("jax",)
WHOLE_EPOCHS = True


def prepare(images, labels, batch, threads):  # noqa: ARG001 - threads are set by the environment
    import jax
    import numpy as np

    x, y = jax.device_put((mnist.scaled(images), labels.astype(np.int32)))
    steps, key = len(images) // batch, jax.random.key(0)
    params = jax.device_put(jax_loop.parameters())

    def epoch(params, x, y, key):
        order = jax.random.permutation(key, len(x)).reshape(steps, batch)

        def body(state, index):
            return jax_loop.step(state, x[index], y[index]), None

        zero = (params, jax.numpy.float32(0), jax.numpy.int32(0))
        return jax.lax.scan(body, zero, order)[0]

    advance = jax.jit(epoch, donate_argnums=0)

    def step_many(count):
        nonlocal key, params
        for _ in range(max(1, count // steps)):
            key, own = jax.random.split(key)
            params, total, correct = advance(params, x, y, own)
            metrics = float(total) / len(x), int(correct) / len(x)
        return metrics

    return step_many
