"""PyTorch's usual loop over a convolutional net: eager or compiled, NCHW or channels-last."""

from functools import partial

NOTE = (
    "float32 tensors in memory, fused Adam, loss and hits added up on the way; torch.compile takes "
    "model and loss in its default mode"
)
REQUIRES = ("torch",)


def network(layer):
    """Return a composition of the zoo as ordinary modules with PyTorch's initial values."""
    from torch import nn

    from steepest import nn as ours

    if isinstance(layer, ours.Chain):
        return nn.Sequential(*map(network, layer.layers))
    if isinstance(layer, ours.Residual):
        across = network(layer.shortcut) if layer.shortcut else nn.Identity()
        return joined({"body": network(layer.body), "shortcut": across}, residual)
    if isinstance(layer, ours.Graph):
        parts = {node.name: network(node.layer) for node in layer.nodes}
        return joined(parts, partial(graph, [(n.name, n.inputs) for n in layer.nodes]))
    return single(layer)


def single(layer):
    """Return a single layer; numbers of inputs are read from the first batch, as Lazy modules."""
    from torch import nn

    from steepest import nn as ours

    if isinstance(layer, ours.Conv2D):
        how = {"stride": layer.stride, "padding": layer.margin, "bias": layer.bias}
        return nn.LazyConv2d(layer.filters, layer.kernel, **how)
    if isinstance(layer, ours.Linear):
        return nn.LazyLinear(10 if layer.units == "classes" else layer.units)
    plain = {
        ours.BatchNorm: nn.LazyBatchNorm2d,
        ours.ReLU: nn.ReLU,
        ours.MaxPool: partial(nn.MaxPool2d, 2),
        ours.Flatten: nn.Flatten,
        ours.Dropout: lambda: nn.Dropout(layer.rate),
        ours.GlobalAveragePool: lambda: nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten()),
    }
    return plain[type(layer)]()


def joined(parts, function):
    """Return a module of named parts whose forward pass is function(parts, x)."""
    from torch import nn

    class Joined(nn.Module):
        def __init__(self):
            super().__init__()
            self.parts = nn.ModuleDict(parts)

        def forward(self, x):
            return function(self.parts, x)

    return Joined()


def residual(parts, x):
    return parts["body"](x) + parts["shortcut"](x)


def graph(nodes, parts, x):
    known = {"x": x}
    for name, inputs in nodes:
        total = known[inputs[0]]
        for other in inputs[1:]:
            total = total + known[other]
        known[name] = parts[name](total)
    return known[nodes[-1][0]]


def examples(model):
    """Return images (N, C, H, W) float32 in [0, 1] and labels."""
    import torch
    from ours_cnn import CLASSES, EXAMPLES, shape_of

    height, width, channels = shape_of(model)
    torch.manual_seed(0)
    images = torch.randint(0, 256, (EXAMPLES, channels, height, width)).float().div_(255)
    return images, torch.randint(0, CLASSES, (EXAMPLES,))


def ready(model, images):
    """Return the net with its lazy numbers of inputs read from one image or two."""
    from steepest.nn import zoo

    net = network(zoo.ARCHS[model]().root)
    net(images[:2])
    return net


def prepare(model, batch, threads, last=False, compiled=False):
    import torch
    from torch.nn.functional import cross_entropy

    torch.set_num_threads(threads)
    images, labels = examples(model)
    net = ready(model, images)
    layout = torch.channels_last if last else torch.contiguous_format
    net = net.to(memory_format=layout)
    optimizer = torch.optim.Adam(net.parameters(), fused=True)

    def forward(x, y):
        logits = net(x)
        return cross_entropy(logits, y), (logits.detach().argmax(1) == y).sum()

    if compiled:
        forward = torch.compile(forward)

    def step_many(count):
        total, right = torch.zeros(()), torch.zeros((), dtype=torch.int64)
        for _ in range(count):
            index = torch.randint(0, len(labels), (batch,))
            x, y = images[index].to(memory_format=layout), labels[index]
            optimizer.zero_grad()
            loss, hits = forward(x, y)
            loss.backward()
            optimizer.step()
            total += loss.detach()
            right += hits
        return total.item() / count, right.item() / (count * batch)

    return step_many
