"""steepest on its NumPy engine, by the ordinary session and loop."""

LABEL = "steepest, NumPy engine"
NOTE = "gathering from bytes, loss and accuracy of every step; kernels compiled where cc is found"
REQUIRES = ("steepest",)
ENGINE = "numpy"


def prepare(images, labels, batch, threads, engine=ENGINE):
    import numpy as np

    from steepest.data import from_arrays
    from steepest.spec import RunSpec
    from steepest.train.loop import replay
    from steepest.train.partition import Split
    from steepest.train.session import epoch_tables, open_session

    _limit(threads)
    dataset = from_arrays("mnist", images, labels, test=(images[:0], labels[:0]))
    size = "full" if batch >= len(images) else batch
    spec = RunSpec(
        data="mnist", model="mlp", optimizer="sgd(lr=0.01)", batch_size=size, engine=engine,
        validation=0.0,
    )  # fmt: skip
    everything = Split(np.arange(len(images))[None], np.empty((1, 0), np.int64))
    session = open_session([spec], dataset, everything)
    steps = len(images) // batch
    epoch = iter(range(10**9))

    def run(count):
        tables = epoch_tables(session, next(epoch))
        index = tables["order"][:, : count * batch].reshape(1, count, batch)
        losses, correct = np.empty((count, 1)), np.empty((count, 1))
        gone = np.zeros(1, bool)
        replay(session, session.bound["train"], index, tables, (losses, correct), gone)
        return losses.sum() / (count * batch), correct.sum() / (count * batch)

    def step_many(count):
        for _ in range(max(1, count // steps)):
            metrics = run(min(count, steps))
        return metrics

    return step_many


def _limit(threads):
    from threadpoolctl import threadpool_limits

    threadpool_limits(threads)
