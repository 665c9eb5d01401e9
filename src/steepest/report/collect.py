"""From a study's conclusion to what its page shows."""

import json
import math

from steepest.report.collect_factor import factor_content
from steepest.report.collect_tuning import trials_of, tuning_content
from steepest.report.content import (
    Arm,
    Arrival,
    Content,
    Curve,
    Method,
    Metric,
    Rows,
    Series,
    Verdict,
)
from steepest.report.published import claim_rows, reported_rows
from steepest.stats.verdict import Verdict as Finding
from steepest.stats.verdict import claim, sentence
from steepest.study.conclusion import Conclusion
from steepest.study.design import Study
from steepest.study.outcome import ArmResult, value_text
from steepest.study.query import list_openings, list_revisions, read_environment
from steepest.study.role import role_rows
from steepest.study.store import Store

HELD = {"test": "test", "outer": "held-out"}  # what scores are of
COLUMNS = (
    "epoch", "updates", "examples", "flops", "seconds", "train_loss", "train_accuracy", "val_loss",
    "val_accuracy",
)  # fmt: skip


def collect(found: Conclusion, store: Store, created: str, command: str) -> Content:
    """Return the page's content; `created` and `command` are shown as they are given."""
    study = found.study
    return Content(
        study=study.name,
        question=study.question,
        headline=headline(found),
        created=created,
        claim_scope=claim_scope(found),
        repeated=found.repeated,
        plan=plan_text(found),
        metric=Metric(
            f"{HELD[study.held]} {study.metric}", percent=study.metric != "loss",
            higher=not study.lower_is_better, margin=study.margin,
        ),
        score_name=f"validation {study.metric}",
        reference=found.reference,
        arms=tuple(_arm(found, a) for a in found.arms),
        verdicts=tuple(_verdict(found, v) for v in found.verdicts),
        reported=reported_rows(found.reported),
        claims=claim_rows(found.outcomes),
        curves=tuple(c for a in found.arms for c in _curves(a)),
        trials=tuple(t for a in found.arms for t in trials_of(study, a)),
        **tuning_content(found),
        target="" if found.target is None else f"{100 * found.target:g} % validation accuracy",
        arrivals=tuple(r for a in found.arms for r in _arrivals(a)),
        **factor_content(found),
        notes=(*study.notes, *found.warnings),
        method=_method(found, store, command),
    )  # fmt: skip


def plan_text(found: Conclusion) -> str:
    """Return the design in a few words."""
    study = found.study
    parts = [
        f"{len(study.arms)} arms",
        f"{study.trials} tuning trials each",
        f"{study.seeds} seeds",
    ]
    if study.tunings > 1:
        parts.append(f"{study.tunings} tunings")
    if study.folds:
        parts.append(f"trials over {len(study.folds_of(0))} folds")
    if study.nested:
        parts.append(f"{study.rounds} outer folds")
    if study.purse is not None:
        parts.append(f"{study.purse.budget.text} a run")
    return " · ".join(parts)


def claim_scope(found: Conclusion) -> str:
    """Return what the verdicts are about."""
    if found.study.nested:
        again = f", dealt {found.study.repeats} times" if found.study.repeats > 1 else ""
        return (
            f"The verdicts are about the arms as tuned by this budget on data like these: each of "
            f"{found.study.nested} outer folds{again}, was held out, tuned for without it, and "
            "scored once. Folds share training data, so intervals are corrected (Nadeau & Bengio "
            "2003). The test set was not opened."
        )
    if found.study.tunings > 1:
        return (
            f"The verdicts are about the arms as tuned by this budget: tuning and evaluation were "
            f"repeated {found.study.tunings} times, and the intervals are over these tunings."
        )
    if any(a.choices[0].values for a in found.arms):
        return (
            "The verdicts are about tuned cells (each arm at the hyper-parameters named beside "
            "it), not about the optimizers in general: each arm was tuned once, and the luck of "
            "that tuning is not in the intervals."
        )
    return "The verdicts are about the arms exactly as they are set."


