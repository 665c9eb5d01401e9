"""The study by plain PyTorch loops: tensors in memory, an ordinary optimizer, one run at a time."""

import os

import workload

RULES = {
    "sgd": ("SGD", {}),
    "momentum": ("SGD", {"momentum": 0.9}),
    "adagrad": ("Adagrad", {}),
    "rmsprop": ("RMSprop", {}),
    "adam": ("Adam", {}),
    "adamw": ("AdamW", {}),
    "nadam": ("NAdam", {}),
}


def tensors():
    """Return (images, labels) of each part as tensors, on as many threads as there should be."""
    import torch

    torch.set_num_threads(int(os.environ["OMP_NUM_THREADS"]))
    parts = workload.prepared()
    return {name: tuple(map(torch.from_numpy, pair)) for name, pair in parts.items()}


def network(seed):
    import torch
    from torch import nn

    torch.manual_seed(seed)
    return nn.Sequential(
        nn.Linear(784, 128), nn.ReLU(), nn.Linear(128, 64), nn.ReLU(), nn.Linear(64, 10)
    )


def optimizer(cell, parameters):
    import torch

    name, options = RULES[cell.rule]
    return getattr(torch.optim, name)(parameters, lr=cell.rate, **options)


def accuracy(net, x, y):
    import torch

    with torch.no_grad():
        return (net(x).argmax(1) == y).float().mean().item()


def run(cells):
    """Train every cell; return test accuracies."""
    parts = tensors()
    return [train(cell, parts) for cell in cells]


def train(cell, parts):
    import torch
    from torch.nn.functional import cross_entropy

    net = network(cell.seed)
    rule = optimizer(cell, net.parameters())
    x, y = parts["train"]
    for _ in range(workload.EPOCHS):
        order = torch.randperm(len(x))
        total, right = torch.zeros(()), torch.zeros((), dtype=torch.int64)
        for start in range(0, len(x), workload.BATCH):
            index = order[start : start + workload.BATCH]
            own, labels = x[index], y[index]
            rule.zero_grad()
            logits = net(own)
            loss = cross_entropy(logits, labels)
            loss.backward()
            rule.step()
            total += loss.detach()
            right += (logits.argmax(1) == labels).sum()
        total.item(), right.item(), accuracy(net, *parts["validation"])
    return accuracy(net, *parts["test"])
