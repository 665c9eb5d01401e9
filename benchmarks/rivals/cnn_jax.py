"""JAX: one jitted step of a convolutional net, called from a Python loop."""

NOTE = "NumPy gathers the mini-batch; parameters, moments and statistics donated to one jitted step"
REQUIRES = ("jax",)


def forward(layer, params, x, name, key):
    """Return the output of a composition of the zoo without normalization."""
    from steepest import nn as ours

    if isinstance(layer, ours.Chain):
        for k, part in enumerate(layer.layers):
            x = forward(part, params, x, f"{name}.{k}", key)
        return x
    if name in params:
        return weighted(layer, x, *params[name])
    return plain(layer, x, key)


def weighted(layer, x, w, b):
    from jax import lax

    from steepest import nn as ours

    if not isinstance(layer, ours.Conv2D):
        return x @ w + b
    axes = ("NHWC", "HWIO", "NHWC")
    stride = (layer.stride, layer.stride)
    return lax.conv_general_dilated(x, w, stride, "SAME", dimension_numbers=axes) + b


def plain(layer, x, key):
    import jax
    from jax import numpy as jnp

    from steepest import nn as ours

    if isinstance(layer, ours.Flatten):
        return x.reshape(len(x), -1)
    if isinstance(layer, ours.MaxPool):
        window = (1, 2, 2, 1)
        return jax.lax.reduce_window(x, -jnp.inf, jax.lax.max, window, window, "VALID")
    if isinstance(layer, ours.Dropout):
        kept = jax.random.bernoulli(key, 1 - layer.rate, x.shape)
        return jnp.where(kept, x / (1 - layer.rate), 0)
    return {ours.ReLU: jax.nn.relu}[type(layer)](x)


def initial(layer, shape, name, rng):
    """Return (parameters by name, shape of the output) for one example's shape."""
    import numpy as np

    from steepest import nn as ours

    if isinstance(layer, ours.Chain):
        found = {}
        for k, part in enumerate(layer.layers):
            more, shape = initial(part, shape, f"{name}.{k}", rng)
            found |= more
        return found, shape
    if isinstance(layer, ours.Flatten):
        return {}, (int(np.prod(shape)),)
    if isinstance(layer, ours.MaxPool):
        return {}, (shape[0] // 2, shape[1] // 2, shape[2])
    if isinstance(layer, (ours.Conv2D, ours.Linear)):
        is_image = isinstance(layer, ours.Conv2D)
        width = layer.filters if is_image else 10 if layer.units == "classes" else layer.units
        window = (layer.kernel, layer.kernel) if is_image else ()
        sizes = (*window, shape[-1], width)
        w = rng.uniform(-1, 1, sizes).astype("f4") / np.prod(sizes[:-1]) ** 0.5
        return {name: (w, np.zeros(width, "f4"))}, (*shape[:-1], width)
    return {}, shape


def stepping(root, batch):
    """Return the jitted step over (parameters, first and second moments, step, losses, hits)."""
    import jax
    from jax import numpy as jnp

    def objective(params, x, y, key):
        logits = forward(root, params, x, "", key)
        chosen = jnp.take_along_axis(jax.nn.log_softmax(logits), y[:, None], axis=1)
        return -chosen.mean(), logits

    def step(state, x, y):
        params, m, v, t, total, hits = state
        key = jax.random.fold_in(jax.random.key(0), t)
        slope = jax.value_and_grad(objective, has_aux=True)
        (loss, logits), g = slope(params, x, y, key)
        t = t + 1
        m = jax.tree.map(lambda a, b: 0.9 * a + 0.1 * b, m, g)
        v = jax.tree.map(lambda a, b: 0.999 * a + 0.001 * b * b, v, g)
        rate, root_ = 1e-3 / (1 - 0.9**t), 1 / (1 - 0.999**t)
        params = jax.tree.map(
            lambda p, a, b: p - rate * a / (jnp.sqrt(b * root_) + 1e-8), params, m, v
        )
        hits = hits + (logits.argmax(1) == y).sum()
        return params, m, v, t, total + loss * batch, hits

    return jax.jit(step, donate_argnums=0)


def prepare(model, batch, threads):  # noqa: ARG001 - threads are set by the environment
    import jax
    import numpy as np
    from ours_cnn import CLASSES, EXAMPLES, shape_of

    from steepest.nn import zoo

    rng, root = np.random.default_rng(0), zoo.ARCHS[model]().root
    images = rng.integers(0, 256, (EXAMPLES, *shape_of(model))).astype("f4") / 255
    labels = rng.integers(0, CLASSES, EXAMPLES).astype("i4")
    params = jax.device_put(initial(root, shape_of(model), "", rng)[0])
    advance, zero = stepping(root, batch), jax.numpy.zeros
    moments = [jax.tree.map(jax.numpy.zeros_like, params) for _ in range(2)]
    state = (params, *moments, zero((), "i4"), zero(()), zero((), "i4"))

    def step_many(count):
        nonlocal state
        state = (*state[:4], zero(()), zero((), "i4"))
        for _ in range(count):
            index = rng.integers(0, EXAMPLES, batch)
            state = advance(state, images[index], labels[index])
        return float(state[4]) / (count * batch), int(state[5]) / (count * batch)

    return step_many
