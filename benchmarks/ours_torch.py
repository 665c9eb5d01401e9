"""steepest on its torch engine."""

from ours import prepare as prepare_on

LABEL = "steepest, torch engine"
NOTE = "the same programs on ATen kernels with planned buffers"
REQUIRES = ("steepest", "torch")


def prepare(images, labels, batch, threads):
    import torch

    torch.set_num_threads(threads)
    return prepare_on(images, labels, batch, threads, engine="torch")
