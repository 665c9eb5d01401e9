"""A study as real ones look: seven optimizers, ten seeds, five trials, twenty epochs."""

import math
import random
import statistics
from dataclasses import replace

from steepest.report.content import (
    Arm,
    Arrival,
    Content,
    Curve,
    Method,
    Number,
    Trial,
    Verdict,
)

# name: (final test accuracy, speed, best lr, width of the good range in decades, seconds per epoch)
CHARACTERS = {
    "sgd": (0.9655, 0.34, 0.3, 1.1, 0.021),
    "momentum": (0.9718, 0.62, 0.05, 1.2, 0.022),
    "adagrad": (0.9671, 0.45, 0.03, 1.6, 0.024),
    "rmsprop": (0.9702, 0.80, 0.001, 1.0, 0.025),
    "adam": (0.9727, 0.74, 0.003, 1.7, 0.027),
    "adamw": (0.9731, 0.75, 0.003, 1.8, 0.028),
    "nadam": (0.9724, 0.82, 0.003, 1.5, 0.029),
}
REFERENCE = "sgd"
PARAMS = 109_386
UPDATES = 19
NOTES = (
    "Every arm was tuned once; a claim about the optimizers needs --tunings 5.",
    "adagrad's best learning rate lies at the edge of its range; a wider search may favour it.",
    "The data set is small: 450 test images, so one image is 0.22 points.",
)


def sample(
    seeds: int = 10, epochs: int = 20, copies: int = 1, reference: str | None = REFERENCE
) -> Content:
    """Return the study; `copies` repeats the seven arms under numbered names, for large pages."""
    names = [
        f"{name}{'' if copy == 0 else copy + 1}" for copy in range(copies) for name in CHARACTERS
    ]
    curves = tuple(_curve(name, seed, epochs) for name in names for seed in range(seeds))
    arms = tuple(_arm(name, seeds, epochs, reference) for name in names)
    verdicts = tuple(
        _verdict(arm, reference) for arm in arms if reference and arm.name != reference
    )
    return Content(
        study="digits-optimizers",
        question="Which optimizer trains a small network on handwritten digits best?",
        headline=_headline(arms),
        created="2026-11-21 09:30 UTC",
        claim_scope="This names tuned cells (adam at lr 0.003 against sgd at lr 0.3), not the"
        " optimizers in general: every arm was tuned once, and the luck of tuning is not in the"
        " intervals.",
        plan=f"digits · mlp 64-128-64-10 · {len(names)} arms · 5 trials each · {seeds} seeds",
        reference=reference,
        arms=arms,
        verdicts=verdicts,
        curves=curves,
        trials=tuple(trial for name in names for trial in _trials(name)),
        target="95 % validation accuracy",
        arrivals=tuple(_arrival(curve) for curve in curves),
        notes=NOTES,
        method=_method(epochs),
    )  # fmt: skip


def hostile(text: str) -> Content:
    """Return a study in which every free text holds `text`."""
    whole = sample(seeds=2, epochs=3)
    names = {arm.name: f"{text}{i}" for i, arm in enumerate(whole.arms)}
    rows = ((text, text),)
    return replace(
        whole,
        study=text, question=text, headline=text, created=text, claim_scope=text, plan=text,
        metric=replace(whole.metric, name=text), score_name=text, target=text,
        reference=names[REFERENCE],
        arms=tuple(
            replace(a, name=names[a.name], chosen=text, word=a.word and text) for a in whole.arms
        ),
        verdicts=tuple(
            replace(v, a=names[v.a], b=names[v.b], sentence=text, word=text) for v in whole.verdicts
        ),
        curves=tuple(replace(c, arm=names[c.arm]) for c in whole.curves),
        trials=tuple(
            replace(t, arm=names[t.arm], values={**t.values, text: text}) for t in whole.trials
        ),
        arrivals=tuple(replace(a, arm=names[a.arm]) for a in whole.arrivals),
        notes=(text, text),
        method=Method(rows, rows, rows, text),
    )  # fmt: skip


