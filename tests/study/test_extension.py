"""Studies that may be extended: looks are kept, share the error rate, and are one opening."""

import pytest
import study_case

from steepest.errors import UsageError
from steepest.report.collect import collect
from steepest.stats.sequential import looks
from steepest.study.conclusion import conclude, note_look
from steepest.study.query import find_study
from steepest.study.store import open_store

ARMS = ("sgd(lr=0.1)", "adam(lr=0.01)")
BASE = {"epochs": 1}


def _look(folder, study):
    """Conduct a study, look at it, and return (conclusion, content)."""
    study_case.conduct(study, folder)
    with open_store(study_case.url(folder)) as store:
        found = conclude(study, find_study(store, study.name), store)
        content = collect(found, store, "now", "")
        note_look(store, found)
    return found, content


def _make(seeds, **options):
    return study_case.make(*ARMS, base=BASE, seeds=seeds, **options)


def test_each_look_has_the_level_of_its_turn(tmp_path):
    """Looks at 3, 6 and 12 of 12 pairs: the verdict's level is that of the spending function."""
    planned = looks([3 / 12, 6 / 12, 1.0])
    for turn, seeds in enumerate((3, 6, 12)):
        found, content = _look(tmp_path, _make(seeds, most_seeds=12))
        again, _ = _look(tmp_path, _make(seeds, most_seeds=12))
        for look in (found, again):
            assert look.extension.pairs == (3, 6, 12)[: turn + 1]
            assert look.verdicts[0].level == pytest.approx(1 - planned[turn].nominal)
            assert "O'Brien-Fleming" in look.verdicts[0].method
        assert not any("extended after" in note for note in content.notes)
        assert f"{turn + 1} look" in dict(content.method.settings)["looks"]
    assert found.extension.spent == pytest.approx(0.05)
    opened = dict(content.method.settings)["test set opened"]
    assert opened.startswith("one declared opening, 3 time(s)")


def test_a_look_before_the_declaration_is_still_remarked(tmp_path):
    """It spent nothing, so the error rate is larger than stated; without a declaration as well."""
    _look(tmp_path, _make(2))
    _, content = _look(tmp_path, _make(4))
    assert any("extended after 1 look(s)" in note for note in content.notes)
    _, content = _look(tmp_path, _make(4, most_seeds=8))
    assert any("extended after 2 look(s)" in note for note in content.notes)


def test_what_cannot_be_extended_is_refused():
    for wrong in (
        {"most_seeds": 1},
        {"most_seeds": 9, "tunings": 2},
        {"most_seeds": 9, "nested": 2},
    ):
        with pytest.raises(UsageError, match="most_seeds"):
            _make(2, **wrong)
