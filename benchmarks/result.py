"""Result files: the machine and the runs, each replaced by a newer one of the same case."""

import json
from pathlib import Path


def is_same(former: dict, about: dict) -> bool:
    """Tell whether two descriptions are of one processor; its name may stand for several."""
    return all(former.get(k) == about.get(k) for k in ("processor", "generation", "vectors"))


def keep(path: Path, about: dict, runs: list[dict], case: tuple[str, ...]) -> dict:
    """Write runs into a file, in place of those with the same values of the fields in `case`.

    A file is of one processor: on another one it starts anew. Returns what is in it now.
    """
    known = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    same = is_same(known.get("machine", {}), about)
    new = {tuple(run[field] for field in case): run for run in runs}
    old = {tuple(run[f] for f in case): run for run in known.get("runs", [])} if same else {}
    found = {"machine": about, "runs": list((old | new).values())}
    path.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps(found, indent=1, ensure_ascii=False)
    path.write_text(text + "\n", encoding="utf-8")
    return found
