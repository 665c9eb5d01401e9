"""Augmentations: what each does to a batch, what it draws, how it is written."""

import numpy as np
import pytest

from steepest.errors import UsageError
from steepest.nn.augment import (
    AUGMENTS,
    Crop,
    Cutout,
    Flip,
    Jitter,
    Mixup,
    Rotate,
    apply_augment,
    build_augment,
    check_shape,
    draw_epoch,
    mixed_loss,
    parse_augment,
)
from steepest.part import Part
from steepest.program import Recorder
from steepest.program.gradient import evaluate
from steepest.seeds import stream

SHAPE = (8, 8, 3)
X = stream(0, "images").uniform(0.05, 0.95, (1, 40, *SHAPE))


def apply(one, x=X, seed=0):
    """Return the augmented batch, recorded and evaluated, and what was drawn."""
    n = x.shape[1]
    drawn = draw_epoch((one,), seed, 3, n, x.shape[2:])
    recorder = Recorder()

    def declare(name, kind, shape):
        return recorder.input(name, (1, n, *shape), kind)

    y, weight = apply_augment((one,), recorder.input("x", x.shape), declare)
    outputs = {"y": y} if weight is None else {"y": y, "weight": weight + 0.0}
    given = {name: values[None] for name, values in drawn.items()} | {"x": x}
    return evaluate(recorder.program(outputs), given), {k[10:]: v for k, v in drawn.items()}


def test_crop_moves_every_image_within_the_padding():
    """Each image equals the window that was drawn; all moves up to the padding occur."""
    found, drawn = apply(Crop(2))
    padded = np.pad(X[0], ((0, 0), (2, 2), (2, 2), (0, 0)))
    for n, (row, column, _) in enumerate(drawn["place"]):
        window = padded[n, 2 + row : 10 + row, 2 + column : 10 + column]
        np.testing.assert_array_equal(found["y"][0, n], window)
    assert set(drawn["place"][:, :2].ravel()) == {-2, -1, 0, 1, 2}


def test_flip_mirrors_at_its_rate():
    """Images are mirrored or left alone; rate 0 and 1 are certain."""
    found, drawn = apply(Flip())
    mirrored = drawn["place"][:, 2].astype(bool)
    assert 0.2 < mirrored.mean() < 0.8
    np.testing.assert_array_equal(found["y"][0, mirrored], X[0, mirrored][:, :, ::-1])
    np.testing.assert_array_equal(found["y"][0, ~mirrored], X[0, ~mirrored])
    np.testing.assert_array_equal(apply(Flip(0.0))[0]["y"], X)
    np.testing.assert_array_equal(apply(Flip(1.0))[0]["y"], X[:, :, :, ::-1])


def test_cutout_zeroes_one_square():
    """Exactly the pixels of the clipped square are 0, in every channel; the rest is untouched."""
    found, drawn = apply(Cutout(4))
    for n, (row, column) in enumerate(drawn["corner"].astype(int)):
        expected = X[0, n].copy()
        expected[max(row, 0) : row + 4, max(column, 0) : column + 4] = 0
        np.testing.assert_array_equal(found["y"][0, n], expected)
    assert drawn["corner"].min() == -2
    assert drawn["corner"].max() == 5


def test_rotate_turns_by_the_angle_it_drew():
    """Half a turn is a flip of both axes; without reach the image stays as it is."""
    np.testing.assert_allclose(apply(Rotate(0.0))[0]["y"], X, atol=1e-12)
    _, drawn = apply(Rotate(30.0, 2.0))
    angles = np.rad2deg(np.arctan2(drawn["matrix"][:, 3], drawn["matrix"][:, 0]))
    assert 20 < np.abs(angles).max() <= 30
    assert np.abs(drawn["matrix"][:, [2, 5]]).max() <= 2
    half = np.array([-1.0, 0, 0, 0, -1.0, 0])
    from steepest.program import F

    turned = F.warp(X, np.tile(half, (1, 40, 1)))
    np.testing.assert_allclose(turned, X[:, :, ::-1, ::-1], atol=1e-12)


