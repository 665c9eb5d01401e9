"""steepest's update rules on the torch engine, whose compiled chains share torch's threads."""

import ours_rule

LABEL = "steepest, torch engine"
NOTE = "as on NumPy; large chains are done by all of torch's threads"
REQUIRES = ("steepest", "torch")
RULES = ours_rule.RULES


def prepare(rule, size, threads):
    import torch

    torch.set_num_threads(threads)
    return ours_rule.prepare(rule, size, threads, name="torch")
