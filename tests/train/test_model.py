"""`Model`: fit, evaluate, predict, summary, save and load."""

import numpy as np
import pytest

import steepest
from steepest import nn, optim
from steepest.errors import DataError, UsageError
from steepest.train.progress import describe


def _fitted(blobs, **options):
    model = steepest.Model("mlp(hidden=(6,))", seed=1)
    values = {"optimizer": optim.Adam(lr=0.02), "epochs": 8, "batch_size": 16, "verbose": 0}
    return model, model.fit(blobs.x, blobs.y, **(values | options))


def test_fit_learns_and_tells_its_history_by_keras_names(blobs):
    model, history = _fitted(blobs)
    assert set(history.history) == {
        "loss", "accuracy", "lr", "val_loss", "val_accuracy", "val_precision", "val_recall",
        "val_f1",
    }  # fmt: skip
    assert all(len(values) == 8 for values in history.history.values())
    assert history.history["loss"][-1] < history.history["loss"][0]
    assert history.status == "finished"
    assert history.best is None
    assert history.seconds > 0
    assert [row["epoch"] for row in history.rows()] == list(range(1, 9))
    assert model.evaluate(blobs.test_x, blobs.test_y)["accuracy"] > 0.7


def test_evaluate_agrees_with_predict(blobs):
    """Probabilities sum to one, and their argmax gives the accuracy."""
    model, _ = _fitted(blobs)
    probabilities = model.predict(blobs.test_x)
    assert probabilities.shape == (30, 3)
    assert probabilities.sum(axis=1) == pytest.approx(np.ones(30))
    found = model.evaluate(blobs.test_x, blobs.test_y)
    assert found["accuracy"] == (probabilities.argmax(axis=1) == blobs.test_y).mean()
    loss = -np.log(probabilities[np.arange(30), blobs.test_y]).mean()
    assert found["loss"] == pytest.approx(loss, rel=1e-5)


def test_evaluating_takes_any_number_of_examples(blobs):
    """513 rows are one full batch and a tail of one; the mean is over all of them."""
    model, _ = _fitted(blobs)
    rows = np.arange(513) % 30
    found = model.evaluate(blobs.test_x[rows], blobs.test_y[rows])
    single = [model.evaluate(blobs.test_x[i : i + 1], blobs.test_y[i : i + 1]) for i in range(30)]
    expected = np.array([one["loss"] for one in single])[rows].mean()
    assert found["examples"] == 513
    assert found["loss"] == pytest.approx(expected, rel=1e-5)


ARCHS = {
    "zoo": "mlp(hidden=(6,),dropout=0.2)",
    "layers": nn.Chain(nn.Flatten(), nn.Linear(5), nn.Tanh(), nn.Linear("classes")),
    "arch": nn.zoo.mlp(hidden=(4,), activation="gelu"),
    "statistics": nn.Chain(nn.Linear(5), nn.BatchNorm(), nn.ReLU(), nn.Linear("classes")),
}


@pytest.mark.parametrize("arch", ARCHS.values(), ids=list(ARCHS))
def test_a_saved_model_predicts_the_same_bits(blobs, tmp_path, arch):
    model = steepest.Model(arch)
    model.fit(blobs.x, blobs.y, epochs=2, verbose=0, normalize=True)
    path = model.save(tmp_path / "model.safetensors")
    loaded = steepest.load(path)
    assert loaded.predict(blobs.test_x).tobytes() == model.predict(blobs.test_x).tobytes()
    assert loaded.evaluate(blobs.test_x, blobs.test_y) == model.evaluate(blobs.test_x, blobs.test_y)
    again = loaded.save(tmp_path / "again.safetensors")
    assert steepest.load(again).predict(blobs.x).tobytes() == model.predict(blobs.x).tobytes()


def test_images_of_bytes_are_scaled_alike_in_fit_and_predict(tmp_path):
    """Bytes in predict are scaled as in fit; a saved model remembers it."""
    digits = steepest.data.load("digits")
    model = steepest.Model("mlp(hidden=(16,))")
    model.fit(digits.x, digits.y, epochs=3, verbose=0)
    loaded = steepest.load(model.save(tmp_path / "digits.safetensors"))
    as_reals = digits.test_x.astype(np.float32) / 255
    assert loaded.predict(digits.test_x) == pytest.approx(model.predict(as_reals), abs=1e-5)


def test_a_second_fit_goes_on_from_the_first(blobs):
    """The first epoch of the second fit starts from what was learned."""
    model, first = _fitted(blobs)
    second = model.fit(blobs.x, blobs.y, epochs=1, batch_size=16, verbose=0)
    assert second.history["loss"][0] < first.history["loss"][0] / 1.5


