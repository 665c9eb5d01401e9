"""`steepest compare`: from arms to a verdict, a page and a store."""

import json
import re
from pathlib import Path

import pytest

from steepest.cli import compare as command

SMALL = (
    "--model.hidden", "8", "--epochs", "2", "--batch-size", "256", "--trials", "2", "--seeds", "2",
    "--no-open", "--jobs", "0",
)  # fmt: skip
SCHEMA = {
    "study": str, "headline": str, "scope": str, "metric": str, "reference": (str, type(None)),
    "arms": list, "verdicts": list, "target": (float, type(None)), "notes": list, "failed": list,
    "report": str, "reported": list, "claims": list,
}  # fmt: skip
ARM = {"name", "chosen", "mean", "low", "high", "n", "diverged", "seconds", "scores", "boundary"}
VERDICT = {"a", "b", "word", "sentence", "delta", "low", "high", "n", "superiority", "more_seeds"}


def test_the_question_comes_first_and_the_report_last(call):
    """Between them plan, answer, arms and verdicts; the page and the study's file are written."""
    code, out, _ = call("compare", "sgd", "adam", *SMALL)
    assert code == 0
    lines = out.strip().splitlines()
    assert lines[0] == "Which trains mlp(hidden=(8,)) on digits best: sgd or adam?"
    assert re.match(
        r"Plan: 2 arms, 2 tuning trials each, then 2 paired seeds: 4 \+ 4 runs of 2 epochs on "
        r"digits in this process; about \d+ s\.$",
        lines[1],
    )
    assert re.match(r"Done in \d+ s\. Report: (runs/compare-.*/report\.html)$", lines[-1])
    page = Path(lines[-1].rpartition(" ")[2])
    assert page.read_text(encoding="utf-8").startswith("<!")
    assert (page.parent / "study.toml").exists()
    assert re.search(r"^1 comparison: 1 \w", out, re.MULTILINE)


def test_asking_again_runs_nothing_and_fresh_runs_all(call):
    """The same command finds its answers; `--fresh` asks anew."""
    counted = []
    for more in ((), (), ("--fresh",)):
        code, _, err = call("compare", "sgd", "adam", *SMALL, *more)
        assert code == 0
        counted.append("8 of 8 runs" in err)
    assert counted == [True, False, True]


def test_json_is_one_object_on_stdout(call):
    """With the agreed keys, numbers that JSON has, and everything else on stderr."""
    code, out, err = call("compare", "sgd(lr=1e38)", "adam", *SMALL, "--json")
    assert code == 0
    assert out.count("\n") == 1
    found = json.loads(out, parse_constant=pytest.fail)
    assert set(found) == set(SCHEMA)
    for name, kind in SCHEMA.items():
        assert isinstance(found[name], kind), name
    assert all(set(arm) >= ARM for arm in found["arms"])
    assert all(set(verdict) >= VERDICT for verdict in found["verdicts"])
    assert [len(arm["scores"]) for arm in found["arms"]] == [2, 2]
    assert found["arms"][0]["diverged"] == 2
    assert "Plan: " in err


def test_runs_that_share_programs_give_the_same_answer(call):
    """On NumPy `--together` changes who trains beside whom, and no score."""
    found = []
    for more in ((), ("--together", "3")):
        code, out, _ = call("compare", "sgd", "adam", *SMALL, "--json", *more)
        assert code == 0
        found.append(json.loads(out))
    assert [a["scores"] for a in found[0]["arms"]] == [a["scores"] for a in found[1]["arms"]]
    assert found[0]["study"] != found[1]["study"]
    assert call("compare", "sgd", "adam", *SMALL, "--together", "many")[0] == 2


def test_a_dry_run_lists_what_it_would_do(call):
    code, out, _ = call("compare", "sgd", "adam", *SMALL, "--dry-run")
    assert code == 0
    assert len(re.findall(r"^  [0-9a-f]{12}  (sgd|adam)  lr ", out, re.MULTILINE)) == 4
    assert out.endswith("Nothing was run (--dry-run).\n")
    assert not Path("runs").exists()


