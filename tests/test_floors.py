"""The house keeps its shape: sizes, names, floors, and no dangerous words."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
FILES = sorted([*(ROOT / "src").rglob("*.py"), *(ROOT / "tests").rglob("*.py")])
NAMES = [str(path.relative_to(ROOT)) for path in FILES]
FORBIDDEN_MODULES = {
    "utils", "util", "helpers", "helper", "common", "base", "core", "misc", "manager", "handler",
    "factory",
}  # fmt: skip
FORBIDDEN_IMPORTS = {"pickle", "cPickle", "dill", "marshal", "shelve", "joblib", "yaml"}
FORBIDDEN_CALLS = {"eval", "exec", "torch.load", "yaml.load", "__import__"}

LINES, FUNCTION, PARAMETERS = 300, 40, 6
# What may exceed a size, and why: "path" for a file, "path:name" for a function or class.
EXCEPTIONS = {
    "src/steepest/train/model.py:fit": "the signature of Keras' fit, which is promised to users",
}


def trees():
    return [
        (name, ast.parse(path.read_text("utf-8"))) for name, path in zip(NAMES, FILES, strict=True)
    ]


TREES = dict(trees())


def functions(tree):
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef)
    return [node for node in ast.walk(tree) if isinstance(node, kinds)]


def lines_without_docstring(function):
    lines = function.end_lineno - function.lineno + 1
    if ast.get_docstring(function) is not None:
        first = function.body[0]
        lines -= first.end_lineno - first.lineno + 1
    return lines


def parameters(function):
    given = function.args
    named = [a.arg for a in (*given.posonlyargs, *given.args, *given.kwonlyargs)]
    return [name for name in named if name not in ("self", "cls")]


def excess(found):
    return sorted(name for name in found if name not in EXCEPTIONS)


def test_files_are_short():
    """No file of ours exceeds 300 lines."""
    found = {n: len(p.read_text("utf-8").splitlines()) for n, p in zip(NAMES, FILES, strict=True)}
    assert not excess(n for n, count in found.items() if count > LINES)


def test_functions_are_short_and_take_few_parameters():
    """No function exceeds 40 lines without its docstring, or 6 parameters."""
    long, wide = [], []
    for name, tree in TREES.items():
        for function in functions(tree):
            where = f"{name}:{function.name}"
            long += [where] if lines_without_docstring(function) > FUNCTION else []
            is_test = name.startswith("tests/")  # parametrised tests take many
            wide += [where] if len(parameters(function)) > PARAMETERS and not is_test else []
    assert not excess(long)
    assert not excess(wide)


def test_modules_are_named_by_what_they_hold():
    """No drawer called utils, helpers, common, base, core, misc or manager."""
    words = {n: set(Path(n).with_suffix("").parts) for n in NAMES}
    assert not excess(n for n, parts in words.items() if parts & FORBIDDEN_MODULES)


def test_inheritance_is_one_deep():
    """A class of ours inherits from no class of ours that inherits from one itself."""
    parents = {}
    for tree in TREES.values():
        for node in ast.walk(tree):
            if isinstance(node, ast.ClassDef):
                parents[node.name] = [
                    ast.unparse(b).split("[")[0].split(".")[-1] for b in node.bases
                ]
    deep = [
        name
        for name, bases in parents.items()
        if any(grand in parents for base in bases for grand in parents.get(base, ()))
    ]
    assert not excess(deep)


def test_every_exception_is_still_needed():
    """A name in the list of exceptions stands for something that exists."""
    for entry, reason in EXCEPTIONS.items():
        path, _, name = entry.partition(":")
        assert reason
        assert path in TREES
        assert not name or any(f.name == name for f in functions(TREES[path]))


def test_nothing_dangerous_is_imported_or_called():
    """No pickle, eval, exec, torch.load, yaml.load or allow_pickle=True anywhere in the package."""
    found = []
    for name, tree in TREES.items():
        if not name.startswith("src/"):
            continue
        for node in ast.walk(tree):
            found += [f"{name}:{node.lineno}: {word}" for word in dangerous(node)]
    assert not found


def dangerous(node):
    """Return the forbidden words of one node of a syntax tree."""
    if isinstance(node, ast.Import):
        return [a.name for a in node.names if a.name.split(".")[0] in FORBIDDEN_IMPORTS]
    if isinstance(node, ast.ImportFrom):
        return [node.module] if (node.module or "").split(".")[0] in FORBIDDEN_IMPORTS else []
    if isinstance(node, ast.Call):
        words = [ast.unparse(node.func)] if ast.unparse(node.func) in FORBIDDEN_CALLS else []
        return words + [
            "allow_pickle"
            for k in node.keywords
            if k.arg == "allow_pickle" and ast.unparse(k.value) != "False"
        ]
    return []


@pytest.mark.parametrize(
    "text",
    [
        "import pickle",
        "from pickle import loads",
        "eval('1')",
        "exec('1')",
        "torch.load(path)",
        "yaml.load(text)",
        "np.load(path, allow_pickle=True)",
    ],
)
def test_dangerous_words_are_recognised(text):
    """The check sees each of the words it is made for, and not their harmless namesakes."""
    assert any(dangerous(node) for node in ast.walk(ast.parse(text)))
    harmless = "model.eval()\nnp.load(path, allow_pickle=False)\nengine.load(x)"
    assert not any(dangerous(node) for node in ast.walk(ast.parse(harmless)))


def test_modules_import_only_floors_below_their_own():
    """import-linter's contract in pyproject.toml holds."""
    pytest.importorskip("importlinter", reason="import-linter is not installed")
    code = (
        "from importlinter.cli import lint_imports; raise SystemExit(lint_imports(no_cache=True))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "1 kept, 0 broken" in done.stdout
