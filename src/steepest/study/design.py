"""A `Study`: a question with its experiment, as frozen plain values.

Read from TOML, from `compare`'s flags, or made in Python. Arms differ in the scientific factor; the
ranges of an arm are its nuisance hyper-parameters, tuned with the same budget in every arm.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from steepest import codec
from steepest.data import Dataset, Fold, all_folds
from steepest.errors import UsageError
from steepest.nn.convolution import is_convolutional
from steepest.part import Part
from steepest.spec import RunSpec, from_plain
from steepest.study.budget import Budget, Purse
from steepest.study.change import is_written, merge, word
from steepest.study.claim import Claim, wordless
from steepest.study.proposal import Proposal, Rung, Told, length_of
from steepest.study.search import search_of, search_text
from steepest.study.soundness import TUNING_SEED, check_study
from steepest.study.space import LR, Range, Values, alone, default_space, middle

MANY = 64  # runs in one program on a device that one of them would leave idle


@dataclass(frozen=True)
class Arm:
    """One setting being compared: changes of the base run, and the ranges tuned for it."""

    name: str
    changes: tuple[tuple[str, Any], ...] = ()  # (field of the run, plain value)
    space: tuple[Range, ...] = ()
    reported: tuple[tuple[str, Any], ...] = ()  # what a source published for it, if anything
    levels: tuple[tuple[str, str], ...] = ()  # (factor, level) of an arm of a factorial


@dataclass(frozen=True)
class Study:
    """A question with its experiment."""

    name: str
    question: str
    base: tuple[tuple[str, Any], ...]  # fields of the run all arms share
    arms: tuple[Arm, ...]
    trials: int = 5  # tuning trials per arm; 0: the arms as they stand
    seeds: int = 10  # fresh, paired seeds per selected cell
    tunings: int = 1  # independent repetitions of tuning and evaluation
    metric: str = "accuracy"
    target: float | None = None  # validation metric that counts as reached
    reference: str | None = None
    margin: float = 0.005  # differences within ± this are equivalent
    score: str = "last"  # which weights are scored: the last epoch's or the best validation epoch's
    widen: bool = False
    together: int = 1  # runs that share a program at most; "auto" becomes what suits the device
    search: str = "auto"  # how trials are found, with options: "tpe(batch=8)"
    notes: tuple[str, ...] = field(default=())
    claims: tuple[Claim, ...] = ()  # what a source said, to be held against the records
    budget: str | None = None  # "updates(2000)": how long every run trains
    folds: int = 0  # a trial is scored by its mean over so many folds; 0: over the validation part
    repeats: int = 1  # how often the folds of trials, or the outer ones, are dealt
    nested: int = 0  # outer folds, held out in place of the test set, each tuned for by itself
    most_seeds: int | None = None  # seeds to which the study may be extended after looks at it
    purse: Purse | None = field(  # what spends the budget; `priced` gives it the data
        default=None, compare=False, repr=False, metadata={"plain": False}
    )

    def __post_init__(self) -> None:
        object.__setattr__(self, "search", search_text(self.search))
        object.__setattr__(self, "together", _together(self))
        budget = None if self.budget is None else Budget.parse(self.budget)
        if budget is None or self.purse is None or self.purse.budget != budget:
            object.__setattr__(self, "purse", None if budget is None else Purse(budget))
            object.__setattr__(self, "budget", None if budget is None else str(budget))
        if self.purse is None or self.purse.dataset is None:
            check_study(self)

    @property
    def lower_is_better(self) -> bool:
        """Tell whether a smaller metric is a better one."""
        return self.metric == "loss"

    @property
    def rounds(self) -> int:
        """How often arms are tuned and evaluated: once for every tuning, or every outer fold."""
        return self.nested * self.repeats if self.nested else self.tunings

    @property
    def held(self) -> str:
        """What the selected cells are scored on: "test", or "outer" folds of the training data."""
        return "outer" if self.nested else "test"

    def spec(
        self, arm: Arm, values: Values, seed: int, fold: Fold | None = None, outer: Any = None
    ) -> RunSpec:
        """Return the run of an arm with its nuisance hyper-parameters, seed and folds set."""
        plain = merge(dict(self.base), [*arm.changes, *values]) | {"seed": seed}
        plain |= {} if fold is None else {"fold": fold}
        plain |= {} if outer is None else {"outer": outer}
        spec = from_plain(plain, f"arm '{arm.name}'")
        return spec if self.purse is None else self.purse.spend(spec)

    def cells(self, arm: Arm, tuning: int) -> list[Values]:
        """Return the trials with which a tuning of an arm begins; [()] with nothing to tune."""
        return [p.values for p in self.ask(arm, tuning, ())] or [()]

    def ask(self, arm: Arm, tuning: int, told: Sequence[Told]) -> list[Proposal]:
        """Return the next trials of an arm in one tuning; none with nothing (more) to tune."""
        if not arm.space or not self.trials:
            return []
        budget = Rung(self.trials, self._length(arm))
        return search_of(self.search).ask(arm.space, budget, told, tuning)

    def rungs(self, arm: Arm) -> tuple[Rung, ...]:
        """Return how many trials of which length a tuning of an arm has."""
        if not arm.space or not self.trials:
            return ()
        return search_of(self.search).rungs(arm.space, self.trials, self._length(arm))

    def _length(self, arm: Arm) -> int:
        """Return the length of a training in full; UsageError where halving has none."""
        full = length_of(self.spec(arm, middle(arm.space), 0))
        if self.search.startswith("halving"):
            for values in alone(arm.space):
                own = length_of(self.spec(arm, values, 0))
                if own != full:
                    raise UsageError(
                        f"arm '{arm.name}': search 'halving' needs trainings of one length, but "
                        f"its ranges give {own} and {full}; search otherwise, or tune less"
                    )
        return full

    def folds_of(self, tuning: int) -> list[tuple[Fold | None, int]]:
        """Return (fold, seed) of the runs of every trial of a tuning, the same for all arms."""
        if not self.folds:
            return [(None, self.tuning_seed(tuning))]
        deals = 1 if self.nested else self.repeats
        dealt = [f for deal in range(deals) for f in all_folds(self.folds, tuning * deals + deal)]
        first = TUNING_SEED + tuning * len(dealt)
        return [(fold, first + i) for i, fold in enumerate(dealt)]

    def outer_fold(self, tuning: int) -> Fold | None:
        """Return the fold that a round holds out in place of the test set; None: the test set."""
        if not self.nested:
            return None
        return Fold(self.nested, tuning % self.nested + 1, tuning // self.nested)

    def tuning_seed(self, tuning: int) -> int:
        """Return the seed all trials of a tuning share."""
        return TUNING_SEED + tuning

    def final_seeds(self, tuning: int) -> list[int]:
        """Return the fresh seeds of a tuning's selected cells, the same for every arm."""
        return list(range(tuning * self.seeds, (tuning + 1) * self.seeds))

    def arm(self, name: str) -> Arm:
        """Return an arm by name."""
        return next(a for a in self.arms if a.name == name)

    def plain(self) -> dict[str, Any]:
        """Return the study as plain values, defaults left out."""
        found: dict[str, Any] = codec.plain(self)
        return found | {"base": codec.plain(dict(self.base))}

    @property
    def digest(self) -> str:
        """SHA-256 of the study without its name and wording."""
        wording = ("name", "question", "notes")
        plain = {k: v for k, v in self.plain().items() if k not in wording}
        plain |= {"claims": [wordless(c) for c in self.claims]} if self.claims else {}
        return codec.digest(plain)


