"""torch.optim's update rules with `fused=True`, for those that have it on the CPU."""

from rivals import rule_torch

LABEL = "torch.optim, fused=True"
NOTE = "one kernel a parameter; RMSprop and NAdam have none"
REQUIRES = ("torch",)

FUSED = ("SGD", "Momentum", "Nesterov", "AdaGrad", "Adam", "AdamW")
RULES = {name: rule_torch.RULES[name] for name in FUSED}


def prepare(rule, size, threads):
    return rule_torch.prepare(rule, size, threads, fused=True)
