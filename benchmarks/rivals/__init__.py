"""The libraries we are timed beside: one file each, written as its users write it.

A contender is a module with

* `LABEL`, one line for the table; `NOTE`, what a reader must know about how it is run;
* `REQUIRES`, the modules that must be importable;
* `prepare(images, labels, batch, threads) -> step_many`: images uint8 (48000, 28, 28, 1), labels
  int64; `step_many(count)` does `count` training steps on shuffled mini-batches and returns
  (mean training loss, training accuracy) of those steps. `count` is either below the steps of an
  epoch or a whole number of epochs;
* optionally `ENVIRONMENT`, variables its process needs; `ALONE = True`, it cannot share a process;
  `WHOLE_EPOCHS = True`, it only runs whole epochs.

Heavy libraries are imported inside `prepare`, so that the list of contenders costs nothing.
"""
