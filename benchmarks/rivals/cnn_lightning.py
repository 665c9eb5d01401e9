"""Lightning's `Trainer.fit` over a convolutional net, channels-last tensors in memory."""

NOTE = "as rivals/lightning_memory.py: the fast habit; fused Adam, channels-last"
REQUIRES = ("torch", "lightning")


def prepare(model, batch, threads):
    import lightning
    import torch
    from torch.nn.functional import cross_entropy

    from rivals import cnn_torch, lightning_fit

    torch.set_num_threads(threads)
    images, labels = cnn_torch.examples(model)
    net = cnn_torch.ready(model, images).to(memory_format=torch.channels_last)

    class Classifier(lightning.LightningModule):
        def __init__(self):
            super().__init__()
            self.net = net

        def training_step(self, batch, index):  # noqa: ARG002 - the signature is Lightning's
            x, y = batch
            logits = self.net(x)
            loss = cross_entropy(logits, y)
            accuracy = (logits.argmax(1) == y).float().mean()
            values = {"loss": loss, "accuracy": accuracy}
            self.log_dict(values, on_step=False, on_epoch=True, batch_size=len(y))
            return loss

        def configure_optimizers(self):
            return torch.optim.Adam(self.parameters(), fused=True)

    return lightning_fit.fitting(Batches(images, labels, batch), threads, Classifier())


class Batches:
    """Random mini-batches without end, channels-last."""

    def __init__(self, images, labels, batch):
        self.images, self.labels, self.batch = images, labels, batch

    def __len__(self):
        return 10**6

    def __iter__(self):
        import torch

        while True:
            index = torch.randint(0, len(self.labels), (self.batch,))
            x = self.images[index].to(memory_format=torch.channels_last)
            yield x, self.labels[index]
