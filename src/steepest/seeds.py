"""Everything random has a name and a seed; there is no global generator.

`stream(seed, "order", epoch)` is a NumPy generator that depends on nothing but its arguments, so
there is no generator state to save, and a resumed run draws what an uninterrupted one would.
`mix64` gives the two 32-bit words from which the random primitives of a program are hashed.
"""

import hashlib

import numpy as np

MASK64 = (1 << 64) - 1


def stream(seed: int, *names: str | int) -> np.random.Generator:
    """Return the generator of a named stream (Philox, Salmon et al. 2011, counter based).

    >>> bool(stream(0, "order", 1).integers(100) == stream(0, "order", 1).integers(100))
    True
    """
    text = "/".join([str(seed), *map(str, names)])
    key = int.from_bytes(hashlib.sha256(text.encode()).digest()[:16], "little")
    return np.random.Generator(np.random.Philox(key=key))


def mix64(seed: int, step: int) -> tuple[int, int]:
    """Hash a run's seed and a step to two 32-bit words (splitmix64, Steele et al. 2014).

    >>> mix64(0, 0) == mix64(0, 1)
    False
    """
    z = (seed * 0x9E3779B97F4A7C15 + step * 0xD1342543DE82EF95 + 0x9E3779B97F4A7C15) & MASK64
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & MASK64
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & MASK64
    z ^= z >> 31
    return z & 0xFFFFFFFF, z >> 32


def keys(seed: int, steps: np.ndarray) -> np.ndarray:
    """Return `mix64` of many steps at once: uint32 of shape (len(steps), 2).

    >>> keys(3, np.array([7]))[0].tolist() == list(mix64(3, 7))
    True
    """
    with np.errstate(over="ignore"):
        start = (seed * 0x9E3779B97F4A7C15 + 0x9E3779B97F4A7C15) & MASK64
        z = steps.astype(np.uint64) * np.uint64(0xD1342543DE82EF95) + np.uint64(start)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        z ^= z >> np.uint64(31)
    halves = np.stack([z & np.uint64(0xFFFFFFFF), z >> np.uint64(32)], axis=-1)
    return halves.astype(np.uint32)
