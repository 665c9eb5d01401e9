"""Engines: kernels for the primitives and an executor that replays a planned program."""
