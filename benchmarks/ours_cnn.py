"""steepest's training step of a network of the zoo with Adam, as one recorded program."""

LABELS = {
    "torch": "steepest, torch engine",
    "torch-plain": "steepest, torch engine, nothing compiled",
    "torch-compile": "steepest, torch engine, --compile",
    "numpy": "steepest, NumPy engine",
}
EXAMPLES, CLASSES = 2048, 10
SHAPES = {"compact_cnn": (28, 28, 1), "baseline_cnn": (28, 28, 1), "enhanced_cnn": (28, 28, 1)}
CIFAR = (32, 32, 3)


def shape_of(model):
    """Return the shape of the images a model is timed on."""
    return SHAPES.get(model, CIFAR)


def engine_of(kind):
    """Return an engine by the name of its contender."""
    from steepest.engine.choice import make_engine

    name, _, how = kind.partition("-")
    options = {"plain": {"native": "off"}, "compile": {"compiled": True}, "": {}}
    return make_engine(name, **options[how])


def bind(model, batch, engine):
    """Return step(i) of the model's program on an engine, and the bound program."""
    import numpy as np

    from steepest.engine.executor import bind_programs
    from steepest.nn import CrossEntropy, zoo
    from steepest.nn.arch import initial_values
    from steepest.optim import Adam
    from steepest.optim.rule import coefficient_table
    from steepest.program.trace import Value
    from steepest.seeds import keys, stream
    from steepest.train.step import Task, train_program

    shape = shape_of(model)
    task = Task(zoo.ARCHS[model](), CrossEntropy(), shape, CLASSES, EXAMPLES, "byte", 1 / 255)
    generator = stream(0, "data")
    data = generator.integers(0, 256, (EXAMPLES, *shape)).astype(np.uint8)
    labels = generator.integers(0, CLASSES, EXAMPLES)
    declared, rules = task.declared, [Adam()]
    value = Value((1, declared.size), "real")
    shared = {
        "data": engine.array(Value(data.shape, "byte"), data),
        "targets": engine.array(Value(labels.shape, "int"), labels),
        "params": engine.array(value, initial_values(declared.leaves, 0)[None]),
        **{f"slot.{n}": engine.array(value) for n in rules[0].slots},
    }
    program = train_program(task, rules, batch)
    bound = bind_programs({"train": program}, engine, shared)["train"]
    table = coefficient_table(rules, np.arange(1, 1001), np.full((1000, 1), 1e-3))[1]
    words = keys(0, np.arange(1000))[:, None]
    order = generator.integers(0, EXAMPLES, (1000, 1, batch))

    def step(i):
        engine.write(bound.inputs["index"], order[i % 1000])
        if "key" in bound.inputs:
            engine.write(bound.inputs["key"], words[i % 1000])
        engine.write(bound.inputs["coefficients"], table[i % 1000])
        bound.replay()

    return step, bound


def prepare(model, batch, threads, engine):
    """Return step_many(count); the mini-batch is gathered from bytes within the program."""
    from threadpoolctl import threadpool_limits

    threadpool_limits(threads)
    if engine.startswith("torch"):
        import torch

        torch.set_num_threads(threads)
    step, _ = bind(model, batch, engine_of(engine))
    place = iter(range(10**9))

    def step_many(count):
        for _ in range(count):
            step(next(place))

    return step_many


def flops(model, batch):
    """Return the floating-point operations of a step, as the definitions count them."""
    from steepest.nn import CrossEntropy, zoo
    from steepest.optim import Adam
    from steepest.train.step import Task, train_program

    arch = zoo.ARCHS[model]()
    task = Task(arch, CrossEntropy(), shape_of(model), CLASSES, EXAMPLES, "byte", 1 / 255)
    return train_program(task, [Adam()], batch).flops
