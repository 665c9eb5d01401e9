"""Keras' `fit` on its JAX backend."""

from rivals import keras_tensorflow

LABEL = "Keras fit (JAX), own process"
NOTE = "as Keras fit (TensorFlow); in its own process, for Keras fixes its backend at import"
REQUIRES = ("keras", "jax")
ENVIRONMENT = {"KERAS_BACKEND": "jax"}
ALONE = True


def prepare(images, labels, batch, threads):  # noqa: ARG001 - threads are set by the environment
    return keras_tensorflow.fitting(images, labels, batch)
