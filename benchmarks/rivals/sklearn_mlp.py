"""scikit-learn's MLPClassifier, an epoch of mini-batches by `partial_fit`."""

import mnist

LABEL = "scikit-learn MLPClassifier"
NOTE = "partial_fit over the rows of the steps with batch_size set; it offers loss, no accuracy"
REQUIRES = ("sklearn",)


def prepare(images, labels, batch, threads):  # noqa: ARG001 - threads are set by the environment
    import numpy as np
    from sklearn.neural_network import MLPClassifier

    model = MLPClassifier(
        hidden_layer_sizes=(128, 64),
        solver="sgd",
        momentum=0.0,
        alpha=0.0,
        learning_rate_init=0.01,
        batch_size=batch,
        random_state=0,
    )
    x, steps, classes = mnist.scaled(images), len(images) // batch, np.arange(10)
    first = 0

    def step_many(count):
        nonlocal first
        rows = min(count, steps) * batch
        for _ in range(max(1, count // steps)):
            model.partial_fit(
                x[first : first + rows], labels[first : first + rows], classes=classes
            )
            first = first + rows if first + 2 * rows <= len(x) else 0
        return model.loss_, None

    return step_many
