"""Write docs/speed.md, and README's section on speed, from the result files.

python benchmarks/speed_table.py            # print both
python benchmarks/speed_table.py --write    # put them into docs/speed.md and README.md
"""

import argparse
import json
from pathlib import Path

import cnn
import timing

FOLDER = Path(__file__).parent / "results"
README = Path(__file__).parent.parent / "README.md"
PAGE = README.parent / "docs" / "speed.md"
SHOWN = (
    "ours", "ours-torch", "torch", "torch-compile-step", "jax-scan", "keras", "lightning-memory",
)  # fmt: skip
NETS = ("ours-torch", "torch", "torch-last", "torch-compile-last", "lightning", "keras", "jax")
FIRST = (
    "Side by side, medians of interleaved rounds; figures and versions in "
    "[benchmarks/results](../benchmarks/results), made anew by `make bench` and `make bench-gpu` "
    "([how](../benchmarks/README.md)). Ours compiles kernels where there is a C compiler, and is "
    "slower [without](log.md). This page is written by `benchmarks/speed_table.py`."
)
LIBRARIES = {  # the contenders of a library, of which the quickest counts
    "PyTorch": (
        "torch", "torch-dataloader", "torch-compile", "torch-compile-step", "torch-last",
        "torch-compile-last", "torch-2", "PyTorch, autocast", "PyTorch, autocast, torch.compile",
    ),
    "JAX": ("jax", "jax-scan"),
    "Keras": ("keras", "keras-jax"),
    "Lightning": ("lightning", "lightning-memory"),
}  # fmt: skip
OURS = (
    "ours", "ours-torch", "steepest, bfloat16", "steepest, bfloat16, compiled", "ours-together",
)  # fmt: skip
STEPS = "A training step with gathering, loss and accuracy"
NETWORKS = "Whole steps of networks of images with Adam"
STUDY = "A whole study, from the start of the program to its end"
WAYS = (
    "steepest, bfloat16, compiled", "steepest, bfloat16", "PyTorch, autocast, torch.compile",
    "PyTorch, autocast",
)  # fmt: skip
TOGETHER = ("steepest", "steepest, compiled", "PyTorch, vmap")
IDLE = 0.3  # processors that other programs may have kept busy, for a run to be shown
WORDS = {1: "one thread", 2: "two threads"}


def read(name):
    """Return a result file, empty where it is absent."""
    path = FOLDER / name
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}


def quiet(runs):
    """Return the runs that had the machine to themselves; older ones do not tell."""
    rows = [(run, [r.get("others", 0.0) for r in run["contenders"].values()]) for run in runs]
    return [run for run, others in rows if max(others) <= IDLE]


def grid(title, columns, rows):
    """Return a Markdown table of label -> cells; absent cells are dashes, ours is bold."""
    lines = [f"| {title} | " + " | ".join(columns) + " |", "|---|" + "--:|" * len(columns)]
    for label, cells in rows:
        texts = [f"**{c}**" if label.startswith("steepest") and c != "-" else c for c in cells]
        lines.append(f"| {label} | " + " | ".join(texts) + " |")
    return "\n".join(lines)


def number(micros, unit):
    """Return microseconds in a unit with three digits."""
    value = micros / unit
    digits = 0 if value >= 99.5 else 1 if value >= 9.95 else 2
    return f"{value:,.{digits}f}"


def cell(run, name, unit):
    """Return the median of a contender, a dash where it was not timed."""
    row = run["contenders"].get(name, {})
    return number(row["median_us"], unit) if "median_us" in row else "-"


def steps(result):
    """Return the table of the MLP's step."""
    runs = sorted(
        quiet(result["runs"]), key=lambda r: (-(r["batch"] == 64), r["batch"], r["threads"])
    )
    units = [1e3 if r["batch"] > 1000 else 1 for r in runs]
    columns = [
        f"batch {r['batch'] if unit == 1 else 'full'}, {WORDS[r['threads']]}, "
        f"{'µs' if unit == 1 else 'ms'}"
        for r, unit in zip(runs, units, strict=True)
    ]
    names = [n for n in SHOWN if n in runs[0]["contenders"]]
    names.sort(key=lambda n: runs[0]["contenders"][n].get("median_us", float("inf")))
    pairs = list(zip(runs, units, strict=True))
    rows = [(runs[0]["contenders"][n]["label"], [cell(r, n, u) for r, u in pairs]) for n in names]
    return grid("MLP 784-128-64-10, SGD", columns, rows)


def nets(result):
    """Return the table of the convolutional networks' steps."""
    models = list(cnn.BATCHES)
    runs = sorted(quiet(result["runs"]), key=lambda r: (models.index(r["model"]), r["threads"]))
    columns = [f"{r['model']}, batch {r['batch']}, {WORDS[r['threads']]}" for r in runs]
    names = [n for n in NETS if any("median_us" in r["contenders"].get(n, {}) for r in runs)]
    rows = [(cnn.CONTENDERS[n].label, [cell(r, n, 1e3) for r in runs]) for n in names]
    ratios = []
    for run in runs:
        rival = cnn.best_rival(run)
        own = run["contenders"].get("ours-torch", {})
        known = rival and "rounds_us" in own
        against = known and timing.ratio(run["contenders"][rival], own)
        ratios.append(f"{against:.1f}×" if known else "-")
    rows.append(("PyTorch's best over steepest", ratios))
    return grid("ms a step, Adam", columns, rows)


