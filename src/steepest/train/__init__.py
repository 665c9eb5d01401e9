"""Training: the generator of epochs, state, measurements, and the Keras-like `Model`."""
