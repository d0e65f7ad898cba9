import numpy as np
import pytest
from helpers import images_content, labels_content, ten_bars

from cnn_estimator.data import idx
from cnn_estimator.data.idx import DatasetError

pytestmark = pytest.mark.unit

IMAGES, LABELS = ten_bars(20)


def test_images_and_labels_are_parsed():
    images = idx.parse_images(images_content(IMAGES), "a")
    labels = idx.parse_labels(labels_content(LABELS), "b")
    np.testing.assert_array_equal(images, IMAGES)
    np.testing.assert_array_equal(labels, LABELS)
    assert (images.dtype, labels.dtype) == (np.uint8, np.uint8)


BAD_IMAGES = {
    "truncated, it has 7 bytes and its header alone is 16": images_content(IMAGES)[:7],
    "truncated, it has 15691 bytes and its header declares 15696": images_content(IMAGES)[:-5],
    "too long, it has 15698 bytes and its header declares 15696": images_content(IMAGES) + b"??",
    "wrong magic number 0x00000801, not 0x00000803": b"\0\0\x08\x01" + images_content(IMAGES)[4:],
    "an empty set": images_content(IMAGES[:0]),
    "its images are 28x27, not 28x28": images_content(IMAGES[:, :, :27]),
}
BAD_LABELS = {
    "truncated, it has 27 bytes and its header declares 28": labels_content(LABELS)[:-1],
    "an empty set": labels_content(LABELS[:0]),
    "label 12 at position 3 is above 9": labels_content(np.array([0, 1, 2, 12, 4], np.uint8)),
}


@pytest.mark.parametrize(
    ("parse", "problem", "content"),
    [(idx.parse_images, *bad) for bad in BAD_IMAGES.items()] + [(idx.parse_labels, *bad) for bad in BAD_LABELS.items()],
)
def test_bad_content_is_an_error_that_names_the_file(parse, problem, content):
    with pytest.raises(DatasetError) as error:
        parse(content, "/data/a file")
    assert str(error.value) == f"/data/a file: {problem}"
