"""PyTorch's plain loop with model, loss and the optimizer's step compiled."""

from rivals import torch_loop

LABEL = "PyTorch, torch.compile with optimizer"
NOTE = "as torch.compile, and optimizer.step compiled too; metrics stay eager"
REQUIRES = ("torch",)


def prepare(images, labels, batch, threads):
    import torch

    model = torch_loop.network(threads)
    x, y = torch_loop.tensors(images, labels)
    forward = torch.compile(torch_loop.eager(model))
    return torch_loop.loop(
        forward, model, lambda: torch_loop.shuffled(x, y, batch), len(x) // batch, compiled=True
    )
