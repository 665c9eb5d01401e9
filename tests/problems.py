"""The only place to add a case to a matrix of tests: rules, layers, networks.

Keep entries small: every one is run by several tests.
"""

from steepest.nn import zoo
from steepest.optim import RULES

RULE_CASES = {
    **{name: rule() for name, rule in RULES.items()},
    **{f"{name} with weight decay": rule(weight_decay=0.05) for name, rule in RULES.items()},
}

NETS = {
    "mlp": zoo.mlp(hidden=(12, 9)),
    "mlp with dropout": zoo.mlp(hidden=(12, 9), dropout=0.3),
    "mlp with penalties": zoo.mlp(hidden=(8,), l1=1e-3, l2=1e-2),
}
