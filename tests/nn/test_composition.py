"""Chains, residual sums and graphs: names and errors."""

import pytest

from steepest.errors import UsageError
from steepest.nn import Arch, Chain, Dropout, Flatten, Graph, Linear, Node, ReLU, Residual


def declared(root, shape=(4,)):
    return Arch("net", root).declare(shape, 3)


def names(root, shape=(4,)):
    return [leaf.name for leaf in declared(root, shape).leaves]


def test_parameters_are_named_by_their_place():
    """Chains number, residuals say body and shortcut, graphs use their nodes' names."""
    inner = Chain(Linear(4), ReLU(), Linear(4, bias=False))
    assert names(Chain(Flatten(), inner)) == ["1.0.w", "1.0.b", "1.2.w"]
    residual = Residual(Linear(5), Linear(5, bias=False))
    assert names(Chain(residual)) == ["0.body.w", "0.body.b", "0.shortcut.w"]
    graph = Graph((Node("stem", Linear(4), ("x",)), Node("head", Linear(2), ("stem", "x"))))
    assert names(graph) == ["stem.w", "stem.b", "head.w", "head.b"]


def test_a_residual_of_unequal_shapes_names_both():
    """The message says where, which shapes, and what helps."""
    with pytest.raises(UsageError, match=r"residual '1' adds \(5,\) to \(4,\); give it a shortcut"):
        declared(Chain(ReLU(), Residual(Linear(5))))


def test_a_node_that_reads_an_unknown_name():
    """The nearest known name is offered."""
    graph = Graph((Node("stem", Linear(4), ("x",)), Node("head", Linear(2), ("sten",))))
    with pytest.raises(UsageError, match="node 'head' reads 'sten'; did you mean 'stem'"):
        declared(graph)


def test_a_node_reads_earlier_ones_only():
    """A node may read neither itself nor a later one."""
    graph = Graph((Node("a", ReLU(), ("b",)), Node("b", ReLU(), ("x",))))
    with pytest.raises(UsageError, match="node 'a' reads 'b'"):
        declared(graph)


def test_two_nodes_of_one_name():
    """A name is used once, and "x" is taken by the input."""
    for name in ("a", "x"):
        graph = Graph((Node("a", ReLU(), ("x",)), Node(name, ReLU(), ("a",))))
        with pytest.raises(UsageError, match=f"two nodes '{name}'"):
            declared(graph)


def test_a_node_without_inputs():
    """It has nothing to compute from."""
    with pytest.raises(UsageError, match="node 'a' has no inputs"):
        declared(Graph((Node("a", ReLU(), ()),)))


def test_shapes_that_do_not_fit_are_one_sentence():
    """Branches of other widths in one sum: the model and the input's shape are named."""
    graph = Graph(
        (
            Node("a", Linear(3), ("x",)),
            Node("b", Linear(2), ("x",)),
            Node("c", Dropout(0.1), ("a", "b")),
        )
    )
    with pytest.raises(UsageError, match=r"model 'net' does not fit inputs of shape \(4,\)"):
        declared(graph)


def test_descriptions_are_equal_by_value():
    """Equal descriptions are equal and hash alike; they hold no weights."""
    make = lambda: Chain(Linear(4), Residual(ReLU()))  # noqa: E731 - built twice
    assert make() == make()
    assert hash(make()) == hash(make())
