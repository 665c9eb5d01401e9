"""PyTorch with the whole step compiled as one graph, by functional gradients."""

from rivals import torch_loop

LABEL = "PyTorch, whole step compiled"
NOTE = "torch.func.grad_and_value, the SGD update and the metrics in one torch.compile graph"
REQUIRES = ("torch",)


def compiled(model):
    """Return one compiled function: step on a mini-batch, give its loss and correct answers."""
    import torch
    from torch.nn import functional

    params = {name: param.detach().clone() for name, param in model.named_parameters()}

    def objective(params, x, y):
        logits = torch.func.functional_call(model, params, (x,))
        return functional.cross_entropy(logits, y), logits

    slope = torch.func.grad_and_value(objective, has_aux=True)

    @torch.compile
    def step(params, x, y):
        gradients, (loss, logits) = slope(params, x, y)
        for name, param in params.items():
            param.sub_(gradients[name], alpha=0.01)
        return loss, (logits.argmax(1) == y).sum()

    return lambda x, y: step(params, x, y)


def prepare(images, labels, batch, threads):
    import torch

    step = compiled(torch_loop.network(threads))
    x, y = torch_loop.tensors(images, labels)
    steps = len(x) // batch

    def step_many(count):
        for _ in range(max(1, count // steps)):
            some = min(count, steps)
            total, correct = torch.zeros(()), torch.zeros((), dtype=torch.int64)
            for _, (xs, ys) in zip(range(some), torch_loop.shuffled(x, y, batch), strict=False):
                loss, right = step(xs, ys)
                total += loss
                correct += right
        return total.item() / some, correct.item() / (some * batch)

    return step_many
