"""The study by Keras' `fit` on TensorFlow: a model compiled for every run."""

import os

import workload


def run(cells):
    """Train every cell; return test accuracies."""
    os.environ["KERAS_BACKEND"] = "tensorflow"
    import tensorflow as tf

    threads = int(os.environ["OMP_NUM_THREADS"])
    tf.config.threading.set_intra_op_parallelism_threads(threads)
    tf.config.threading.set_inter_op_parallelism_threads(threads)
    parts = workload.prepared()
    return [train(cell, parts) for cell in cells]


def train(cell, parts):
    import keras
    from keras import layers

    keras.backend.clear_session()
    keras.utils.set_random_seed(cell.seed)
    net = keras.Sequential(
        [
            keras.Input((784,)),
            layers.Dense(128, activation="relu"),
            layers.Dense(64, activation="relu"),
            layers.Dense(10),
        ]
    )
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    net.compile(optimizer=optimizer(cell), loss=loss, metrics=["accuracy"])
    net.fit(
        *parts["train"], batch_size=workload.BATCH, epochs=workload.EPOCHS,
        validation_data=parts["validation"], validation_batch_size=workload.VALIDATION, verbose=0,
    )  # fmt: skip
    return net.evaluate(*parts["test"], batch_size=workload.TEST, verbose=0)[1]


def optimizer(cell):
    from keras import optimizers

    known = {
        "sgd": optimizers.SGD,
        "momentum": lambda rate: optimizers.SGD(rate, momentum=0.9),
        "adagrad": optimizers.Adagrad,
        "rmsprop": optimizers.RMSprop,
        "adam": optimizers.Adam,
        "adamw": optimizers.AdamW,
        "nadam": optimizers.Nadam,
    }
    return known[cell.rule](cell.rate)
