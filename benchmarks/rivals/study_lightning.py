"""The study by Lightning's `Trainer.fit`, mini-batches indexed in memory: the fast habit."""

import logging
import warnings

import workload

from rivals import study_torch
from rivals.lightning_memory import Epoch


def run(cells):
    """Train every cell; return test accuracies."""
    warnings.simplefilter("ignore")
    logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
    parts = study_torch.tensors()
    return [train(cell, parts) for cell in cells]


def train(cell, parts):
    import lightning

    net = study_torch.network(cell.seed)
    trainer = lightning.Trainer(
        max_epochs=workload.EPOCHS, accelerator="cpu", devices=1, logger=False,
        enable_checkpointing=False, enable_progress_bar=False, enable_model_summary=False,
        num_sanity_val_steps=0,
    )  # fmt: skip
    loaders = [Epoch(*parts["train"], workload.BATCH), Whole(parts["validation"])]
    trainer.fit(module(cell, net), *loaders)
    return study_torch.accuracy(net, *parts["test"])


class Whole:
    """One batch of everything; a list would be taken for several loaders."""

    def __init__(self, batch):
        self.batch = batch

    def __len__(self):
        return 1

    def __iter__(self):
        return iter((self.batch,))


def module(cell, net):
    """Return the network as a LightningModule that logs loss and accuracy by epoch."""
    import lightning
    from torch.nn.functional import cross_entropy

    class Classifier(lightning.LightningModule):
        def __init__(self):
            super().__init__()
            self.net = net

        def measured(self, batch, name):
            x, y = batch
            logits = self.net(x)
            loss = cross_entropy(logits, y)
            accuracy = (logits.argmax(1) == y).float().mean()
            values = {f"{name}_loss": loss, f"{name}_accuracy": accuracy}
            self.log_dict(values, on_step=False, on_epoch=True, batch_size=len(y))
            return loss

        def training_step(self, batch, index):  # noqa: ARG002 - the signature is Lightning's
            return self.measured(batch, "train")

        def validation_step(self, batch, index):  # noqa: ARG002 - see above
            self.measured(batch, "val")

        def configure_optimizers(self):
            return study_torch.optimizer(cell, self.parameters())

    return Classifier()
