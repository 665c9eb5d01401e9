"""The study files of published tables: readable, with claims, and the full one beside a reduced."""

from pathlib import Path

import pytest

from steepest.study.toml import read_study

FILES = sorted((Path(__file__).parents[2] / "studies/sources").glob("*.toml"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_published_table_can_be_run_again(path):
    """Every file holds a question and claims; a reduced one says so and has its full one beside."""
    study = read_study(path)
    assert study.question
    assert study.claims
    assert 3 <= study.seeds <= 10
    reduced = [note for note in study.notes if note.startswith("Reduced budget")]
    if path.stem.endswith("-full"):
        assert not reduced
        assert "examples" not in dict(study.base)
    else:
        (note,) = reduced
        assert f"{path.stem}-full.toml" in note
        full = read_study(path.with_name(f"{path.stem}-full.toml"))
        assert [a.name for a in full.arms] == [a.name for a in study.arms]
        assert [a.reported for a in full.arms] == [a.reported for a in study.arms]
        assert set(study.claims) <= set(full.claims)  # a level needs the full budget
