"""Which channels stay: scores of groups turned into a decision, within families or across them."""

from typing import Any

import numpy as np

from steepest.compress.dependency import Dependency, check_kept
from steepest.compress.mask import check_scope, check_sparsity, lowest, portion
from steepest.errors import UsageError

Array = np.ndarray[Any, Any]


def choose_channels(
    found: Dependency, scores: Array, sparsity: float, scope: str = "layer"
) -> Array:
    """Return for every group whether it stays; a fraction `sparsity` of the free ones goes.

    Scope "layer" removes floor(s n) of each family of n groups (channels made by the same layers).
    Scope "global" compares scores across families, each divided by its family's mean, because
    norms grow with the size of a layer's window. Raises UsageError where nothing may be removed or
    a layer would be emptied.
    """
    check_sparsity(sparsity)
    if not found.families:
        raise UsageError(
            "this network has no channels that may be removed: every layer is tied to the input, "
            "the classes, or a normalization across channels; prune single weights instead"
        )
    kept = np.ones(found.size, bool)
    if check_scope(scope) == "layer":
        for family in found.families:
            groups = np.array(family)
            kept[groups] = ~lowest(scores[groups], portion(sparsity, len(groups)))
    else:
        relative = np.array(scores, float)
        for family in found.families:
            own = relative[list(family)]
            left = own[np.isfinite(own)]  # what an earlier cut took away is at minus infinity
            relative[list(family)] = own / max(float(left.mean()) if left.size else 0.0, 1e-300)
        groups = np.array(found.free)
        kept[groups] = ~lowest(relative[groups], portion(sparsity, len(groups)))
    check_kept(found, kept)
    return kept
