"""PyTorch with its DataLoader, the tutorial's way."""

from rivals import torch_loop

LABEL = "PyTorch, DataLoader"
NOTE = "TensorDataset of float32 tensors in memory, DataLoader(shuffle=True), no worker processes"
REQUIRES = ("torch",)


def prepare(images, labels, batch, threads):
    from torch.utils.data import DataLoader, TensorDataset

    model = torch_loop.network(threads)
    dataset = TensorDataset(*torch_loop.tensors(images, labels))
    loader = DataLoader(dataset, batch_size=batch, shuffle=True)
    return torch_loop.loop(torch_loop.eager(model), model, lambda: iter(loader), len(loader))
