"""The plain PyTorch loop: tensors in memory, a permutation, eager modules."""

import mnist

LABEL = "PyTorch, plain loop"
NOTE = "float32 tensors in memory indexed by a permutation; loss and accuracy read once an epoch"
REQUIRES = ("torch",)


def network(threads):
    """Return the MLP 784-128-64-10 as PyTorch users write it."""
    import torch
    from torch import nn

    torch.set_num_threads(threads)
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Linear(784, 128), nn.ReLU(), nn.Linear(128, 64), nn.ReLU(), nn.Linear(64, 10)
    )


def tensors(images, labels):
    """Return the images as float32 rows and the labels, as tensors in memory."""
    import torch

    return torch.from_numpy(mnist.scaled(images)), torch.from_numpy(labels)


def shuffled(x, y, batch):
    """Yield one epoch of gathered mini-batches in a new order."""
    import torch

    order = torch.randperm(len(x))
    for start in range(0, len(x), batch):
        index = order[start : start + batch]
        yield x[index], y[index]


def loop(forward, model, epoch, steps):
    """Return `step_many` over `epoch()`, an iterator of mini-batches, `steps` of them an epoch.

    `forward(x, y)` gives the loss and the logits; the rest is the usual eager step.
    """
    import torch

    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)

    def run(count):
        total, correct = torch.zeros(()), torch.zeros((), dtype=torch.int64)
        for _, (x, y) in zip(range(count), epoch(), strict=False):
            optimizer.zero_grad()
            loss, logits = forward(x, y)
            loss.backward()
            optimizer.step()
            total += loss.detach()
            correct += (logits.argmax(1) == y).sum()
        return total.item() / count, correct.item() / (count * len(y))

    def step_many(count):
        for _ in range(max(1, count // steps)):
            metrics = run(min(count, steps))
        return metrics

    return step_many


def eager(model):
    """Return the loss and logits of a mini-batch, op by op."""
    from torch import nn

    criterion = nn.CrossEntropyLoss()

    def forward(x, y):
        logits = model(x)
        return criterion(logits, y), logits

    return forward


def prepare(images, labels, batch, threads):
    model = network(threads)
    x, y = tensors(images, labels)
    return loop(eager(model), model, lambda: shuffled(x, y, batch), len(x) // batch)
