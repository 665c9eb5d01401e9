"""Keras' `fit` over a convolutional net, on TensorFlow or JAX."""

NOTE = "fit with default steps_per_execution=1, metrics accuracy, NumPy arrays in memory"
REQUIRES = ("keras", "tensorflow")


def network(layer, x):
    """Return the output of a composition of the zoo as Keras' layers, channels last."""
    from keras import layers

    from steepest import nn as ours

    if isinstance(layer, ours.Chain):
        for part in layer.layers:
            x = network(part, x)
        return x
    if isinstance(layer, ours.Residual):
        across = network(layer.shortcut, x) if layer.shortcut else x
        return layers.add([network(layer.body, x), across])
    if isinstance(layer, ours.Graph):
        known = {"x": x}
        for node in layer.nodes:
            inputs = [known[name] for name in node.inputs]
            known[node.name] = network(node.layer, layers.add(inputs) if inputs[1:] else inputs[0])
        return known[layer.nodes[-1].name]
    return single(layer)(x)


def single(layer):
    from keras import layers

    from steepest import nn as ours

    if isinstance(layer, ours.Conv2D):
        how = {"strides": layer.stride, "padding": "same", "use_bias": layer.bias}
        return layers.Conv2D(layer.filters, layer.kernel, **how)
    if isinstance(layer, ours.Linear):
        return layers.Dense(10 if layer.units == "classes" else layer.units)
    plain = {
        ours.BatchNorm: layers.BatchNormalization,
        ours.ReLU: layers.ReLU,
        ours.MaxPool: layers.MaxPooling2D,
        ours.Flatten: layers.Flatten,
        ours.Dropout: lambda: layers.Dropout(layer.rate),
        ours.GlobalAveragePool: layers.GlobalAveragePooling2D,
    }
    return plain[type(layer)]()


def prepare(model, batch, threads):
    import keras
    import numpy as np
    from ours_cnn import CLASSES, EXAMPLES, shape_of

    from steepest.nn import zoo

    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        tf.config.threading.set_intra_op_parallelism_threads(threads)
        tf.config.threading.set_inter_op_parallelism_threads(threads)
    rng, shape = np.random.default_rng(0), shape_of(model)
    images = rng.integers(0, 256, (EXAMPLES, *shape)).astype("f4") / 255
    labels = rng.integers(0, CLASSES, EXAMPLES)
    x = keras.Input(shape)
    net = keras.Model(x, network(zoo.ARCHS[model]().root, x))
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    net.compile(optimizer=keras.optimizers.Adam(), loss=loss, metrics=["accuracy"])

    def step_many(count):
        rows = np.resize(np.arange(EXAMPLES), count * batch)
        seen = net.fit(images[rows], labels[rows], batch_size=batch, verbose=0).history
        return seen["loss"][-1], seen["accuracy"][-1]

    return step_many
