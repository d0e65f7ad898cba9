"""Random changes of training images: what they do, that they repeat, and what they take."""

import time

import numpy as np
import pytest
from helpers import ten_bars

from cnn_estimator.data import augmentation
from cnn_estimator.inputs import numpy_input_fn
from cnn_estimator.settings import AUGMENTATIONS
from cnn_estimator.tf1 import tf

IMAGES = np.random.default_rng(0).integers(1, 256, (500, 28, 28), dtype=np.uint8)


def generator(seed=1):
    return np.random.default_rng(seed)


def offset(image, original):
    """(down, right) by which an image was moved with 0 at the edges; None for another image."""
    for down in range(-2, 3):
        for right in range(-2, 3):
            moved = np.zeros_like(original)
            moved[max(0, down) : 28 + min(0, down), max(0, right) : 28 + min(0, right)] = original[
                max(0, -down) : 28 + min(0, -down), max(0, -right) : 28 + min(0, -right)
            ]
            if np.array_equal(moved, image):
                return down, right
    return None


@pytest.mark.unit
@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
def test_each_image_is_shifted_by_up_to_two_pixels_in_each_direction(dtype):
    images = IMAGES.astype(dtype)
    shifted = augmentation.shift(images, generator())
    assert (shifted.dtype, shifted.shape) == (images.dtype, images.shape)
    offsets = [offset(*pair) for pair in zip(shifted, images, strict=True)]
    assert {*offsets} == {(down, right) for down in range(-2, 3) for right in range(-2, 3)}


@pytest.mark.unit
def test_half_of_the_images_are_mirrored_before_they_are_shifted():
    changed = augmentation.flip_and_shift(IMAGES, generator())
    mirrored = [
        offset(image, original) is None and offset(image, original[:, ::-1]) is not None
        for image, original in zip(changed, IMAGES, strict=True)
    ]
    straight = [offset(*pair) is not None for pair in zip(changed, IMAGES, strict=True)]
    assert all(one != other for one, other in zip(mirrored, straight, strict=True))
    assert 200 < sum(mirrored) < 300


@pytest.mark.unit
def test_half_of_the_images_are_mirrored():
    changed = augmentation.flip(IMAGES, generator())
    mirrored = (changed == IMAGES[:, :, ::-1]).all(axis=(1, 2))
    np.testing.assert_array_equal(changed[~mirrored], IMAGES[~mirrored])
    assert 200 < sum(mirrored) < 300


@pytest.mark.unit
def test_the_images_themselves_stay_as_they_are():
    images = IMAGES.copy()
    augmentation.flip_and_shift(images, generator())
    np.testing.assert_array_equal(images, IMAGES)


@pytest.mark.unit
def test_every_augmentation_that_has_a_name_has_a_function():
    assert [augmentation.create(name) is None for name in AUGMENTATIONS] == [True, False, False, False]


@pytest.mark.unit
def test_a_batch_takes_less_than_a_millisecond():
    images = IMAGES[:100]
    seconds = []
    for seed in range(50):
        started = time.perf_counter()
        augmentation.flip_and_shift(images, generator(seed))
        seconds.append(time.perf_counter() - started)
    assert min(seconds) < 0.001


def batches(first_batch=0, count=4, **options):
    """Batches of 7 of 20 images and their numbers, augmented."""
    images = ten_bars(20)[0]
    given = {"num_epochs": None, "shuffle": True, "seed": 3, "augment": augmentation.flip_and_shift} | options
    input_fn = numpy_input_fn({"x": images}, np.arange(20), batch_size=7, first_batch=first_batch, **given)
    with tf.Graph().as_default(), tf.Session() as session:
        following = tf.data.make_one_shot_iterator(input_fn()).get_next()
        return [session.run(following) for _ in range(count)]


@pytest.mark.integration
def test_batches_repeat_and_a_resumed_run_sees_those_that_it_would_have_seen():
    whole, repeated, resumed = batches(), batches(), batches(first_batch=2, count=2)
    plain, other = batches(augment=None), batches(shuffle=False)
    for found, expected in ((repeated, whole), (resumed, whole[2:])):
        for (features, labels), (expected_features, expected_labels) in zip(found, expected, strict=True):
            np.testing.assert_array_equal(features["x"], expected_features["x"])
            np.testing.assert_array_equal(labels, expected_labels)
    for (features, labels), (plain_features, plain_labels) in zip(whole, plain, strict=True):
        np.testing.assert_array_equal(labels, plain_labels)
        assert not np.array_equal(features["x"], plain_features["x"])
    # The same rows, changed otherwise in the second epoch.
    assert not np.array_equal(other[0][0]["x"], other[3][0]["x"])
