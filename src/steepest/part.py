"""A part of a run: the name of a model, rule or schedule with its options, or the user's own.

Written as a name ("adam"), a call ("adam(lr=0.01)"), a table ({name = "adam", lr = 0.01}), or
"module:Name" for the user's own class or function. Options equal to their defaults are left out.
"""

import ast
import hashlib
import importlib
import inspect
import math
import re
import sys
from collections.abc import Mapping
from dataclasses import MISSING, dataclass, fields, is_dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from steepest.errors import UsageError, nearest, unknown

CALL = re.compile(r"^([\w.:-]+)\s*(?:\((.*)\))?$", re.DOTALL)
NEEDS_TORCH = "this needs PyTorch; install it with: pip install 'steepest[torch]'"
REVISIONS: dict[str, int] = {  # "optimizer.adam" -> 2 once its arithmetic changes; 1 is left out
    "schedule.warmup": 2,  # what follows a fraction of an epoch ends with the run
}

SHARE, FRACTION = (0.0, 1.0, False), (0.0, 1.0, True)  # (low, high, whether high is allowed)
POSITIVE, COUNT = (0.0, math.inf, False), (1.0, math.inf, False)
BOUNDS = {  # what options of built-in parts may be, by their names
    **dict.fromkeys(("momentum", "beta1", "beta2", "rho", "dropout"), SHARE),
    **dict.fromkeys(("floor", "rate"), FRACTION),
    **dict.fromkeys(("eps", "momentum_decay", "gamma", "decay", "l1", "l2", "std"), POSITIVE),
    **dict.fromkeys(("every", "width", "filters", "hidden", "blocks", "kernel"), COUNT),
    "epochs": POSITIVE,  # of a warm-up
}


@dataclass(frozen=True)
class Part:
    """A name with options, in the order of their names."""

    name: str
    options: tuple[tuple[str, Any], ...] = ()

    def plain(self) -> dict[str, Any]:
        """Return the part as plain values.

        >>> Part("adam", (("lr", 0.1),)).plain()
        {'name': 'adam', 'lr': 0.1}
        """
        return {"name": self.name, **{k: _listed(v) for k, v in self.options}}

    def with_options(self, options: Mapping[str, Any]) -> "Part":
        """Return the part with some options set."""
        merged = dict(self.options) | {k: _frozen(v) for k, v in options.items()}
        return Part(self.name, tuple(sorted(merged.items())))

    def get(self, name: str) -> Any:
        """Return an option that is set, or None."""
        return dict(self.options).get(name)

    def __str__(self) -> str:
        inside = ", ".join(
            f"{k}={v:g}" if isinstance(v, float) else f"{k}={v}" for k, v in self.options
        )
        return f"{self.name}({inside})" if inside else self.name


def _frozen(value: Any) -> Any:
    if isinstance(value, Mapping):
        return tuple((_key(k), _frozen(v)) for k, v in value.items())
    return tuple(_frozen(v) for v in value) if isinstance(value, (list, tuple)) else value


def _key(key: Any) -> Any:
    """Return a table's key as a number where it is one: TOML has only texts there."""
    return int(key) if isinstance(key, str) and key.lstrip("-").isdigit() else key


def _listed(value: Any) -> Any:
    return [_listed(v) for v in value] if isinstance(value, tuple) else value


def written(kind: str, given: Any, table: Mapping[str, Any]) -> Part:
    """Return the part that a text, table or part describes, with every option it writes.

    >>> written("optimizer", "adam(lr=0.001)", {}).options
    (('lr', 0.001),)
    """
    if isinstance(given, Part):
        return given
    if isinstance(given, str):
        return _from_text(kind, given)
    if inspect.isclass(given) or inspect.isfunction(given):
        return Part(f"{given.__module__}:{given.__qualname__}")
    if not isinstance(given, Mapping):
        raise UsageError(f"{kind} must be a name or a table with a name, not {given!r}")
    if "name" not in given:
        raise UsageError(f"{kind} needs a name; known: {', '.join(sorted(table))}")
    named = Part(str(given["name"]))
    return named.with_options({k: v for k, v in given.items() if k != "name"})


def parse(kind: str, given: Any, table: Mapping[str, Any]) -> Part:
    """Return the part that a text, table or part describes, its default options left out."""
    part = written(kind, given, table)
    name = part.name if ":" in part.name else part.name.lower().replace("-", "_")
    defaults = parameters(kind, resolve(kind, name, table))
    kept = tuple(
        (k, v) for k, v in sorted(part.options) if k not in defaults or _frozen(defaults[k]) != v
    )
    return Part(name, kept)


def _from_text(kind: str, text: str) -> Part:
    match = CALL.match(text.strip())
    if match is None:
        raise UsageError(f"{kind} '{text}' is neither a name nor name(option=value)")
    name, inside = match.groups()
    if not inside:
        return Part(name)
    mistake = UsageError(
        f"{kind} '{text}': write options as name=value, values as numbers, texts or lists"
    )
    try:
        call = ast.parse(f"f({inside})", mode="eval").body
        given = call.keywords if isinstance(call, ast.Call) and not call.args else None
        options = {str(k.arg): _value(k.value) for k in given or ()}
    except (ValueError, SyntaxError):
        raise mistake from None
    if given is None:
        raise mistake
    if len(options) < len(given):
        raise UsageError(f"{kind} '{text}' gives an option twice")
    return Part(name).with_options(options)