def test_the_same_seed_gives_the_same_bits_and_another_does_not(blobs):
    a, b = (_fitted(blobs)[0].state.arrays["params"] for _ in range(2))
    assert a.tobytes() == b.tobytes()
    other = steepest.Model("mlp(hidden=(6,))", seed=2)
    other.fit(blobs.x, blobs.y, epochs=8, batch_size=16, optimizer=optim.Adam(lr=0.02), verbose=0)
    assert other.state.arrays["params"].tobytes() != a.tobytes()


def test_validation_data_is_used_instead_of_a_split(blobs):
    """Every row of x trains; val_* are those of the given examples."""
    given = (blobs.test_x, blobs.test_y)
    model, history = _fitted(blobs, validation_data=given)
    assert history.rows()[-1]["examples"] == 8 * blobs.n
    found = model.evaluate(*given)
    assert history.history["val_accuracy"][-1] == found["accuracy"]
    assert history.history["val_loss"][-1] == pytest.approx(found["loss"], rel=1e-6)


def test_a_regression_has_losses_only_and_real_outputs(line, tmp_path):
    """Real targets are fitted by MSE; predictions are real; the file round-trips."""
    x, y = line
    model = steepest.Model("mlp(hidden=(16,))")
    history = model.fit(x, y, epochs=60, batch_size=16, optimizer="adam(lr=0.02)", verbose=0)
    assert "val_f1" not in history.history
    assert history.history["val_loss"][-1] < history.history["val_loss"][0] / 5
    assert model.predict(x).shape == (80, 2)
    found = model.evaluate(x, y)
    assert set(found) == {"loss", "examples"}
    loaded = steepest.load(model.save(tmp_path / "line.safetensors"))
    assert loaded.predict(x).tobytes() == model.predict(x).tobytes()
    assert "accuracy" not in describe(history.epochs[-1])


def test_a_schedule_is_an_object_a_name_or_a_table(blobs):
    """Each reaches the rates that the history shows."""
    for schedule in (optim.Step(every=2, gamma=0.5), "step(every=2, gamma=0.5)"):
        _, history = _fitted(blobs, schedule=schedule, epochs=4)
        assert history.history["lr"] == pytest.approx([0.02, 0.02, 0.01, 0.01])
    _, history = _fitted(blobs, schedule={0: 0.1, 2: 0.2}, epochs=3)
    assert history.history["lr"] == pytest.approx([0.1, 0.1, 0.2])
    _, history = _fitted(blobs, schedule=optim.Warmup(1, optim.Exponential(0.5)), epochs=3)
    assert history.history["lr"] == pytest.approx([0.02, 0.02, 0.01])


def test_what_does_not_fit_together_is_one_sentence(blobs, line):
    model, _ = _fitted(blobs)
    cases = [
        (lambda: model.predict(blobs.x[:, :3]), DataError, r"examples of shape \(3,\)"),
        (lambda: _fitted(blobs, class_weights=(1.0, 2.0)), UsageError, "2 numbers, .* has 3"),
        (lambda: _fitted(blobs, optimizer="adm"), UsageError, "did you mean 'adam'"),
        (lambda: _fitted(blobs, validation_data=(line[0], line[1])), DataError, "validation_data"),
        (lambda: steepest.Model(7), UsageError, "made of an Arch, a layer or a name"),
        (lambda: steepest.Model().predict(blobs.x), UsageError, "no weights yet"),
        (lambda: steepest.Model().save("x.safetensors"), UsageError, "before fit"),
        (lambda: steepest.Model().summary(), UsageError, "input's shape"),
        (lambda: model.save("model.h5"), UsageError, r"name the file 'model\.safetensors'"),
        (lambda: steepest.load("nowhere.safetensors"), DataError, "there is no file"),
    ]
    for act, kind, sentence in cases:
        with pytest.raises(kind, match=sentence):
            act()


def test_a_damaged_file_is_told_from_another_kind_of_file(blobs, tmp_path):
    model, _ = _fitted(blobs, epochs=1)
    path = model.save(tmp_path / "model.safetensors")
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(DataError, match="damaged or not a safetensors file"):
        steepest.load(path)
    from safetensors.numpy import save_file

    save_file({"w": np.zeros(2)}, path)
    with pytest.raises(DataError, match="not written by steepest"):
        steepest.load(path)
    from steepest.train.state import save_arrays

    save_arrays(path, {"w": np.zeros(2)}, {"epoch": 1})
    with pytest.raises(DataError, match="holds no saved model"):
        steepest.load(path)


def test_the_summary_counts_the_layers():
    text = steepest.Model("mlp(hidden=(128, 64))").summary((28, 28, 1))
    assert "109,386 parameters" in text
    assert text.count("Linear") == 3
