"""The arena: one stretch of memory, handed out by best fit and taken back by liveness."""

from steepest.program.trace import Value

WIDE = {"int": 8, "word": 4, "byte": 1}


class Arena:
    """Offsets into memory that need not exist yet; `size` is the peak in bytes."""

    def __init__(self, real_bytes: int, alignment: int) -> None:
        self.size = 0
        self._real = real_bytes
        self._alignment = alignment
        self._free: list[tuple[int, int]] = []  # (offset, bytes), sorted by offset
        self._taken: dict[int, int] = {}

    def bytes(self, value: Value) -> int:
        """Return the bytes a value takes, rounded up to the alignment."""
        raw = value.size * WIDE.get(value.kind, self._real)
        return -(-max(raw, 1) // self._alignment) * self._alignment

    def take(self, value: Value) -> int:
        """Return the offset of free memory for `value`: the smallest hole that holds it."""
        need = self.bytes(value)
        holes = [(size, offset) for offset, size in self._free if size >= need]
        if holes:
            size, offset = min(holes)
            self._free.remove((offset, size))
            if size > need:
                self._free.append((offset + need, size - need))
        else:
            offset = self.size
            self.size += need
        self._taken[offset] = need
        self._free.sort()
        return offset

    def give(self, offset: int) -> None:
        """Take back what was handed out at `offset`, joining neighbouring holes."""
        self._free.append((offset, self._taken.pop(offset)))
        self._free.sort()
        joined: list[tuple[int, int]] = []
        for start, size in self._free:
            if joined and sum(joined[-1]) == start:
                joined[-1] = (joined[-1][0], joined[-1][1] + size)
            else:
                joined.append((start, size))
        self._free = joined
