"""JAX: one jitted step of a convolutional net, called from a Python loop."""

import math

NOTE = "NumPy gathers the mini-batch; parameters, moments and statistics donated to one jitted step"
REQUIRES = ("jax",)


class Pass:
    """What a forward pass reads and leaves: parameters, running statistics, a key for dropout."""

    def __init__(self, params, stats, key, rng=None):
        self.params, self.stats, self.key, self.rng = params, stats, key, rng
        self.seen = {}

    def weight(self, name, shape):
        """Return a parameter; with a generator, a new one, uniform by its inputs."""
        if self.rng is not None:
            bound = math.prod(shape[:-1]) ** -0.5
            self.params[name] = self.rng.uniform(-bound, bound, shape).astype("f4")
        return self.params[name]

    def vector(self, name, width, value):
        """Return a bias, gain or shift."""
        import numpy as np

        if self.rng is not None:
            self.params[name] = np.full(width, value, "f4")
        return self.params[name]

    def follow(self, name, mean, variance):
        """Move running statistics by a tenth."""
        import numpy as np

        if self.rng is not None:
            self.stats[name] = (np.zeros(len(mean), "f4"), np.ones(len(mean), "f4"))
        old_mean, old_variance = self.stats[name]
        self.seen[name] = (0.9 * old_mean + 0.1 * mean, 0.9 * old_variance + 0.1 * variance)


def forward(layer, x, name, state):
    """Return the output of a composition of the zoo, channels last, while training."""
    from steepest import nn as ours

    if isinstance(layer, ours.Chain):
        for k, part in enumerate(layer.layers):
            x = forward(part, x, f"{name}.{k}", state)
        return x
    if isinstance(layer, ours.Residual):
        across = layer.shortcut
        other = forward(across, x, f"{name}.shortcut", state) if across else x
        return forward(layer.body, x, f"{name}.body", state) + other
    if isinstance(layer, ours.Graph):
        known = {"x": x}
        for node in layer.nodes:
            total = sum(known[n] for n in node.inputs[1:]) + known[node.inputs[0]]
            known[node.name] = forward(node.layer, total, f"{name}.{node.name}", state)
        return known[layer.nodes[-1].name]
    return single(layer, x, name, state)


def single(layer, x, name, state):
    import jax
    from jax import numpy as jnp

    from steepest import nn as ours

    if isinstance(layer, ours.Conv2D):
        return convolved(layer, x, name, state)
    if isinstance(layer, ours.Linear):
        width = 10 if layer.units == "classes" else layer.units
        w = state.weight(f"{name}.w", (x.shape[-1], width))
        return x @ w + state.vector(f"{name}.b", width, 0)
    if isinstance(layer, ours.BatchNorm):
        return normalized(layer, x, name, state)
    if isinstance(layer, ours.Dropout):
        kept = jax.random.bernoulli(state.key, 1 - layer.rate, x.shape)
        return jnp.where(kept, x / (1 - layer.rate), 0)
    if isinstance(layer, ours.MaxPool):
        window = (1, 2, 2, 1)
        return jax.lax.reduce_window(x, -jnp.inf, jax.lax.max, window, window, "VALID")
    plain = {
        ours.Flatten: lambda: x.reshape(len(x), -1),
        ours.ReLU: lambda: jax.nn.relu(x),
        ours.GlobalAveragePool: lambda: x.mean((1, 2)),
    }
    return plain[type(layer)]()


def convolved(layer, x, name, state):
    from jax import lax

    axes, stride = ("NHWC", "HWIO", "NHWC"), (layer.stride, layer.stride)
    margin = [(layer.margin, layer.margin)] * 2
    w = state.weight(f"{name}.w", (layer.kernel, layer.kernel, x.shape[-1], layer.filters))
    y = lax.conv_general_dilated(x, w, stride, margin, dimension_numbers=axes)
    return y + state.vector(f"{name}.b", layer.filters, 0) if layer.bias else y


def normalized(layer, x, name, state):
    from jax import lax

    mean, variance = x.mean((0, 1, 2)), x.var((0, 1, 2))
    state.follow(name, mean, variance)
    gain = state.vector(f"{name}.gain", x.shape[-1], 1)
    shift = state.vector(f"{name}.shift", x.shape[-1], 0)
    return (x - mean) * (lax.rsqrt(variance + layer.eps) * gain) + shift


def initial(root, batch, shape, rng):
    """Return the parameters and running statistics of a network by name."""
    import jax

    state = Pass({}, {}, jax.random.key(0), rng)
    jax.eval_shape(
        lambda x: forward(root, x, "", state), jax.ShapeDtypeStruct((batch, *shape), "f4")
    )
    return state.params, state.stats


def stepping(root, batch):
    """Return the jitted step over (parameters, moments, statistics, step, losses, hits)."""
    import jax
    from jax import numpy as jnp

    def objective(params, stats, x, y, key):
        state = Pass(params, stats, key)
        logits = forward(root, x, "", state)
        chosen = jnp.take_along_axis(jax.nn.log_softmax(logits), y[:, None], axis=1)
        return -chosen.mean(), (logits, state.seen)

    def step(state, x, y):
        params, m, v, stats, t, total, hits = state
        key = jax.random.fold_in(jax.random.key(0), t)
        slope = jax.value_and_grad(objective, has_aux=True)
        (loss, (logits, stats)), g = slope(params, stats, x, y, key)
        t = t + 1
        m = jax.tree.map(lambda a, b: 0.9 * a + 0.1 * b, m, g)
        v = jax.tree.map(lambda a, b: 0.999 * a + 0.001 * b * b, v, g)
        rate, root_ = 1e-3 / (1 - 0.9**t), 1 / (1 - 0.999**t)
        params = jax.tree.map(
            lambda p, a, b: p - rate * a / (jnp.sqrt(b * root_) + 1e-8), params, m, v
        )
        hits = hits + (logits.argmax(1) == y).sum()
        return params, m, v, stats, t, total + loss * batch, hits

    return jax.jit(step, donate_argnums=0)


def prepare(model, batch, threads):  # noqa: ARG001 - threads are set by the environment
    import jax
    import numpy as np
    from ours_cnn import CLASSES, EXAMPLES, shape_of

    from steepest.nn import zoo

    rng, root = np.random.default_rng(0), zoo.ARCHS[model]().root
    images = rng.integers(0, 256, (EXAMPLES, *shape_of(model))).astype("f4") / 255
    labels = rng.integers(0, CLASSES, EXAMPLES).astype("i4")
    params, stats = jax.device_put(initial(root, batch, shape_of(model), rng))
    advance, zero = stepping(root, batch), jax.numpy.zeros
    moments = [jax.tree.map(jax.numpy.zeros_like, params) for _ in range(2)]
    state = (params, *moments, stats, zero((), "i4"), zero(()), zero((), "i4"))

    def step_many(count):
        nonlocal state
        state = (*state[:5], zero(()), zero((), "i4"))
        for _ in range(count):
            index = rng.integers(0, EXAMPLES, batch)
            state = advance(state, images[index], labels[index])
        return float(state[5]) / (count * batch), int(state[6]) / (count * batch)

    return step_many