def _value(node: ast.expr) -> Any:
    """Return a written value; a bare word, or a part with options, is a text: after=cosine."""
    if isinstance(node, ast.Name):
        return {"true": True, "false": False}.get(node.id, node.id)
    if isinstance(node, ast.Call) and node.keywords and not node.args:
        return ast.unparse(node)
    return ast.literal_eval(node)


def resolve(kind: str, name: str, table: Mapping[str, Any]) -> Any:
    """Return the class or function behind a name; "module:Name" is imported."""
    if ":" not in name:
        if name not in table:
            raise unknown(kind, name, table)
        return table[name]
    module_name, _, attribute = name.partition(":")
    try:
        module = importlib.import_module(module_name)
    except ImportError as error:
        what = NEEDS_TORCH if error.name == "torch" else f"cannot import '{module_name}' ({error})"
        raise UsageError(f"{kind} '{name}': {what}") from None
    except Exception as error:  # a module of the user's own may raise anything
        what = f"{type(error).__name__}: {error}"
        raise UsageError(f"{kind} '{name}': importing '{module_name}' failed ({what})") from error
    if not hasattr(module, attribute):
        own = [n for n, v in vars(module).items() if callable(v) and not n.startswith("_")]
        raise UsageError(
            f"{kind} '{name}': '{module_name}' has no '{attribute}'; {nearest(attribute, own)}"
        )
    return getattr(module, attribute)


@lru_cache(maxsize=256)  # asked several times a run, of the same few classes and functions
def parameters(kind: str, found: Any) -> Mapping[str, Any]:
    """Return the options a part takes, with defaults (MISSING where there is none)."""
    if is_dataclass(found):
        return {
            f.name: f.default_factory() if f.default_factory is not MISSING else f.default
            for f in fields(found)
        }
    if not callable(found):
        raise UsageError(f"{kind} {found!r} is neither a class nor a function")
    found_parameters = inspect.signature(found).parameters.values()
    return {p.name: MISSING if p.default is p.empty else p.default for p in found_parameters}


def build(kind: str, part: Part, table: Mapping[str, Any]) -> Any:
    """Return the object a part describes; UsageError for an option it does not take."""
    found = resolve(kind, part.name, table)
    known = parameters(kind, found)
    for name, value in part.options:
        if name not in known:
            raise UsageError(f"{kind} '{part.name}' has no option '{name}'; {nearest(name, known)}")
        _check_type(f"{kind}.{name}", known[name], value)
        if ":" not in part.name:
            _check_bounds(f"{part.name}.{name}", name, value)
    missing = [k for k, v in known.items() if v is MISSING and k not in dict(part.options)]
    if missing:
        raise UsageError(f"{kind} '{part.name}' needs the option '{missing[0]}'")
    return found(**dict(part.options))


def _check_bounds(where: str, name: str, value: Any) -> None:
    """Raise UsageError for an option of a built-in part that no setting can have."""
    if name not in BOUNDS:
        return
    low, high, closed = BOUNDS[name]
    numbers = value if isinstance(value, tuple) else (value,)
    for number in numbers:
        if not isinstance(number, (int, float)) or isinstance(number, bool):
            continue
        if not (low <= number < high or (closed and number == high)):
            ends = f"[{low:g}, {high:g}{']' if closed else ')'}"
            raise UsageError(f"{where} must lie in {ends}, not {number!r}")


def _check_type(name: str, default: Any, value: Any) -> None:
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    wrong = (
        (isinstance(default, (int, float)) and not isinstance(default, bool) and not number)
        or (isinstance(default, str) and not isinstance(value, str))
        or (isinstance(default, tuple) and not isinstance(value, tuple))
        or (isinstance(default, bool) and not isinstance(value, bool))
    )
    if wrong:
        raise UsageError(f"{name} must be like {default!r}, not {value!r}")


def identity(kind: str, part: Part, table: Mapping[str, Any]) -> Any:
    """Return what beside its name decides a part's meaning: revision or source digest."""
    if ":" not in part.name:
        return REVISIONS.get(f"{kind}.{part.name}")
    path = _source(resolve(kind, part.name, table), part.name.partition(":")[0])
    if path is None:
        raise UsageError(f"{kind} '{part.name}': its source file cannot be found")
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()


def _source(found: Any, module: str) -> str | None:
    """Return the file a class or function was written in; an instance's is that of its module."""
    try:
        return inspect.getsourcefile(inspect.unwrap(found))
    except TypeError:
        return getattr(sys.modules[module], "__file__", None)


def words(given: Any) -> tuple[str, ...]:
    """Return the words of a list, or of a text in which commas stand between them.

    >>> words("dead, grad_norm"), words(["dead"])
    (('dead', 'grad_norm'), ('dead',))
    """
    pieces = given.split(",") if isinstance(given, str) else given
    return tuple(word for word in (str(piece).strip() for piece in pieces) if word)
