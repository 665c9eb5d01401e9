"""The study by JAX: all rates and seeds of a rule are one vmap, an epoch is one compiled scan."""

from itertools import pairwise

import workload


def update(rule, p, g, s, t, rate):
    """Return (parameters, moments) of one array after a step of `rule`, as PyTorch defines it."""
    from jax import numpy as jnp

    m, v = s
    if rule == "sgd":
        return p - rate * g, s
    if rule == "momentum":
        m = 0.9 * m + g
        return p - rate * m, (m, v)
    if rule in ("adagrad", "rmsprop"):
        v = v + g * g if rule == "adagrad" else 0.99 * v + 0.01 * g * g
        return p - rate * g / (jnp.sqrt(v) + 1e-8), (m, v)
    m, v = 0.9 * m + 0.1 * g, 0.999 * v + 0.001 * g * g
    root = jnp.sqrt(v / (1 - 0.999**t)) + 1e-8
    if rule == "nadam":
        m_hat = 0.9 * m / (1 - 0.9 ** (t + 1)) + 0.1 * g / (1 - 0.9**t)
        return p - rate * m_hat / root, (m, v)
    decayed = p * (1 - 0.01 * rate) if rule == "adamw" else p
    return decayed - rate * m / (1 - 0.9**t) / root, (m, v)


def logits_of(params, x):
    import jax

    for weight, bias in params[:-1]:
        x = jax.nn.relu(x @ weight + bias)
    return x @ params[-1][0] + params[-1][1]


def initial(seed):
    """Return the MLP's parameters and two zeros for each."""
    import jax
    import numpy as np

    rng, sizes, params = np.random.default_rng(seed), (784, 128, 64, 10), []
    for a, b in pairwise(sizes):
        shapes = ((a, b), (b,))
        params.append(tuple(rng.uniform(-1, 1, s).astype("f4") / a**0.5 for s in shapes))
    zeros = jax.tree.map(lambda a: (np.zeros_like(a), np.zeros_like(a)), params)
    return params, zeros


def epoch_of(rule):
    """Return the function of one epoch of one run, to be mapped over runs."""
    import jax
    from jax import numpy as jnp

    def objective(params, x, y):
        logits = logits_of(params, x)
        chosen = jnp.take_along_axis(jax.nn.log_softmax(logits), y[:, None], axis=1)
        return -chosen.mean(), (logits.argmax(1) == y).sum()

    def step(carry, index, data, rate):
        params, moments, t, total, hits = carry
        x, y = data[0][index], data[1][index]
        (loss, right), g = jax.value_and_grad(objective, has_aux=True)(params, x, y)
        leaves, tree = jax.tree.flatten(params)
        slots = tree.flatten_up_to(moments)
        moved = [
            update(rule, p, d, s, t + 1, rate)
            for p, d, s in zip(leaves, jax.tree.leaves(g), slots, strict=True)
        ]
        params = tree.unflatten([p for p, _ in moved])
        moments = tree.unflatten([s for _, s in moved])
        return (params, moments, t + 1, total + loss, hits + right), None

    def epoch(state, rate, key, data, validation):
        order = jax.random.permutation(key, workload.TRAIN).reshape(workload.STEPS, workload.BATCH)
        start = (*state, jnp.float32(0), jnp.int32(0))
        carry, _ = jax.lax.scan(lambda c, i: step(c, i, data, rate), start, order)
        right = (logits_of(carry[0], validation[0]).argmax(1) == validation[1]).mean()
        return carry[:3], (carry[3], carry[4], right)

    return epoch


def run(cells):
    """Train all cells, rule by rule; return test accuracies."""
    import jax

    parts = {k: (x, y.astype("i4")) for k, (x, y) in workload.prepared().items()}
    parts = jax.device_put(parts)
    found = []
    for rule in dict.fromkeys(c.rule for c in cells):
        found += train(rule, [c for c in cells if c.rule == rule], parts)
    return found


def train(rule, cells, parts):
    import jax
    from jax import numpy as jnp

    states = [(*initial(c.seed), jnp.float32(0)) for c in cells]
    state = jax.tree.map(lambda *a: jnp.stack(a), *states)
    rates = jnp.array([c.rate for c in cells], jnp.float32)
    keys = jax.vmap(jax.random.key)(jnp.array([c.seed for c in cells]))
    mapped = jax.vmap(epoch_of(rule), in_axes=(0, 0, 0, None, None))
    advance = jax.jit(mapped, donate_argnums=0)
    for k in range(workload.EPOCHS):
        own = jax.vmap(jax.random.fold_in, in_axes=(0, None))(keys, k)
        state, measured = advance(state, rates, own, parts["train"], parts["validation"])
        jax.device_get(measured)
    test = jax.jit(
        jax.vmap(lambda p: (logits_of(p, parts["test"][0]).argmax(1) == parts["test"][1]).mean())
    )
    return [float(a) for a in test(state[0])]
