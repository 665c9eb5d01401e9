"""One look for every arm, in pages and figures: colour, dash, and the signs of the verdict words.

Colours are told apart by people with any colour vision (after Okabe & Ito 2008, darkened to a
contrast of 3 to 1 on white and lightened likewise for the dark page); colour is never alone: a dash
pattern goes with it. Look 0 is neutral and belongs to the reference arm.
"""

from collections.abc import Sequence

LIGHT = (
    "#4a5563", "#0072b2", "#d55e00", "#008f68", "#b0548c",
    "#a87400", "#2f8fcb", "#7a4fb5", "#8a5a44",
)  # fmt: skip
DARK = (
    "#b6c0cc", "#4ea8e8", "#ff8b4d", "#2cc79b", "#e597c6",
    "#e6b13e", "#8fd3ff", "#b59af0", "#d0a088",
)  # fmt: skip
DASHES: tuple[tuple[int, ...], ...] = (
    (), (8, 2), (2, 2), (10, 2, 2, 2), (5, 3), (12, 3), (3, 1), (6, 2, 1, 2, 1, 2), (10, 5),
)  # fmt: skip
SIGNS = {
    "better": "▲", "worse": "▼", "equivalent": "≈", "not distinguishable": "?", "holds": "✓",
    "does not hold": "✗",
}  # fmt: skip


def looks(names: Sequence[str], reference: str | None) -> list[int]:
    """Return the look of each arm, in order: 0 for the reference, 1, 2, ... for the others.

    >>> looks(["adam", "sgd", "muon"], "sgd")
    [1, 0, 2]
    """
    others = iter(range(1, len(names) + 1))
    return [0 if name == reference else next(others) for name in names]


def colour(look: int) -> int:
    """Return the index into `LIGHT` and `DARK`; the neutral one is not used again.

    >>> [colour(look) for look in (0, 1, 8, 9)]
    [0, 1, 8, 1]
    """
    return 0 if look == 0 else 1 + (look - 1) % (len(LIGHT) - 1)


def dash(look: int) -> tuple[int, ...]:
    """Return the dash pattern; looks that share a colour differ in their dash.

    >>> dash(0), dash(1) == dash(9)
    ((), False)
    """
    if look == 0:
        return DASHES[0]
    turn, place = divmod(look - 1, len(LIGHT) - 1)
    return DASHES[1 + (place + turn) % (len(DASHES) - 1)]
