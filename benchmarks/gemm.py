"""A large float32 matrix product: what the machine's libraries reach, the scale of all else."""

SIZE = 1536
FLOPS = 2 * SIZE**3


def prepare(library, threads):
    """Return step_many(count) of `library`'s product, "numpy" or "torch"."""
    import numpy as np
    from threadpoolctl import threadpool_limits

    threadpool_limits(threads)
    a, b, c = (np.random.default_rng(k).standard_normal((SIZE, SIZE), "f4") for k in range(3))
    if library == "numpy":
        return lambda count: [np.dot(a, b, out=c) for _ in range(count)] and None
    import torch

    torch.set_num_threads(threads)
    x, y, z = map(torch.from_numpy, (a, b, c))
    return lambda count: [torch.mm(x, y, out=z) for _ in range(count)] and None
