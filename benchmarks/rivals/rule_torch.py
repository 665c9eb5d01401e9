"""torch.optim's update rules with their default implementation."""

LABEL = "torch.optim"
NOTE = "default implementation on the CPU, one flat float32 parameter"
REQUIRES = ("torch",)

RULES = {
    "SGD": ("SGD", {}),
    "Momentum": ("SGD", {"momentum": 0.9}),
    "Nesterov": ("SGD", {"momentum": 0.9, "nesterov": True}),
    "AdaGrad": ("Adagrad", {}),
    "RMSProp": ("RMSprop", {}),
    "Adam": ("Adam", {}),
    "AdamW": ("AdamW", {}),
    "NAdam": ("NAdam", {}),
}


def prepare(rule, size, threads, **choice):
    import torch

    torch.set_num_threads(threads)
    torch.manual_seed(0)
    name, fields = RULES[rule]
    param = torch.nn.Parameter(torch.randn(size))
    param.grad = torch.randn(size) * 1e-2
    optimizer = getattr(torch.optim, name)([param], lr=1e-3, **fields, **choice)

    def update_many(count):
        for _ in range(count):
            optimizer.step()

    return update_many
