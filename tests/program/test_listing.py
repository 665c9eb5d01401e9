"""How a program is printed."""

from steepest.program import F, Recorder, reverse

GOLDEN = """\
inputs x: [1×4×3], p: [1×6]
                                           shape      FLOPs    bytes
%2 = reshape(p, shape=(1, 3, 2))           [1×3×2]        0        0
%3 = matmul(x, %2)                         [1×4×2]       48      104
%4 = relu(%3)                              [1×4×2]        8       64
%5 = square(%4)                            [1×4×2]        8       64
%6 = sum(%5, axes=(1, 2), keepdims=False)  [1]            8       36
%13 = mul(const[1, 4, 2], %4)              [1×4×2]        8       96
%14 = gate(%13, %4)                        [1×4×2]        8       96
%15 = matmul(x, %14, ta=True, tb=False)    [1×3×2]       48      104
%16 = reshape(%15, shape=(1, 6))           [1×6]          0        0
%18 = mul(0.5, %16)                        [1×6]          6       52
%19 = sub(p, %18)                          [1×6]          6       72
outputs loss = %6
state p: p ← %19
11 instructions, 148FLOP, 688B moved"""


def small():
    recorder = Recorder()
    x, p = recorder.input("x", (1, 4, 3)), recorder.input("p", (1, 6))
    w = F.reshape(p, shape=(1, 3, 2))
    loss = F.sum(F.square(F.relu(x @ w)), axis=(1, 2))
    (g,) = reverse(loss, [p])
    return recorder.program({"loss": loss}, {"p": (p, p - 0.5 * g)})


def test_a_program_prints_its_instructions_with_shapes_and_costs():
    """The text of a tiny training step, to the letter."""
    assert str(small()) == GOLDEN