def test_quick_is_a_first_look_that_flags_overrule(call):
    """Fewer trials, seeds and epochs, but what is given counts."""
    _, out, _ = call("compare", "sgd", "adam", "--quick", "--dry-run")
    assert "3 tuning trials each, then 5 paired seeds: 6 + 10 runs of 10 epochs" in out
    _, out, _ = call("compare", "sgd", "adam", "--quick", "--seeds", "7", "--epochs", "3",
                     "--dry-run")  # fmt: skip
    assert "then 7 paired seeds: 6 + 14 runs of 3 epochs" in out


def test_without_arms_seven_optimizers_meet_sgd(call, monkeypatch):
    """The question names them, and what is conducted has sgd as its reference."""
    seen = []
    monkeypatch.setattr(command, "conduct", lambda study, wishes: seen.append((study, wishes)) or 0)
    assert call("compare")[0] == 0
    study, wishes = seen[0]
    assert [a.name for a in study.arms] == list(command.ARMS)
    assert (study.reference, study.trials, study.seeds, study.tunings) == ("sgd", 5, 10, 1)
    assert study.question == (
        "Does momentum, adagrad, rmsprop, adam, adamw or nadam train mlp on digits better than sgd?"
    )
    assert (wishes.fresh, wishes.open, wishes.json, wishes.dry_run) == (False, True, False, False)
    assert wishes.jobs >= 1


def test_an_own_table_works_the_same(call, tmp_path):
    """`--data my.csv --target y`: the target is the column, as in `train`."""
    rows = [f"{i % 7},{(i * 31) % 11},{'up' if i % 7 > 3 else 'down'}" for i in range(120)]
    (tmp_path / "my.csv").write_text("\n".join(["a,b,y", *rows]), encoding="utf-8")
    code, out, err = call("compare", "sgd", "adam", "--data", "my.csv", "--target", "y", *SMALL)
    assert code == 0, err
    assert out.startswith("Which trains mlp(hidden=(8,)) on my.csv best")
    code, _, err = call("compare", "sgd", "adam", "--data", "my.csv", "--target", "z", *SMALL)
    assert code in (2, 4)
    assert "unknown column 'z'" in err


def test_store_and_report_go_where_they_are_asked_to(call, tmp_path):
    code, out, _ = call("compare", "sgd", "adam", *SMALL, "--store", "sqlite:///deep/own.db",
                        "--out", "pages/own.html", "--name", "mine")  # fmt: skip
    assert code == 0
    assert (tmp_path / "deep" / "own.db").exists()
    assert (tmp_path / "pages" / "own.html").exists()
    assert out.rstrip().endswith("Report: pages/own.html")
    assert not (tmp_path / "runs" / "steepest.db").exists()


