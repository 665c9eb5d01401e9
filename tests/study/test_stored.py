"""Values of trials read back from stored runs."""

import study_case

from steepest.study.protocol import plan_run
from steepest.study.record import decode
from steepest.study.space import Range
from steepest.study.stored import value_of

RANGES = (
    Range("optimizer.lr", 0.01, 1.0, log=True),
    Range("model.hidden", choices=((8,), (16, 8))),
    Range("schedule", choices=("constant", "step(every=1)")),
    Range("batch_size", choices=(32, 64, "full")),
    Range("l2", 0.0, 0.1),
    Range("early_stopping.patience", 1, 9, integer=True),
)


def test_a_stored_run_gives_back_the_values_of_its_trial():
    """Also a default that was left out, a list that became a tuple, a part that became a table."""
    study = study_case.make()
    for share in (0.0, 0.5, 0.99):
        values = tuple((r.name, r.at(share)) for r in RANGES)
        spec = study.spec(study.arms[0], values, 0)
        place = {"arm": "sgd", "role": "tuning", "seed": 0, "values": values}
        stored = decode(plan_run(spec, "d", place).run.spec)
        assert tuple((r.name, value_of(stored, r)) for r in RANGES) == values