def headline(found: Conclusion) -> str:
    """Return the answer in one sentence: who leads, and whom it is better than."""
    sign = -1.0 if found.study.lower_is_better else 1.0
    best = max(found.arms, key=lambda a: sign * a.interval.mean)
    top = "lowest" if found.study.lower_is_better else "highest"
    value = _value(found, best.interval.mean)
    held = HELD[found.study.held]
    lead = f"{best.label} has the {top} {held} {found.study.metric} ({value})"
    if found.reference is not None and found.reference != best.name:
        word = _word(found.verdicts, best.name, found.reference)
        return f"{lead}{_beside_reference(found, word)}."
    beaten, better = (_against(found.verdicts, best.name, word) for word in ("better", "worse"))
    if better:
        return f"{lead}, but with its diverged runs it is worse than {_listed(found, better)}."
    if len(beaten) == len(found.arms) - 1:
        return f"{lead} and is better than every other arm."
    if beaten:
        return f"{lead}; it is better than {_listed(found, beaten)}, but not than the rest."
    return f"{lead}, but is better than no other arm: this study cannot name a winner."


def _beside_reference(found: Conclusion, word: str) -> str:
    """Return how a sentence on the leading arm goes on, from its verdict against the reference."""
    other = f"the reference {found.labels[str(found.reference)]}"
    return {
        "better": f" and is better than {other}",
        "equivalent": f", but is equivalent to {other} within {_margin(found.study)}",
        "worse": f", but with its diverged runs it is worse than {other}",
    }.get(word, f", but is not distinguishable from {other}")


def _word(verdicts: tuple[Finding, ...], a: str, b: str) -> str:
    return next((v.word for v in verdicts if (v.a, v.b) == (a, b)), "not distinguishable")


def _against(verdicts: tuple[Finding, ...], name: str, word: str) -> list[str]:
    """Return the arms than which one is better, or worse."""
    other = {"better": "worse", "worse": "better"}[word]
    found = [v.b for v in verdicts if v.a == name and v.word == word]
    return found + [v.a for v in verdicts if v.b == name and v.word == other]


def _listed(found: Conclusion, names: list[str]) -> str:
    labels = [found.labels[n] for n in names]
    return labels[0] if len(labels) == 1 else f"{', '.join(labels[:-1])} and {labels[-1]}"


def _value(found: Conclusion, value: float) -> str:
    return f"{value:.4g}" if found.study.lower_is_better else f"{100 * value:.2f} %"


def verdict_sentence(found: Conclusion, verdict: Finding) -> str:
    """Return a verdict with its evidence in one sentence, in the study's words."""
    return sentence(verdict, found.labels, found.study.metric != "loss", found.repeated)


def _verdict(found: Conclusion, v: Finding) -> Verdict:
    said = claim(v, found.labels, found.study.metric != "loss")
    return Verdict(
        a=v.a, b=v.b, word=v.word, sentence=f"{said}.", delta=v.delta, low=v.low, high=v.high,
        n=v.n, superiority=v.superiority, detectable=v.detectable,
        more_seeds=v.more_seeds,
    )  # fmt: skip


def _arm(found: Conclusion, arm: ArmResult) -> Arm:
    against = [v for v in found.verdicts if v.a == arm.name and v.b == found.reference]
    v = against[0] if against else None
    count = max(len(arm.records), 1)
    return Arm(
        name=arm.name,
        chosen="; ".join(dict.fromkeys(value_text(c.values) for c in arm.choices if c.values)),
        mean=arm.interval.mean,
        low=arm.interval.low,
        high=arm.interval.high,
        n=arm.interval.n,
        delta=v.delta if v else None,
        delta_low=v.low if v else None,
        delta_high=v.high if v else None,
        word=v.word if v else "",
        superiority=v.superiority if v else None,
        pairs=v.n if v else 0,
        diverged=int(arm.diverged.sum()),
        seconds=sum(r.seconds or 0.0 for r in arm.records) / count,
        flops=sum(r.flops or 0.0 for r in arm.records) / count,
        updates=sum(r.updates or 0 for r in arm.records) / count,
        examples=sum(r.examples or 0 for r in arm.records) / count,
        params=arm.records[0].params if arm.records else None,
        boundary=any(c.boundary for c in arm.choices),
        tolerance=10**arm.tolerance.decades if arm.tolerance else None,
        scores=tuple(zip(arm.seeds, arm.scores.tolist(), strict=True)),
    )