def test_a_failing_arm_ends_with_3_and_its_reason(call, tmp_path, monkeypatch):
    """The others are compared; `status` and `show` tell the reason again."""
    text = (
        "from dataclasses import dataclass\n@dataclass(frozen=True)\nclass Bad:\n"
        "    lr: float = 1.0\n    slots = ()\n    def coefficients(self, t, lr):\n"
        "        if len(t) > 1:\n"
        "            raise OSError('no [bold] luck')\n        return {'lr': lr}\n"
        "    def step(self, p, g, s, c):\n        return p - c['lr'] * g, {}\n"
    )
    (tmp_path / "bad_luck.py").write_text(text, encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    arm = "bad_luck:Bad(lr=0.5)"
    code, out, err = call("compare", "sgd", "adam", arm, *SMALL, "--name", "luck")
    assert code == 3
    assert f"failed: {arm} seed 0: OSError: no [bold] luck" in err
    assert f"Note: {arm} has no finished final run" in out
    code, out, _ = call("status", "luck")
    assert "8 finished" in out
    assert "2 failed" in out
    assert out.count("OSError: no [bold] luck") == 2
    key = re.search(r"\(([0-9a-f]{12})\): OSError", out).group(1)
    assert call("show", key)[1].startswith(f"run {key}: failed (OSError: no [bold] luck)")
    code, _, err = call("compare", "sgd", arm, *SMALL)
    assert code == 3
    assert err.splitlines()[-1].startswith("steepest: study 'compare-digits-mlp-")
    assert "no finished comparison yet; 2 runs failed, first:" in err


@pytest.mark.parametrize(
    ("flags", "sentence"),
    [
        (("adm", "sgd"), "arm 'adm': unknown optimizer 'adm'; did you mean 'adam'?"),
        (("sgd",), "a study compares two arms at least, not 1"),
        (("sgd", "adam", "--seeds", "0"), "seeds must be a whole number of at least 1, not 0"),
        (("sgd", "adam", "--seed", "3"), "seed is not for a study to set"),
        (("sgd", "adam", "--reference", "adm"), "reference: no arm 'adm'; did you mean 'adam'?"),
        (("sgd", "adam", "--metric", "acc"), "unknown metric 'acc'"),
        (("sgd", "adam", "--trials", "12"), "trials over 2 hyper-parameters: a Sobol sequence"),
        (("sgd", "adam", "--sedes", "3"), "unknown flag '--sedes'; did you mean '--seeds'?"),
        (("sgd", "adam", "--seeds", "many"), "invalid value for --seeds"),
        (("sgd", "adam", "--data", "dgits"), "unknown data set 'dgits'; did you mean 'digits'?"),
        (("sgd", "adam", "--jobs", "-1"), "--jobs must be at least 0 (no workers), not -1"),
        (("sgd", "adam", "--name", "../x"), "cannot be the name of a folder"),
        (("sgd", "adam", "--model.hiden", "8"), "has no option 'hiden'; did you mean 'hidden'?"),
    ],
)
def test_a_mistake_is_one_sentence(call, flags, sentence):
    """On stderr, with exit code 2 and nothing made."""
    code, out, err = call("compare", *flags, "--no-open")
    assert code == 2
    assert sentence in err
    assert len(err.strip().splitlines()) == 1
    assert "Traceback" not in err + out
    assert not Path("runs/steepest.db").exists()


def test_factors_are_crossed_from_the_command_line(call):
    """Written as in a study file or as bare words; the answer holds effects and interactions."""
    factors = (
        "--factor",
        "model.dropout=0,0.5",
        "--factor",
        "early_stopping=[false, {patience=1}]",
    )
    code, out, err = call("compare", *SMALL, *factors, "--json", "--name", "f")
    assert code == 0, err
    found = json.loads(out)
    assert len(found["arms"]) == 4
    assert [e["level"] for e in found["effects"]] == ["dropout 0.5", "early stopping patience 1"]
    assert len(found["interactions"]) == 1
    code, out, _ = call("results", "f", "--table", "effects", "--format", "csv")
    assert code == 0
    assert out.splitlines()[0] == "level,base,cells,word,delta,low,high,n"
    one = ("--factor", "optimizer=sgd,adam", "--factor", "l2=0,0.1", "--ablation", "one-in")
    code, out, _ = call("compare", *SMALL, *one, "--dry-run")
    assert code == 0
    assert out.startswith("What do optimizer and l2 change on digits?\nPlan: 3 arms")


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        (("model.dropout",), "write it as 'model.dropout=[0, 0.5]'"),
        (("model=[mlp, two_layer]",), "texts in quotes"),
        (("l2=0,0.1", "--factor", "l2=0,1"), "--factor l2 is given twice"),
        (("l2=0",), "must be a list of two levels or more"),
    ],
)
def test_a_mistaken_factor_is_one_sentence(call, given, sentence):
    code, _, err = call("compare", *SMALL, "--factor", *given)
    assert code == 2
    assert sentence in err
