"""A study as a TOML file: read with one sentence about whatever is wrong, and written again."""

import json
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

from steepest import codec
from steepest.errors import UsageError, nearest
from steepest.spec import from_plain
from steepest.study.change import merge, word
from steepest.study.claim import Claim, claim_of
from steepest.study.design import Arm, Study, base_of, own_space
from steepest.study.factorial import check_levels, expand
from steepest.study.joint import check_shared, join
from steepest.study.space import Range, parse_space

SCALARS = (
    "name", "question", "trials", "seeds", "tunings", "metric", "target", "reference", "margin",
    "score", "widen", "together", "search", "notes", "budget",
    "folds", "repeats", "nested", "most_seeds",
)  # fmt: skip


def read_study(path: str | Path) -> Study:
    """Return the study in a TOML file; UsageError for a file that cannot be read or understood."""
    table = read_table(path)
    if "problems" in table:
        raise UsageError(f"{path}: several problems are several studies; read it with read_any")
    return from_table(table, str(path), Path(path).stem)


def read_table(path: str | Path) -> dict[str, Any]:
    """Return the table in a TOML file; UsageError for a file that cannot be read."""
    file = Path(path)
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        others = [p.name for p in file.parent.glob("*.toml")] if file.parent.is_dir() else []
        hint = f"; {nearest(file.name, others)}" if others else ""
        raise UsageError(f"there is no study file '{path}'{hint}") from None
    except UnicodeDecodeError:
        raise UsageError(f"{path}: not text in UTF-8") from None
    except OSError as error:
        raise UsageError(f"{path}: cannot be read: {error.strerror}") from None
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"{path}: not valid TOML: {error}") from None


def from_table(table: Mapping[str, Any], where: str, name: str) -> Study:
    """Return the study a TOML table describes; UsageError names file, key and the nearest name."""
    given = dict(table)
    base = _table(given, "base", where)
    shared = parse_space(_table(given, "space", where), f"{where}: space")
    names = [f.name for f in fields(Study) if f.metadata.get("plain", True)]
    known = [*names, "space", "factors", "ablation"]
    for key in given:
        if key not in known:
            raise UsageError(f"{where}: unknown key '{key}'; {nearest(key, known)}")
    arms = _arms(given, where)
    trials = given.get("trials", Study.trials)
    if isinstance(trials, bool) or not isinstance(trials, int):
        raise UsageError(f"{where}: trials must be a whole number of at least 0, not {trials!r}")
    from_plain(base, f"{where}: base")
    tuned = shared if trials else ()
    made = tuple(_arm(a, base, trials, tuned, f"{where}: arms[{i}]") for i, a in enumerate(arms))
    claims = _claims(given.pop("claims", []), where)
    notes = given.pop("notes", [])
    if not isinstance(notes, list):
        raise UsageError(f"{where}: notes must be a list of texts, not {notes!r}")
    try:
        whole = {"name": name, "question": "", **given}
        return Study(**whole, base=base_of(base), arms=made, notes=tuple(notes), claims=claims)
    except UsageError as error:
        raise UsageError(f"{where}: {error}") from None


def _arms(given: dict[str, Any], where: str) -> list[dict[str, Any]]:
    """Take the tables of all arms: those of the factors first, then those written one by one."""
    factors, ablation = _table(given, "factors", where), given.pop("ablation", None)
    arms = given.pop("arms", [] if factors else None)
    if not isinstance(arms, list) or not all(isinstance(a, dict) for a in arms):
        raise UsageError(f"{where}: arms must be written as [[arms]] tables")
    made = expand(factors, ablation, where)
    if made:
        given.setdefault("reference", made[0]["name"])
    return [*made, *arms]


def _table(given: dict[str, Any], key: str, where: str) -> dict[str, Any]:
    """Take a table out of `given`; nothing there is an empty one."""
    found = given.pop(key, {})
    if not isinstance(found, dict):
        raise UsageError(f"{where}: {key} must be a table, not {found!r}")
    return found


def _claims(tables: Any, where: str) -> tuple[Claim, ...]:
    if not isinstance(tables, list) or not all(isinstance(c, dict) for c in tables):
        raise UsageError(f"{where}: claims must be written as [[claims]] tables")
    return tuple(claim_of(c, f"{where}: claims[{i}]") for i, c in enumerate(tables))


def _arm(
    table: dict[str, Any], base: dict[str, Any], trials: int, shared: Sequence[Range], where: str
) -> Arm:
    given = dict(table)
    name, reported = given.pop("name", None), _table(given, "reported", where)
    levels = tuple(_table(given, "levels", where).items())
    space = _table(given, "space", where) if "space" in given else None
    changes = tuple((word(k), v) for k, v in given.items())
    spec = from_plain(merge(base, changes), where)
    label = spec.optimizer.name if name is None else name
    check_shared(shared, changes, f"{where}: arm '{label}'")
    own = parse_space(space or {}, f"{where}.space") if trials else ()
    usual = own_space(base, changes, trials, where) if space is None else ()
    ranges = join(own, shared, usual)
    check_levels(levels, changes, ranges, where)
    return Arm(label, changes, ranges, tuple(reported.items()), levels)


def to_toml(study: Study) -> str:
    """Return the study as TOML text; `read_study` gives a study of the same digest."""
    given = {name: getattr(study, name) for name in SCALARS}
    lines = [f"{k} = {_value(v)}" for k, v in given.items() if v is not None and v != ()]
    lines += ["", "[base]", *(f"{_key(k)} = {_value(v)}" for k, v in study.base if v is not None)]
    for arm in study.arms:
        lines += ["", "[[arms]]", f"name = {_value(arm.name)}"]
        lines += [f"{_key(k)} = {_value(v)}" for k, v in arm.changes if v is not None]
        if arm.levels:
            lines.append(f"levels = {_value(dict(arm.levels))}")
        if arm.reported:
            lines.append(f"reported = {_value(dict(arm.reported))}")
        lines.append("[arms.space]")
        lines += [f"{_key(r.name)} = {_range(r)}" for r in arm.space]
    for claim in study.claims:
        lines += ["", "[[claims]]"]
        lines += [f"{k} = {_value(v)}" for k, v in codec.plain(claim).items()]
    return "\n".join(lines) + "\n"


def _key(name: str) -> str:
    return name if name.replace("_", "").isalnum() and name.isascii() else _value(name)


def _value(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_key(str(k))} = {_value(v)}" for k, v in value.items()) + "}"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(map(_value, value)) + "]"
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def _range(one: Range) -> str:
    if one.choices:
        return _value(one.choices)
    found: dict[str, Any] = {"low": one.low, "high": one.high}
    found |= {"log": True} if one.log else {}
    found |= {"integer": True} if one.integer else {}
    return _value(found)