def study(result):
    """Return the table of the study of many short runs."""
    rows = sorted(
        (r for r in result["ways"].values() if "seconds" in r), key=lambda r: -r["runs a second"]
    )
    whole = result["study"]["runs"]
    cells = [
        (
            r["label"].replace("steepest: ", "steepest, "),
            [
                f"{r['runs a second']:.2f}",
                f"{r['processor seconds'] / r['runs']:.2f}",
                f"{r['runs']} in {r['seconds']:.0f} s",
            ],
        )
        for r in rows
    ]
    title = f"{whole} runs of {result['study']['updates of a run']} updates"
    return grid(title, ["runs a second", "processor seconds a run", "timed"], cells)


def device_nets(result):
    """Return the table of networks on a CUDA device."""
    nets = result["nets"]
    rows = [
        (way, [figure(found.get(way, {}), "images a second") for found in nets.values()])
        for way in WAYS
    ]
    return grid("images a second, batch 512, momentum", list(nets), rows)


def device_study(result):
    """Return the table of many MLP runs in one program on a CUDA device."""
    columns = [f"{int(runs):,} at once" for runs in result["study"]]
    rows = [
        (way, [figure(found.get(way, {}), "runs a second") for found in result["study"].values()])
        for way in TOGETHER
    ]
    return grid("MLP runs a second, each of 157 updates", columns, rows)


def figure(row, name):
    """Return a rate with three digits, a dash where it is not known."""
    if name not in row:
        return "-"
    rate = float(f"{row[name]:.3g}")
    return f"{rate:,.0f}" if rate >= 100 else f"{rate:#.3g}"


def processor(about):
    """Return how many cores of which processor a file is of."""
    generation = f" ({about['generation']})" if about.get("generation") else ""
    return f"{about['cores']} cores of an {about['processor']}{generation} with {about['vectors']}"


def headed(text, result):
    """Return the sentence above a table: what it is and where it was measured."""
    about = result["machine"]
    return f"{text}, on {processor(about)}:"


def page():
    """Return docs/speed.md; each table is of one machine."""
    parts = ["# Speed", FIRST]
    tables = (("step-mlp.json", STEPS, steps), ("cnn.json", NETWORKS, nets),
              ("study.json", STUDY, study))  # fmt: skip
    for name, text, make in tables:
        if result := read(name):
            parts += [headed(text, result), make(result)]
    if result := read("gpu.json"):
        text = f"Training on one {result['device']}, with the data on it:"
        parts += [text, device_nets(result), device_study(result)]
    return "\n\n".join(parts) + "\n"


def section():
    """Return README's section: a row a task, the quickest way of each library."""
    about, device = read("cnn.json")["machine"], read("gpu.json")["device"]
    first = (
        f"On {processor(about)} and on one "
        f"{device}, the quickest way of each library, medians; more ways, threads and sizes in "
        "[docs/speed.md](docs/speed.md), made anew by `make bench`."
    )
    rows = [(label, [best(ways, names, unit, rate) for names in (OURS, *LIBRARIES.values())])
            for label, ways, unit, rate in tasks()]  # fmt: skip
    columns = ["steepest", *LIBRARIES]
    lines = ["| | " + " | ".join(columns) + " |", "|---|" + "--:|" * len(columns)]
    lines += [f"| {label} | **{own}** | {' | '.join(others)} |" for label, (own, *others) in rows]
    return first + "\n\n" + "\n".join(lines) + "\n"


def tasks():
    """Yield (what was timed, the ways by name, the unit in µs, the rate's name or none)."""
    for batch in (64, 1):
        run = only(read("step-mlp.json"), batch=batch, threads=1)
        yield f"MLP, a step of {batch}, one thread, µs", run["contenders"], 1, ""
    for model in cnn.BATCHES:
        run = only(read("cnn.json"), model=model, threads=2)
        text = f"{model}, a step of {run['batch']}, two threads, ms"
        yield text, run["contenders"], 1e3, ""
    found = read("study.json")
    text = f"a study of {found['study']['runs']} short runs, runs a second"
    yield text, found["ways"], 1, "runs a second"
    for model, ways in read("gpu.json")["nets"].items():
        yield f"{model} on the GPU, bfloat16, images a second", ways, 1, "images a second"


def only(result, **case):
    """Return the run of a case."""
    return next(r for r in result["runs"] if case.items() <= r.items())


def best(ways, names, unit, rate):
    """Return the best figure among the ways of these names, a dash where there is none."""
    if rate:
        known = [ways[n] for n in names if rate in ways.get(n, {})]
        return figure(max(known, key=lambda r: r[rate]), rate) if known else "-"
    known = [ways[n]["median_us"] for n in names if "median_us" in ways.get(n, {})]
    return number(min(known), unit) if known else "-"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--write", action="store_true", help="into docs/speed.md and README.md")
    if not parser.parse_args().write:
        print(page(), section(), sep="\n")
        return
    PAGE.write_text(page(), encoding="utf-8")
    readme = README.read_text(encoding="utf-8")
    before, _, rest = readme.partition("## Speed\n")
    after = rest[rest.index("\n## ") :]
    README.write_text(f"{before}## Speed\n\n{section()}{after}", encoding="utf-8")


if __name__ == "__main__":
    main()