def _kind(name: str) -> str:
    return name.rstrip("0123456789")


def _noise(*key: object) -> random.Random:
    return random.Random(repr(key))  # noqa: S311 - a drawing, not a secret


def _scores(name: str, seeds: int) -> list[tuple[int, float]]:
    final = CHARACTERS[_kind(name)][0]
    scores = []
    for seed in range(seeds):
        luck = _noise("seed", seed).gauss(0, 0.0030) + _noise(name, seed).gauss(0, 0.0022)
        lost = name == "rmsprop" and seed == 7
        scores.append((seed, 0.91 if lost else round((final + luck) * 450) / 450))
    return scores


def _arm(name: str, seeds: int, epochs: int, reference: str | None) -> Arm:
    kind = _kind(name)
    scores = _scores(name, seeds)
    values = [s for _, s in scores]
    mean, half = statistics.mean(values), 2.26 * statistics.stdev(values) / math.sqrt(seeds)
    character = CHARACTERS[kind]
    arm = Arm(
        name,
        chosen=f"lr {character[2]:g}",
        mean=mean, low=mean - half, high=mean + half, n=seeds,
        diverged=int(name == "rmsprop" and seeds > 7), seconds=character[4] * epochs,
        flops=6.0 * PARAMS * 1200 * epochs * (1 + character[4]), params=PARAMS,
        boundary=kind == "adagrad", tolerance=10 ** character[3], scores=tuple(scores),
    )  # fmt: skip
    if reference is None or name == reference:
        return arm
    gaps = [a - b for (_, a), (_, b) in zip(scores, _scores(reference, seeds), strict=True)]
    delta, wide = statistics.mean(gaps), 3.2 * statistics.stdev(gaps) / math.sqrt(seeds)
    low, high = delta - wide, delta + wide
    word = "better" if low > 0 else "worse" if high < 0 else "not distinguishable"
    if max(abs(low), abs(high)) < 0.005:
        word = "equivalent"
    wins = sum((gap > 0) + (gap == 0) / 2 for gap in gaps)
    return replace(
        arm,
        delta=delta,
        delta_low=low,
        delta_high=high,
        word=word,
        superiority=wins / seeds,
        pairs=seeds,
    )


def _verdict(arm: Arm, reference: str | None) -> Verdict:
    assert reference is not None
    base = f"lr {CHARACTERS[_kind(reference)][2]:g}"
    said = {
        "better": f"{arm.name} at {arm.chosen} is better than {reference} at {base}.",
        "worse": f"{arm.name} at {arm.chosen} is worse than {reference} at {base}.",
        "equivalent": f"{arm.name} at {arm.chosen} and {reference} at {base} are equivalent.",
        "not distinguishable": f"{arm.name} at {arm.chosen} cannot be told from"
        f" {reference} at {base}.",
    }[arm.word]
    more = 14 if arm.word == "not distinguishable" else None
    return Verdict(
        arm.name, reference, arm.word, said, arm.delta, arm.delta_low, arm.delta_high,
        arm.n, arm.superiority, 0.0041, more,
    )  # fmt: skip