def _curves(arm: ArmResult) -> list[Curve]:
    found = []
    for seed, rows in zip(arm.seeds, arm.curves, strict=True):
        columns: dict[str, Series] = {
            name: tuple(row.get(name) for row in rows) for name in COLUMNS
        }
        found.append(Curve(arm=arm.name, seed=seed, **columns))
    return found


def _arrivals(arm: ArmResult) -> list[Arrival]:
    if arm.arrivals is None:
        return []
    found = []
    pairs = zip(arm.arrivals.times, arm.arrivals.reached, strict=True)
    for (time, reached), seed, rows in zip(pairs, arm.seeds, arm.curves, strict=True):
        watched = float(rows[-1]["epoch"]) if rows else 0.0
        epochs = time if math.isfinite(time) else watched
        seconds = next((r["seconds"] for r in rows if r["epoch"] >= epochs), None)
        found.append(Arrival(arm.name, seed, reached, epochs, seconds))
    return found


def _margin(study: Study) -> str:
    return f"±{study.margin:g}" if study.lower_is_better else f"±{100 * study.margin:g} points"


def _folds(study: Study) -> list[tuple[str, str]]:
    """Return rows about cross-validation, where there is any."""
    rows = []
    if study.folds:
        count = f"the mean over {len(study.folds_of(0))} stratified folds"
        rows.append(("a trial's score", count))
    if study.nested:
        deals = f"{study.nested} folds, dealt {study.repeats} time(s), in place of the test set"
        rows += [("scored on", deals), ("test set opened", "never")]
    return rows


def _method(found: Conclusion, store: Store, command: str) -> Method:
    study, record = found.study, found.record
    base = {k: v if isinstance(v, str) else json.dumps(v) for k, v in study.plain()["base"].items()}
    settings: list[tuple[str, str]] = [
        *base.items(),
        *role_rows(study),
        ("search", study.search),
        ("tuning trials per arm", str(study.trials)),
        ("seeds per arm", str(study.seeds)),
        ("tunings", str(study.tunings)),
        *_folds(study),
        ("scored weights", "last epoch" if study.score == "last" else "best validation epoch"),
        *([("budget of a run", study.purse.budget.text)] if study.purse is not None else []),
        ("margin of equivalence", _margin(study)),
        (
            "pairing",
            "a seed has one split, one set of initial values, one batch order in all arms",
        ),
        ("selection", "by validation data only"),
    ]
    settings += [("intervals", v.method) for v in found.verdicts[:1]]
    if found.extension is not None:
        settings.append(("looks", found.extension.text))
    parts = [record] if found.extension is None else list_revisions(store, study.name)
    openings = [o for part in parts for o in list_openings(store, part.id)]
    if openings:
        times = sorted({o.time for o in openings})  # all runs of one opening share its time
        once = "one declared opening, " if study.most_seeds is not None else ""
        said = f"{once}{len(times)} time(s), first {times[0][:19]} UTC"
        settings.append(("test set opened", said))
    first = found.arms[0].records[0] if found.arms[0].records else None
    facts = read_environment(store, first.environment) if first and first.environment else {}
    environment: Rows = tuple((k, str(v)) for k, v in facts.items())
    hashes: Rows = (("study", record.digest), ("revision", str(record.revision)))
    return Method(tuple(settings), hashes, environment, command)
