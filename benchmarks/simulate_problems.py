"""Compare equal arms across several problems, and count how often any is called better or worse.

    python benchmarks/simulate_problems.py [--replications 2000] [--out FILE]

A problem is one observation: exact signed-rank tests of the arms' means over problems, adjusted by
Holm, as a study of several problems makes them. Arms suit problems unequally well, but none is
ahead on the whole; problems differ threefold in how far apart arms are on them.
"""

import argparse
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from simulate_verdicts import ARMS, FAMILIES, LEVEL, NOISES, gains

from steepest.seeds import stream
from steepest.stats.across import holm, signed_rank


def rows(R: int) -> Iterator[dict[str, Any]]:
    """Yield the share of studies with a wrong verdict, by noise, problems and family."""
    for noise in ("normal", "skewed"):
        for problems in (8, 12, 20):
            rng = stream(0, "problems", noise, problems)
            scale = np.exp(rng.uniform(0, np.log(3), (problems, 1, 1)))
            means = scale * NOISES[noise](rng, (problems, R, ARMS))
            for family, pairs in FAMILIES.items():
                gain = gains(means, pairs)
                tested = [holm([signed_rank(g) for g in gain[:, r].T]) for r in range(R)]
                share = float(np.mean([min(p) < 1 - LEVEL for p in tested]))
                error = float(np.sqrt(share * (1 - share) / R))
                yield {
                    "claim": "false verdict across problems", "noise": noise,
                    "problems": problems, "family": family, "share": share, "error": error,
                }  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--replications", type=int, default=2_000)
    default = Path(__file__).parent / "results" / "problems.json"
    parser.add_argument("--out", type=Path, default=default)
    chosen = parser.parse_args()
    start, found = time.perf_counter(), []
    for line in rows(chosen.replications):
        found.append(line)
        share = f"{100 * line['share']:6.2f} % ± {100 * line['error']:.2f}"
        print(f"{line['noise']:<8} {line['problems']:>3} {line['family']:<10} {share}", flush=True)
    body = ",\n  ".join(json.dumps(line, ensure_ascii=False) for line in found)
    head = f'"replications": {chosen.replications}, "level": {LEVEL}, "arms": {ARMS}'
    chosen.out.write_text(f'{{{head}, "rows": [\n  {body}\n]}}\n', encoding="utf-8")
    print(f"{len(found)} rows in {time.perf_counter() - start:.0f} s: {chosen.out.name}")


if __name__ == "__main__":
    main()
