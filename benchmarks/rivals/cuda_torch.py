"""PyTorch's ways on a CUDA device for `gpu.py`: each returns (epoch(), notes())."""

from itertools import count, pairwise

import ours_cnn

CLASSES = ours_cnn.CLASSES


def plain(model, dataset, given, compiled):
    """Return a plain loop's way: autocast, channels-last, data on the device."""
    import torch

    module = counterpart(model).to(given.device, memory_format=torch.channels_last)
    x = torch.from_numpy(dataset.x.copy()).to(given.device).permute(0, 3, 1, 2)
    x = x.contiguous(memory_format=torch.channels_last)
    y = torch.from_numpy(dataset.y.copy()).to(given.device)
    optimizer = torch.optim.SGD(module.parameters(), lr=0.01, momentum=0.9, fused=True)

    def loss_of(images, labels):
        with torch.autocast(given.device, torch.bfloat16):
            output = module(images.float().div(255))
            loss = torch.nn.functional.cross_entropy(output, labels)
        return loss, (output.detach().argmax(1) == labels).sum()

    forward = torch.compile(loss_of, dynamic=False) if compiled else loss_of

    def epoch():
        order = torch.randperm(len(y), device=given.device)
        total = torch.zeros((), device=given.device)
        for rows in order.split(given.batch):
            optimizer.zero_grad()
            loss, hits = forward(x[rows], y[rows])
            loss.backward()
            optimizer.step()
            total += loss.detach() + 0 * hits

    return epoch, dict


def counterpart(model):
    """Return a net of the zoo as an ordinary module with our initial values."""
    from steepest.nn.arch import initial_value, initial_values
    from steepest.nn.zoo import ARCHS
    from steepest.train.state import State
    from steepest.train.torch_net import to_torch

    arch = ARCHS[model]()
    declared = arch.declare(ours_cnn.CIFAR, CLASSES)
    arrays = {"params": initial_values(declared.leaves, 0)}
    arrays |= {f"stat.{leaf.name}": initial_value(leaf, 0) for leaf in declared.statistics}
    about = {"shape": ours_cnn.CIFAR, "width": CLASSES, "precision": "float32", "fixed": {}}
    return to_torch(arch, State(0, arrays), about)


def stacked(runs, dataset, given):
    """Return the way of torch.func: gradients by vmap, one Adam for all."""
    import torch

    x = torch.from_numpy(dataset.x.copy()).to(given.device).flatten(1)
    y = torch.from_numpy(dataset.y.copy()).to(given.device)
    sizes = (x.shape[1], 128, 64, CLASSES)
    params = [
        torch.randn(runs, *shape, device=given.device).mul_(0.05)
        for n, m in pairwise(sizes)
        for shape in ((n, m), (m,))
    ]
    rates = torch.tensor([1e-3 * (1 + run % 5) for run in range(runs)], device=given.device)
    moments = [(torch.zeros_like(p), torch.zeros_like(p)) for p in params]

    def loss(own, images, labels):
        for k in range(0, len(own), 2):
            images = torch.addmm(own[k + 1], images, own[k])
            images = images.relu() if k + 2 < len(own) else images
        return torch.nn.functional.cross_entropy(images, labels)

    slopes = torch.vmap(torch.func.grad(loss))
    steps = count(1)

    def update(gradients, t):
        for p, g, (m, v) in zip(params, gradients, moments, strict=True):
            m.lerp_(g, 0.1)
            v.mul_(0.999).addcmul_(g, g, value=0.001)
            scale = (rates / (1 - 0.9**t)).view(-1, *(1,) * (p.dim() - 1))
            p.sub_(scale * m / ((v / (1 - 0.999**t)).sqrt_() + 1e-8))

    @torch.no_grad()
    def epoch():
        orders = torch.rand(runs, len(y), device=given.device).argsort(1)
        for rows in orders.split(64, dim=1):
            update(slopes(params, x[rows].float().div(255), y[rows]), next(steps))

    return epoch, dict
