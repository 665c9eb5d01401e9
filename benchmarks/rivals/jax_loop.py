"""JAX: one jitted step, called from a Python loop over NumPy mini-batches."""

from itertools import pairwise

import mnist

LABEL = "JAX, jit step in a loop"
NOTE = "NumPy gathers the mini-batch; parameters and metrics donated to one jitted step"
REQUIRES = ("jax",)

SIZES = (784, 128, 64, 10)


def parameters():
    """Return the MLP's weights and biases, uniform in +-1/sqrt(inputs)."""
    import numpy as np

    rng, pairs = np.random.default_rng(0), pairwise(SIZES)
    return [
        tuple(rng.uniform(-1, 1, shape).astype(np.float32) / inputs**0.5 for shape in shapes)
        for inputs, shapes in ((a, ((a, b), (b,))) for a, b in pairs)
    ]


def step(state, x, y):
    """Return the state (parameters, sum of losses, correct answers) after one SGD step."""
    import jax
    import jax.numpy as jnp

    params, total, correct = state

    def objective(params):
        hidden = x
        for weight, bias in params[:-1]:
            hidden = jax.nn.relu(hidden @ weight + bias)
        logits = hidden @ params[-1][0] + params[-1][1]
        chosen = jnp.take_along_axis(jax.nn.log_softmax(logits), y[:, None], axis=1)
        return -chosen.mean(), logits

    (loss, logits), slope = jax.value_and_grad(objective, has_aux=True)(params)
    params = jax.tree.map(lambda p, g: p - 0.01 * g, params, slope)
    return params, total + loss * len(y), correct + (logits.argmax(1) == y).sum()


def prepare(images, labels, batch, threads):  # noqa: ARG001 - threads are set by the environment
    import jax
    import numpy as np

    x, y, steps = mnist.scaled(images), labels.astype(np.int32), len(images) // batch
    rng, params = np.random.default_rng(0), jax.device_put(parameters())
    advance = jax.jit(step, donate_argnums=0)

    def step_many(count):
        nonlocal params
        for _ in range(max(1, count // steps)):
            state = (params, jax.numpy.float32(0), jax.numpy.int32(0))
            order = rng.permutation(len(x))[: count * batch]
            for start in range(0, len(order), batch):
                index = order[start : start + batch]
                state = advance(state, x[index], y[index])
            params, total, correct = state
            metrics = float(total) / len(order), int(correct) / len(order)
        return metrics

    return step_many