def _curve(name: str, seed: int, epochs: int) -> Curve:
    final, speed, _, _, seconds = CHARACTERS[_kind(name)]
    noise = _noise("curve", name, seed)
    shift = noise.gauss(0, 0.06)
    steps = range(1, epochs + 1)
    train = [2.3 * math.exp(-speed * 1.5 * (e + shift) ** 0.72) + 0.002 for e in steps]
    train = [v * math.exp(noise.gauss(0, 0.04)) for v in train]
    val = [
        max(v, 0.10) * 1.08 + 0.0016 * e * speed + noise.gauss(0, 0.004)
        for v, e in zip(train, steps, strict=True)
    ]
    near = [1 - math.exp(-speed * 1.9 * (e + shift) ** 0.62) for e in steps]
    lost = name == "rmsprop" and seed == 7
    keep = [not (lost and e > 12) for e in steps]

    def seen(values: list[float]) -> tuple[Number, ...]:
        return tuple(v if k else None for v, k in zip(values, keep, strict=True))

    return Curve(
        name, seed, tuple(steps),
        updates=tuple(UPDATES * e for e in steps), examples=tuple(1200 * e for e in steps),
        flops=tuple(6.0 * PARAMS * 1200 * e for e in steps),
        seconds=tuple(seconds * e * (1 + noise.gauss(0, 0.01)) for e in steps),
        train_loss=seen(train), val_loss=seen(val),
        train_accuracy=seen([min(1.0, 0.1 + 0.9 * v) for v in near]),
        val_accuracy=seen([0.1 + (final - 0.1) * v + noise.gauss(0, 0.0025) for v in near]),
    )  # fmt: skip


def _trials(name: str) -> list[Trial]:
    final, _, best, width, _ = CHARACTERS[_kind(name)]
    rates = [best * 10 ** (0.5 * k) for k in (-2, -1, 0, 1, 2)]
    if _kind(name) == "adagrad":
        rates = [best * 10 ** (0.5 * k) for k in (-4, -3, -2, -1, 0)]
    trials = []
    for lr in rates:
        away = abs(math.log10(lr / best)) / width
        lost = _kind(name) == "momentum" and lr > 9 * best
        value = final * (1 - 0.16 * away**2.2) + _noise(name, lr).gauss(0, 0.002)
        trials.append(Trial(name, {"lr": lr}, None if lost else value, lost, lr == best))
    return trials


def _arrival(curve: Curve) -> Arrival:
    for i, value in enumerate(curve.val_accuracy):
        if value is not None and value >= 0.95:
            return Arrival(
                curve.arm, curve.seed, reached=True, epochs=curve.epoch[i], seconds=curve.seconds[i]
            )
    return Arrival(
        curve.arm, curve.seed, reached=False, epochs=curve.epoch[-1], seconds=curve.seconds[-1]
    )


def _headline(arms: tuple[Arm, ...]) -> str:
    ahead = [a for a in sorted(arms, key=lambda a: -(a.mean or 0)) if a.word == "better"]
    rest = ", ".join(a.name for a in ahead[1:4])
    if not ahead:
        return "No arm stands out."
    return (
        f"{ahead[0].name} is better than {REFERENCE} by {100 * (ahead[0].delta or 0):.1f} points,"
        f" and so are {rest}, by somewhat less."
    )


def _method(epochs: int) -> Method:
    return Method(
        settings=(
            ("data", "digits (1,797 images 8 by 8; 1,078 train, 269 validation, 450 test)"),
            ("model", "mlp 64-128-64-10, relu, He initial values"),
            ("batch size", "64"), ("epochs", str(epochs)),
            ("tuning", "5 trials per arm, learning rate only, log grid, by validation accuracy"),
            ("scored by", "last epoch, test set opened once on 2026-11-21 09:29 UTC"),
            ("family", "all arms against sgd, Holm, 95 % simultaneous intervals (paired t)"),
        ),
        hashes=(
            ("study", "5f3c0a9e41d7b8c2a6e0f94d13b7a5586c2d4f8e9b1a7c3d5e6f708192a3b4c5"),
            ("data", "e2a1b0c9d8f7e6d5c4b3a29180f7e6d5c4b3a29180f7e6d5c4b3a29180f7e6d5"),
        ),
        environment=(
            ("steepest", "0.1.0"), ("Python", "3.11.7"), ("NumPy", "2.4.6"),
            ("CPU", "x86-64, 2 cores, 1 thread per worker"), ("git", "a559697, clean"),
        ),
        command="steepest compare sgd momentum adagrad rmsprop adam adamw nadam --data digits"
        " --model mlp --trials 5 --seeds 10 --epochs 20 --reference sgd",
    )  # fmt: skip
