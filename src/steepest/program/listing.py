"""How a program is printed: one instruction a line, with shapes, FLOPs and bytes."""

from steepest.program.trace import Instruction, Program


def _count(n: int) -> str:
    for unit, size in (("G", 10**9), ("M", 10**6), ("k", 10**3)):
        if n >= size:
            return f"{n / size:.3g}{unit}"
    return str(n)


def _name(program: Program, index: int) -> str:
    for name, i in program.inputs.items():
        if i == index:
            return name
    constant = program.constants.get(index)
    if constant is not None:
        return f"{constant.item():.6g}" if constant.size == 1 else f"const{list(constant.shape)}"
    return f"%{index}"


def _line(program: Program, instruction: Instruction) -> tuple[str, str, str, str]:
    attributes = [f"{k}={v}" for k, v in instruction.attributes.items()]
    arguments = ", ".join([*(_name(program, i) for i in instruction.args), *attributes])
    outs = ", ".join(f"%{i}" for i in instruction.outs)
    shapes = " ".join(str(program.values[i]) for i in instruction.outs)
    cost = program.flops_of(instruction), program.bytes_of(instruction)
    call = f"{outs} = {instruction.primitive.name}({arguments})"
    return call, shapes, _count(cost[0]), _count(cost[1])


def listing(program: Program) -> str:
    """Return the program as text: inputs, instructions, outputs, state, totals."""
    inputs = ", ".join(f"{name}: {program.values[i]}" for name, i in program.inputs.items())
    rows = [_line(program, i) for i in program.instructions]
    wide = max((len(row[0]) for row in rows), default=0)
    shapes = max((len(row[1]) for row in rows), default=0)
    head = f"{'':{wide}}  {'shape':{shapes}}  {'FLOPs':>7}  {'bytes':>7}"
    lines = [f"inputs {inputs}", head]
    lines += [f"{c:{wide}}  {s:{shapes}}  {f:>7}  {b:>7}" for c, s, f, b in rows]
    outputs = ", ".join(f"{name} = {_name(program, i)}" for name, i in program.outputs.items())
    lines.append(f"outputs {outputs}")
    lines += [
        f"state {name}: {_name(program, old)} ← {_name(program, new)}"
        for name, (old, new) in program.pairs.items()
    ]
    count = len(program.instructions)
    lines.append(
        f"{count} instructions, {_count(program.flops)}FLOP, {_count(program.bytes)}B moved"
    )
    return "\n".join(lines)
