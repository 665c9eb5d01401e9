"""steepest's update rules on the NumPy engine: the recorded chain over one flat vector."""

LABEL = "steepest, NumPy engine"
NOTE = "the rule's program alone, planned and replayed; compiled to C where cc is found"
REQUIRES = ("steepest",)

RULES = {
    "SGD": "sgd", "Momentum": "momentum", "Nesterov": "nesterov", "AdaGrad": "adagrad",
    "RMSProp": "rmsprop", "Adam": "adam", "AdamW": "adamw", "NAdam": "nadam",
}  # fmt: skip


def prepare(rule, size, threads, name="numpy"):  # noqa: ARG001 - rivals limit their threads here
    import numpy as np

    from steepest.engine.choice import make_engine
    from steepest.engine.executor import bind_programs
    from steepest.optim import RULES as KNOWN
    from steepest.optim.rule import coefficient_names, coefficient_table
    from steepest.program import F, Recorder

    instance = KNOWN[RULES[rule]](lr=1e-3)
    names = coefficient_names([instance])
    recorder = Recorder()
    p, g = recorder.input("params", (1, size)), recorder.input("gradient", (1, size))
    slots = {n: recorder.input(f"slot.{n}", (1, size)) for n in instance.slots}
    table = recorder.input("coefficients", (len(names), 1, 1))
    c = {
        n: F.reshape(F.part(table, axis=0, start=k, stop=k + 1), shape=(1, 1))
        for k, n in enumerate(names)
    }
    new, after = instance.step(p, g, slots, c)
    pairs = {"params": (p, new), **{f"slot.{n}": (s, after[n]) for n, s in slots.items()}}
    engine = make_engine(name)
    program = recorder.program({}, pairs)
    bound = bind_programs({"update": program}, engine, {})["update"]
    generator = np.random.default_rng(0)
    engine.write(bound.inputs["params"], generator.standard_normal((1, size)))
    engine.write(bound.inputs["gradient"], 1e-2 * generator.standard_normal((1, size)))
    steps = np.arange(1, 10_001)
    rows = coefficient_table([instance], steps, np.full((len(steps), 1), 1e-3))[1].astype("f4")
    place, scalars = iter(range(10**12)), engine.numpy(bound.inputs["coefficients"])

    def update_many(count):
        for _ in range(count):
            np.copyto(scalars, rows[next(place) % len(rows)])
            bound.replay()

    return update_many
