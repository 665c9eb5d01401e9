"""Lightning's `Trainer.fit` over tensors in memory, without DataLoader."""

from rivals import lightning_fit, torch_loop

LABEL = "Lightning, tensors in memory"
NOTE = "as Lightning, the mini-batches indexed as in the plain loop: the fast habit"
REQUIRES = ("torch", "lightning")


class Epoch:
    """One epoch of mini-batches in a new order each time it is iterated."""

    def __init__(self, x, y, batch):
        self.x, self.y, self.batch = x, y, batch

    def __len__(self):
        return len(self.x) // self.batch

    def __iter__(self):
        return torch_loop.shuffled(self.x, self.y, self.batch)


def prepare(images, labels, batch, threads):
    epoch = Epoch(*torch_loop.tensors(images, labels), batch)
    return lightning_fit.fitting(epoch, threads)
