"""A large float32 matrix product: what the machine's libraries reach, the scale of all else."""

import statistics

from worker import Measurement, Worker

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


def measured(threads):
    """Return the GFLOP/s of the faster library on that many threads, in a process of its own."""
    worker, best = Worker(threads, {}), 0.0
    for library in ("numpy", "torch"):
        if worker.prepare(library, "gemm", (library, threads), images=False) is None:
            taken = [worker.run(library, 3) for _ in range(6)][1:]
            seconds = [one.seconds / 3 for one in taken if isinstance(one, Measurement)]
            best = max(best, FLOPS / statistics.median(seconds) / 1e9) if seconds else best
    worker.close()
    return best
