"""Keras' `fit` on its TensorFlow backend."""

import mnist

LABEL = "Keras fit (TensorFlow)"
NOTE = "default steps_per_execution=1, metrics accuracy, verbose 0, NumPy arrays in memory"
REQUIRES = ("keras", "tensorflow")
ENVIRONMENT = {"KERAS_BACKEND": "tensorflow"}


def compiled():
    """Return the compiled MLP 784-128-64-10; logits in the loss, which favours Keras.

    No seed is set: with one, every call of `fit` on TensorFlow repeats the same order.
    """
    import keras
    from keras import layers

    model = keras.Sequential(
        [
            keras.Input((784,)),
            layers.Dense(128, activation="relu"),
            layers.Dense(64, activation="relu"),
            layers.Dense(10),
        ]
    )
    model.compile(
        optimizer=keras.optimizers.SGD(learning_rate=0.01),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
    )
    return model


def fitting(images, labels, batch):
    """Return `step_many` over `model.fit`: whole epochs, or the first steps of one."""
    model, x, steps = compiled(), mnist.scaled(images), len(images) // batch

    def step_many(count):
        some = count if count < steps else None
        history = model.fit(
            x,
            labels,
            batch_size=batch,
            epochs=max(1, count // steps),
            steps_per_epoch=some,
            shuffle=True,
            verbose=0,
        ).history
        return history["loss"][-1], history["accuracy"][-1]

    return step_many


def prepare(images, labels, batch, threads):
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(threads)
    tf.config.threading.set_inter_op_parallelism_threads(threads)
    return fitting(images, labels, batch)
