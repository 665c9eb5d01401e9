"""`steepest train --folds K`: a run for every fold, and what their scores amount to."""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from steepest.cli.screen import say, show_table
from steepest.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from steepest.spec import RunSpec
    from steepest.stats.interval import Interval
    from steepest.train.finish import Result


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class FoldFlags:
    """Cross-validation of one setting."""

    folds: Annotated[int, Parameter(show_default=False)] = 0
    "Train once for every fold of the training examples, validating on it [0: one run]."
    repeats: Annotated[int, Parameter(show_default=False)] = 1
    "Deal the folds so often [1]."

    def specs(self, spec: "RunSpec") -> "list[RunSpec]":
        """Return the run of every fold; none without folds. Raises UsageError for one fold."""
        from steepest.data import all_folds

        if self.folds < 0:
            raise UsageError(f"--folds must be 0 (one run) or at least 2, not {self.folds}")
        if self.folds and spec.fold is not None:
            raise UsageError("give either --fold, one of them, or --folds, all of them")
        if self.repeats < 1:
            raise UsageError(f"--repeats deals folds anew, at least once, not {self.repeats} times")
        if self.repeats > 1 and not self.folds:
            raise UsageError("--repeats deals folds anew: it needs --folds")
        dealt = [f for deal in range(self.repeats) for f in all_folds(self.folds, deal)]
        return [replace(spec, fold=fold) for fold in dealt]


def train_folds(
    specs: "list[RunSpec]",
    run: "Callable[[RunSpec], tuple[Result, Path]]",
    as_json: bool,
) -> dict[str, Any]:
    """Train all folds, show their scores and the corrected interval of the mean; return them."""
    from steepest.study.grain import grain_of

    rows, scores, counts = [], [], []
    metric = ""
    for spec in specs:
        result, folder = run(spec)
        counts.append(result.measure.examples if result.measure else None)
        metric, score = _score(result)
        scores.append(score)
        rows.append([str(spec.fold), f"{score:.4f}", result.status, str(folder)])
    found = _interval(specs[0], scores, grain_of(metric, counts))
    spans = {"mean": found.mean, "low": found.low, "high": found.high}
    if not as_json:
        show_table(["fold", metric, "status", "kept in"], rows)
        ends = f"{found.low:.4f} to {found.high:.4f}"
        say(f"mean {metric} {found.mean:.4f} (95 % interval {ends}; n = {found.n}, {found.method})")
    return {"metric": metric, "scores": scores, **spans, "method": found.method}


def _score(result: "Result") -> tuple[str, float]:
    """Return the name and the value of a run's score; the worst one where it has no weights."""
    labelled = bool(result.session.dataset.classes)
    metric = "val_accuracy" if labelled else "val_loss"
    if result.measure is None:
        return metric, 0.0 if labelled else float("inf")
    return metric, result.measure.accuracy if labelled else result.measure.loss


def _interval(spec: "RunSpec", scores: list[float], grain: float) -> "Interval":
    from steepest.stats.resample import Basis, resampled_interval

    assert spec.fold is not None  # noqa: S101 - made with one
    return resampled_interval(scores, Basis(ratio=1 / (spec.fold.k - 1), grain=grain))