def _together(study: Study) -> Any:
    """Return how many runs share a program, "auto" resolved: many small ones on a CUDA device."""
    given: Any = study.together
    if given != "auto":
        return given
    spec = from_plain(dict(study.base), "base")
    return MANY if spec.device == "cuda" and not is_convolutional(spec.arch) else 1


def base_of(values: Mapping[str, Any]) -> tuple[tuple[str, Any], ...]:
    """Return run values as a study keeps them: plain, each under its own name, sorted."""
    plain = {word(k): v.plain() if isinstance(v, Part) else v for k, v in values.items()}
    return tuple(sorted(plain.items()))


def priced(study: Study, dataset: Dataset, paces: Mapping[str, float] | None = None) -> Study:
    """Return the study whose budget is turned into updates on this data; `paces` are known ones."""
    if study.purse is None:
        return study
    known = study.purse.paces | dict(paces or {})
    return replace(study, purse=Purse(study.purse.budget, dataset, known))


def length_text(study: Study) -> str:
    """Return how long runs train, as a reader says it: "20 epochs", "6 to 32 epochs"."""
    if study.purse is not None:
        return study.purse.budget.text
    specs = [study.spec(arm, study.cells(arm, 0)[0], 0) for arm in study.arms]
    updates = [s.updates for s in specs]
    if None in updates:
        return f"{_span([s.epochs for s in specs])} epochs"
    return f"{_span([u for u in updates if u is not None])} updates"


def _span(counts: Sequence[int]) -> str:
    low, high = min(counts), max(counts)
    return f"{low:,}" if low == high else f"{low:,} to {high:,}"


def own_space(
    base: Mapping[str, Any], changes: Sequence[tuple[str, Any]], trials: int, where: str
) -> tuple[Range, ...]:
    """Return what a budget of trials tunes for an arm that names no ranges.

    These are its rule's, without what the arm or the base writes; a written learning rate is meant
    as it stands, so that such an arm is not tuned at all.
    """
    merged = merge(base, changes)
    rule = from_plain(merged, where).optimizer.name
    if not trials or is_written(merged, LR):
        return ()
    return tuple(r for r in default_space(rule, trials) if not is_written(merged, r.name))


def from_arms(
    texts: Sequence[str], base: Mapping[str, Any], name: str, question: str, **options: Any
) -> Study:
    """Return the study of `compare`: arms written as rules, or as field=value.

    >>> study = from_arms(["sgd", "adam(lr=0.01)"], {"data": "digits"}, "c", "?", trials=3)
    >>> [(a.name, len(a.space)) for a in study.arms]
    [('sgd', 1), ('adam(lr=0.01)', 0)]
    """
    trials, shared = options.get("trials", Study.trials), base_of(base)
    arms = arms_of(texts, dict(shared), trials)
    return Study(name=name, question=question, base=shared, arms=arms, **options)


def arms_of(texts: Sequence[str], base: Mapping[str, Any], trials: int) -> tuple[Arm, ...]:
    """Return the arms that texts describe, each tuned as its rule usually is."""
    arms = []
    for text in texts:
        changes = _changes(text)
        arms.append(Arm(text, changes, own_space(base, changes, trials, f"arm '{text}'")))
    return tuple(arms)


def _changes(text: str) -> tuple[tuple[str, Any], ...]:
    """Return what an arm's text changes: "adam(lr=0.1)", or "model=mlp(dropout=0.5)"."""
    head, sign, value = text.partition("=")
    if not sign or "(" in head:
        return (("optimizer", text),)
    import ast

    try:
        return ((head.strip(), ast.literal_eval(value)),)
    except (ValueError, SyntaxError):
        return ((head.strip(), value.strip()),)