def test_jitter_scales_brightness_and_contrast():
    """Without clipping, mean and deviation move by the factors; pixels stay within 0 and 1."""
    x = 0.5 + 0.2 * (X - 0.5)
    found, drawn = apply(Jitter(0.3, 0.4), x)
    bright, contrast = drawn["factors"].T
    np.testing.assert_allclose(found["y"].mean((2, 3, 4))[0], bright * x.mean((2, 3, 4))[0])
    np.testing.assert_allclose(
        found["y"].std((2, 3, 4))[0], bright * contrast * x.std((2, 3, 4))[0]
    )
    strong = apply(Jitter(0.9, 0.9))[0]["y"]
    assert strong.min() >= 0
    assert strong.max() <= 1
    assert (strong == 1).any()


def test_mixup_mixes_inputs_and_losses_alike():
    """Inputs and losses are the same weighted sums of an example and its neighbour."""
    found, drawn = apply(Mixup(0.4))
    w = drawn["weight"]
    assert ((w >= 0) & (w <= 1)).all()
    other = np.roll(X[0], -1, axis=0)
    expected = w[:, None, None, None] * X[0] + (1 - w)[:, None, None, None] * other
    np.testing.assert_allclose(found["y"][0], expected)
    np.testing.assert_array_equal(found["weight"][0], w)

    targets = np.arange(40.0)[None]
    recorder = Recorder()
    t, weight = recorder.input("t", (1, 40)), recorder.input("w", (1, 40))
    loss = mixed_loss(lambda o, y: o * y, 2.0, t, weight)
    mixed = evaluate(recorder.program({"loss": loss}), {"t": targets, "w": w[None]})["loss"]
    np.testing.assert_allclose(mixed, 2 * (w * targets + (1 - w) * np.roll(targets, -1)))


def test_mixup_of_one_example_changes_nothing():
    """In a batch of one the neighbour is the example itself."""
    x = stream(1, "x").normal(size=(1, 1, 5))
    np.testing.assert_allclose(apply(Mixup(), x)[0]["y"], x)


def test_draws_depend_on_seed_epoch_and_place_in_the_list():
    """The same names draw the same numbers; another seed, epoch or position draws others."""
    one = draw_epoch((Crop(), Crop()), 5, 2, 100, SHAPE)
    again = draw_epoch((Crop(), Crop()), 5, 2, 100, SHAPE)
    for name, values in one.items():
        np.testing.assert_array_equal(values, again[name])
    assert (one["augment.0.place"] != one["augment.1.place"]).any()
    for seed, epoch in ((6, 2), (5, 3)):
        other = draw_epoch((Crop(),), seed, epoch, 100, SHAPE)["augment.0.place"]
        assert (other != one["augment.0.place"]).any()


def test_every_augmentation_declares_what_it_draws():
    """Names, kinds and shapes of `numbers` are those of `draw`."""
    for kind in AUGMENTS.values():
        one = kind()
        drawn = one.draw(stream(0, "x"), 7, SHAPE)
        assert {name for name, _, _ in one.numbers} == set(drawn)
        for name, what, shape in one.numbers:
            assert drawn[name].shape == (7, *shape)
            assert drawn[name].dtype.kind == {"int": "i", "real": "f"}[what]


def test_a_text_is_split_outside_of_brackets():
    """Options in brackets keep their commas; defaults are left out."""
    parts = parse_augment("crop(padding=2),rotate(degrees=5, shift=1),flip(rate=0.5)")
    assert parts == (
        Part("crop", (("padding", 2),)),
        Part("rotate", (("degrees", 5), ("shift", 1))),
        Part("flip"),
    )
    assert parse_augment([{"name": "cutout", "size": 3}]) == (Part("cutout", (("size", 3),)),)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ("flipp", "did you mean 'flip'"),
        ("crop(pading=2)", "no option 'pading'; did you mean 'padding'"),
        ("crop(padding=0)", "padding must be positive, not 0"),
        ("crop(padding=1.5)", "padding must be a whole number, not 1.5"),
        ("cutout(size='x')", "augmentation.size must be like 8"),
        ("rotate(degrees=-3)", "degrees must be positive, not -3"),
        ("mixup,mixup(alpha=1.0)", "mixed once"),
        (3, "must be a list"),
    ],
)
def test_what_cannot_be_is_named(given, words):
    """Unknown names, options and impossible values are one sentence."""
    with pytest.raises(UsageError, match=words):
        build_augment(parse_augment(given))


def test_images_are_needed_but_for_mixup():
    """Augmentations of pixels refuse rows of features; mixup takes them."""
    with pytest.raises(UsageError, match=r"'crop' needs images .* not examples of shape \(40,\)"):
        check_shape((Crop(),), (40,))
    check_shape((Mixup(),), (40,))
