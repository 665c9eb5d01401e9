"""What a report shows, as frozen dataclasses of plain values; it knows no store and no page.

Conventions: accuracies are fractions of one; a difference is `a` minus `b` in the metric's own unit
(0.004 is 0.4 points); `None` means "not measured"; a value that is not finite counts as `None`.
Text is free: whatever a name holds, the page shows it as text. Arms are named by `Arm.name`
everywhere, and those names are unique within a study.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

Number = float | int | None
Series = tuple[Number, ...]
Rows = tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Metric:
    """The primary metric, by which arms are compared."""

    name: str = "test accuracy"
    percent: bool = True  # a fraction shown in per cent, differences in points
    higher: bool = True  # higher is better
    margin: float = 0.005  # differences smaller than this count as equivalent


@dataclass(frozen=True)
class Arm:
    """One setting being compared, with what its runs gave on the test set."""

    name: str
    chosen: str = ""  # the tuned hyper-parameters, as text: "lr 0.1"
    mean: Number = None
    low: Number = None  # interval of the mean
    high: Number = None
    n: int = 0  # runs the interval rests on
    delta: Number = None  # mean minus the reference's mean; None for the reference
    delta_low: Number = None  # simultaneous interval of the difference
    delta_high: Number = None
    word: str = ""  # better, worse, equivalent, not distinguishable; "" for the reference
    superiority: Number = None  # part of the pairs in which it beats the reference, ties half
    pairs: int = 0  # pairs with the reference that the difference rests on
    diverged: int = 0
    seconds: Number = None  # training time per run
    flops: Number = None  # per run
    updates: Number = None  # per run
    examples: Number = None  # seen in training, per run
    params: int | None = None
    boundary: bool = False  # its best trial lay at the edge of the searched range
    tolerance: Number = None  # ratio of largest to smallest lr within 5 % of its best score
    scores: tuple[tuple[int, Number], ...] = ()  # (seed, score) of every evaluated run


def are_unequal(arms: Sequence[Arm]) -> bool:
    """Tell whether the arms made unequal numbers of updates, or saw unequal numbers of examples."""
    pairs = ([a.updates for a in arms], [a.examples for a in arms])
    known = [[n for n in numbers if n is not None] for numbers in pairs]
    return any(max(numbers) > 1.001 * min(numbers) for numbers in known if numbers)


@dataclass(frozen=True)
class Verdict:
    """What the statistics allow one to say about arm `a` against arm `b`."""

    a: str
    b: str
    word: str  # better, worse, equivalent, not distinguishable
    sentence: str
    delta: Number = None
    low: Number = None
    high: Number = None
    n: int = 0
    superiority: Number = None
    detectable: Number = None  # the difference this study could have found
    more_seeds: int | None = None  # how many more would likely decide


@dataclass(frozen=True)
class Reported:
    """A value that a source published, beside ours; in the measure's own unit."""

    arm: str
    measure: str  # in words: "validation accuracy"
    reported: Number
    mean: Number = None  # ours, None where it was not measured
    low: Number = None  # interval of the mean
    high: Number = None
    place: str = ""  # of the published value among single runs: below, inside, above
    n: int = 0
    percent: bool = True  # a fraction of one


@dataclass(frozen=True)
class Claim:
    """What a source said, the word for it, and the comparisons that it rests on, in words."""

    text: str
    word: str  # holds, does not hold, not distinguishable
    facts: tuple[str, ...] = ()

    @property
    def figures(self) -> str:
        """The comparisons as one text."""
        return "; ".join(self.facts)


@dataclass(frozen=True)
class Curve:
    """One run, epoch by epoch; every column has one value per epoch, or is empty."""

    arm: str
    seed: int
    epoch: Series
    updates: Series = ()
    examples: Series = ()
    flops: Series = ()
    seconds: Series = ()
    train_loss: Series = ()
    train_accuracy: Series = ()
    val_loss: Series = ()
    val_accuracy: Series = ()


