"""From names of contenders to rows of a table: import, prepare, calibrate, take turns."""

import importlib
import statistics
from types import ModuleType

import machine
import timing
from timing import Runner, Unit
from worker import Failure, Worker


def chosen(known: dict[str, str], only: str | None) -> dict[str, ModuleType | Failure]:
    """Import the contenders named in `only` (all by default); what is absent is a `Failure`."""
    names = only.split(",") if only else list(known)
    unknown = [name for name in names if name not in known]
    if unknown:
        raise SystemExit(f"unknown contender {unknown[0]!r}; known: {', '.join(known)}")
    return {name: load(known[name]) for name in names}


def load(module: str) -> ModuleType | Failure:
    """Import one contender, without the libraries it times; say what is not installed."""
    try:
        contender = importlib.import_module(module)
    except ModuleNotFoundError as error:
        return Failure(f"not installed: {error.name}")
    absent = machine.missing(contender.REQUIRES)
    return Failure(f"not installed: {', '.join(absent)}") if absent else contender


def present(found: dict[str, ModuleType | Failure]) -> dict[str, ModuleType]:
    """Return those that can run here."""
    return {name: one for name, one in found.items() if not isinstance(one, Failure)}


def required(found: dict[str, ModuleType | Failure]) -> set[str]:
    """Return the modules whose versions belong beside the figures."""
    return {"numpy"}.union(*(module.REQUIRES for module in present(found).values()))


def listing(known: dict[str, str]) -> str:
    """Return one line for each contender: how it is run, or why it is absent."""
    lines = []
    for name, one in chosen(known, None).items():
        about = one.reason if isinstance(one, Failure) else f"{one.LABEL}: {one.NOTE}"
        lines.append(f"{name:20} {about}")
    return "\n".join(lines)


def workers(modules: dict[str, ModuleType], threads: int) -> dict[str, Worker]:
    """Start one process for all, and one for each that must be alone; return them by contender."""
    shared = [name for name, module in modules.items() if not getattr(module, "ALONE", False)]
    alone = [[name] for name in modules if name not in shared]
    started = {}
    for group in filter(None, [shared, *alone]):
        extra = {}
        for name in group:
            extra |= getattr(modules[name], "ENVIRONMENT", {})
        started |= dict.fromkeys(group, Worker(threads, extra))
    return started


def close(started: dict[str, Worker]) -> None:
    """End every process once."""
    for worker in set(started.values()):
        worker.close()


def calibrated(
    runners: dict[str, Runner | Failure], seconds: float
) -> dict[str, tuple[Runner, Unit] | Failure]:
    """Choose a unit for each runner; one that fails becomes a `Failure`."""
    ready: dict[str, tuple[Runner, Unit] | Failure] = {}
    for name, runner in runners.items():
        timing.say(name)
        try:
            unit = runner if isinstance(runner, Failure) else timing.calibrate(runner, seconds)
            ready[name] = unit if isinstance(unit, Failure) else (runner, unit)
        except RuntimeError as error:
            ready[name] = Failure(str(error))
    return ready


def rows(
    found: dict[str, ModuleType | Failure],
    runners: dict[str, Runner | Failure],
    rounds: int,
    seconds: float,
) -> dict[str, dict]:
    """Time all runners beside each other; return a row for each of `found`, absent ones too."""
    ready = calibrated(runners, seconds)
    able = {name: pair for name, pair in ready.items() if not isinstance(pair, Failure)}
    taken = timing.interleave(able, rounds)
    result = {}
    for name, module in found.items():
        label = getattr(module, "LABEL", name)
        if name not in able:
            failure = ready.get(name, module)
            result[name] = {"label": label, "status": failure.reason}
            continue
        unit, measured = able[name][1], taken[name]
        result[name] = {
            "label": label,
            "note": module.NOTE,
            **timing.summary([1e6 * one.seconds / unit.count for one in measured]),
            "steps_timed": unit.count,
            "seconds_timed": round(statistics.median(one.seconds for one in measured), 3),
            "setup_ms": round(1e3 * unit.setup, 2),
            "others": round(statistics.median(one.others for one in measured), 2),
            "metrics": measured[-1].result,
        }
    return result
