"""A recipe for CIFAR-10 in a plain PyTorch loop: crop, flip, Nesterov, warm-up, cosine."""

import math

BATCH, RATE, DECAY, SMOOTHING = 128, 0.1, 5e-4, 0.1


def train(width, examples, epochs, seed, threads, initial):
    """Return the test accuracy of ResNet18 with `width` filters first, after the last epoch."""
    import torch
    from torch.nn.functional import cross_entropy

    torch.set_num_threads(threads)
    torch.manual_seed(seed)
    x, y, test_x, test_y = arrays(examples, seed)
    mean, spread = x.mean((0, 2, 3), keepdim=True), x.std((0, 2, 3), keepdim=True)
    test_x = (test_x - mean) / spread
    net = network(width, x[:2], initial).to(memory_format=torch.channels_last)
    optimizer = torch.optim.SGD(groups(net), lr=RATE, momentum=0.9, nesterov=True)
    per_epoch = math.ceil(len(y) / BATCH)
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda step: rate(step, per_epoch, epochs * per_epoch)
    )
    for _ in range(epochs):
        net.train()
        for rows in torch.randperm(len(y)).split(BATCH):
            images = (augmented(x[rows]) - mean) / spread
            images = images.contiguous(memory_format=torch.channels_last)
            optimizer.zero_grad()
            cross_entropy(net(images), y[rows], label_smoothing=SMOOTHING).backward()
            optimizer.step()
            schedule.step()
    net.eval()
    with torch.no_grad():
        hits = sum(
            (net(x).argmax(1) == y).sum()
            for x, y in zip(test_x.split(500), test_y.split(500), strict=True)
        )
    return int(hits) / len(test_y)


def arrays(examples, seed):
    """Return images (N, C, H, W) in [0, 1] and labels, of training and test."""
    import torch

    from steepest.data import load

    data = load("cifar10")
    kept = torch.randperm(data.n, generator=torch.Generator().manual_seed(seed))[:examples]
    x, test_x = (
        torch.from_numpy(images.copy()).permute(0, 3, 1, 2).float() / 255
        for images in (data.x, data.test_x)
    )
    y, test_y = (torch.from_numpy(labels.copy()) for labels in (data.y, data.test_y))
    return x[kept], y[kept], test_x, test_y


def network(width, images, initial):
    """Return ResNet18 as ordinary modules; "fan_in" are PyTorch's own initial values."""
    from torch import nn

    from rivals import cnn_torch
    from steepest.nn import zoo

    net = cnn_torch.network(zoo.ARCHS["resnet18"](width=width).root)
    net(images)
    for module in net.modules() if initial == "he" else ():
        if isinstance(module, nn.Conv2d | nn.Linear):
            nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
    return net


def groups(net):
    """Return the weights, which decay, and biases, gains and shifts, which do not."""
    weights = [p for p in net.parameters() if p.ndim > 1]
    others = [p for p in net.parameters() if p.ndim == 1]
    return [{"params": weights, "weight_decay": DECAY}, {"params": others, "weight_decay": 0.0}]


def rate(step, warm, total):
    """Return the factor of the learning rate: linear over `warm` steps, then half a cosine."""
    if step < warm:
        return (step + 1) / warm
    return 0.5 * (1 + math.cos(math.pi * (step - warm) / (total - warm)))


def augmented(x):
    """Return windows of images padded by 4, half of them mirrored."""
    import torch
    from torch.nn.functional import pad

    wide = pad(x, (4, 4, 4, 4))
    moves = torch.randint(0, 9, (len(x), 2)).tolist()
    mirrored = (torch.rand(len(x)) < 0.5).tolist()
    windows = [image[:, i : i + 32, j : j + 32] for image, (i, j) in zip(wide, moves, strict=True)]
    return torch.stack(
        [w.flip(2) if turned else w for w, turned in zip(windows, mirrored, strict=True)]
    )