@dataclass(frozen=True)
class Trial:
    """One tuning trial, scored on validation data."""

    arm: str
    values: Mapping[str, float | int | str]  # hyper-parameters; "lr" first where it is tuned
    score: Number = None
    diverged: bool = False
    chosen: bool = False
    full: bool = True  # trained to the end, not in a shorter rung of successive halving


@dataclass(frozen=True)
class Tuned:
    """A hyper-parameter that trials vary, and how its values are laid out: log, linear, choice."""

    name: str
    scale: str = "linear"


@dataclass(frozen=True)
class Bought:
    """The best validation score that a tuning budget typically finds."""

    arm: str
    trials: Number  # the budget, in full trainings
    value: Number  # None: all diverged
    low: Number = None
    high: Number = None


@dataclass(frozen=True)
class Importance:
    """The share of a ranking of trials that one hyper-parameter explains alone."""

    arm: str
    name: str
    share: Number
    low: Number = None
    high: Number = None


@dataclass(frozen=True)
class Arrival:
    """When a run reached the target, or how long it was watched without reaching it."""

    arm: str
    seed: int
    reached: bool
    epochs: Number = None  # to the target, or of observation if it was not reached
    seconds: Number = None


@dataclass(frozen=True)
class Effect:
    """What a level of a factor does against the factor's base, averaged over the other factors."""

    level: str  # with its factor: "dropout 0.5"
    base: str
    cells: int  # combinations of the other factors
    word: str
    sentence: str
    delta: Number = None
    low: Number = None  # simultaneous interval
    high: Number = None
    n: int = 0


@dataclass(frozen=True)
class Interaction:
    """How much more a level gains over its base at another factor's level than at that's base."""

    level: str
    base: str
    other: str
    other_base: str
    cells: int
    word: str  # stronger, weaker, additive, not distinguishable
    sentence: str
    delta: Number = None
    low: Number = None
    high: Number = None
    n: int = 0


@dataclass(frozen=True)
class LevelMean:
    """A mean score at the levels of two factors, averaged over the others."""

    factor: str
    level: str
    other: str
    other_level: str
    mean: Number = None
    low: Number = None
    high: Number = None
    n: int = 0


@dataclass(frozen=True)
class Method:
    """How the study was made: rows of (label, value), and the command that repeats it."""

    settings: Rows = ()
    hashes: Rows = ()
    environment: Rows = ()
    command: str = ""


@dataclass(frozen=True)
class Content:
    """Everything one page shows."""

    study: str
    question: str
    headline: str  # the answer in one sentence
    created: str  # as text; the page never asks for the time itself
    claim_scope: str = ""  # whether cells or optimizers are compared
    repeated: str = "seeds"  # what n counts: fresh seeds, or whole "tunings"
    plan: str = ""  # "7 arms · 5 trials each · 10 seeds"
    metric: Metric = field(default_factory=Metric)
    score_name: str = "validation accuracy"  # what tuning trials are scored by
    reference: str | None = None  # arm against which the others are judged; None: all pairs
    arms: tuple[Arm, ...] = ()
    verdicts: tuple[Verdict, ...] = ()
    reported: tuple[Reported, ...] = ()
    claims: tuple[Claim, ...] = ()
    curves: tuple[Curve, ...] = ()
    trials: tuple[Trial, ...] = ()
    tuned: tuple[Tuned, ...] = ()
    tuning: tuple[Bought, ...] = ()
    ordered: bool = False  # a budget's best depends on the order of trials: the search adapts
    importance: tuple[Importance, ...] = ()
    target: str = ""  # what a run had to reach: "97 % validation accuracy"
    arrivals: tuple[Arrival, ...] = ()
    effects: tuple[Effect, ...] = ()  # of a factorial study
    interactions: tuple[Interaction, ...] = ()
    level_means: tuple[LevelMean, ...] = ()
    notes: tuple[str, ...] = ()  # warnings a careful reviewer would give
    method: Method = field(default_factory=Method)
