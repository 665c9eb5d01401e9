"""Lightning's `Trainer.fit` over a DataLoader."""

import logging

from rivals import torch_loop

LABEL = "Lightning, DataLoader"
NOTE = "logger, checkpoints, progress bar, summary off; loss and accuracy logged once an epoch"
REQUIRES = ("torch", "lightning")


def module(threads):
    """Return the MLP as a LightningModule that logs loss and accuracy by epoch."""
    import lightning
    import torch
    from torch import nn

    class Classifier(lightning.LightningModule):
        def __init__(self):
            super().__init__()
            self.model = torch_loop.network(threads)
            self.criterion = nn.CrossEntropyLoss()

        def training_step(self, batch, index):  # noqa: ARG002 - the signature is Lightning's
            x, y = batch
            logits = self.model(x)
            loss = self.criterion(logits, y)
            accuracy = (logits.argmax(1) == y).float().mean()
            values = {"loss": loss, "accuracy": accuracy}
            self.log_dict(values, on_step=False, on_epoch=True, batch_size=len(y))
            return loss

        def configure_optimizers(self):
            return torch.optim.SGD(self.parameters(), lr=0.01)

    return Classifier()


def fitting(loader, threads, classifier=None):
    """Return `step_many` over `Trainer.fit`: whole epochs, or the first steps of one."""
    import lightning

    logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
    classifier, steps = classifier or module(threads), len(loader)

    def step_many(count):
        trainer = lightning.Trainer(
            max_epochs=max(1, count // steps),
            limit_train_batches=min(count, steps),
            accelerator="cpu",
            devices=1,
            logger=False,
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
        )
        trainer.fit(classifier, loader)
        measured = trainer.callback_metrics
        return measured["loss"].item(), measured["accuracy"].item()

    return step_many


def prepare(images, labels, batch, threads):
    from torch.utils.data import DataLoader, TensorDataset

    dataset = TensorDataset(*torch_loop.tensors(images, labels))
    return fitting(DataLoader(dataset, batch_size=batch, shuffle=True), threads)
