"""input_data, with which TF 1 tutorials load data. The expected numbers are TensorFlow 1.15.5's for the same files."""

import gzip

import numpy as np
import pytest
from helpers import images_content, labels_content, load_public, ten_bars

from cnn_estimator.data.datasets import DatasetError
from cnn_estimator.tf1 import input_data, tf

pytestmark = pytest.mark.integration


def batch(data, size, **options):
    """Returns (labels, sum of the images) of the next batch."""
    images, labels = data.next_batch(size, **options)
    assert len(images) == len(labels)
    return labels.tolist(), float(images.sum(dtype=np.float64))


def test_data_sets_have_the_sizes_and_types_of_tf_115(data_dir):
    data = input_data.read_data_sets(data_dir, validation_size=50, seed=3)
    assert [part.num_examples for part in data] == [250, 50, 130]
    assert (data.train.images.shape, data.train.images.dtype, data.train.labels.dtype) == ((250, 784), "float32", "u1")
    assert float(data.test.images.sum(dtype=np.float64)) == 18243.435957181267
    assert data.test.images[data.test.images > 0][:3].tolist() == [
        0.06666667014360428,
        0.16862745583057404,
        0.02352941408753395,
    ]
    data = input_data.read_data_sets(data_dir, one_hot=True, validation_size=0, reshape=False, dtype=tf.uint8)
    images, labels = data.train.next_batch(6)
    assert (images.shape, images.dtype, labels.shape, labels.dtype) == ((6, 28, 28, 1), "u1", (6, 10), "float64")
    assert data.validation.num_examples == 0


def test_batches_have_the_order_of_tf_115_for_the_same_seed(data_dir):
    data = input_data.read_data_sets(data_dir, validation_size=50, seed=3)
    batches = [(*batch(data.train, 110), data.train.epochs_completed) for _ in range(3)]
    assert [(labels[:8], total, epochs) for labels, total, epochs in batches] == BATCHES
    assert batch(data.test, 100, shuffle=False)[0] == [i % 10 for i in range(100)]
    assert batch(data.test, 100, shuffle=False)[0] == [i % 10 for i in range(100, 130)] + [i % 10 for i in range(70)]
    assert data.test.epochs_completed == 1
    assert batch(data.validation, 5) == ([0, 5, 4, 1, 7], 697.6313983811997)
    assert len(batch(data.validation, 200)[0]) == 95, "a batch ends at the latest with the next epoch"


BATCHES = [
    ([6, 4, 7, 0, 8, 3, 6, 3], 15439.584874692839, 0),
    ([1, 6, 5, 5, 4, 5, 1, 0], 15433.118208750617, 0),
    ([9, 0, 1, 2, 6, 0, 2, 1], 15433.510365249589, 1),
]


def test_the_seed_of_numpy_or_of_the_graph_determines_the_order(data_dir):
    data = input_data.read_data_sets(data_dir, validation_size=0, dtype=tf.uint8)
    np.random.seed(7)
    assert batch(data.train, 6) == ([4, 7, 0, 6, 4, 4], 214032)
    with tf.Graph().as_default():
        tf.set_random_seed(5)
        data = input_data.read_data_sets(data_dir, validation_size=0)
        assert batch(data.train, 8) == ([6, 9, 0, 4, 4, 0, 4, 3], 1117.8902362147346)


def test_wrong_arguments_and_damaged_files_raise_errors(data_dir, tmp_path):
    with pytest.raises(ValueError, match=r"validation_size must be in 0\.\.300, not 301"):
        input_data.read_data_sets(data_dir, validation_size=301)
    with pytest.raises(TypeError, match="float64"):
        input_data.read_data_sets(data_dir, validation_size=0, dtype=tf.float64)
    (tmp_path / "train-images-idx3-ubyte.gz").write_bytes(b"no archive")
    with pytest.raises(DatasetError):
        input_data.read_data_sets(tmp_path)
    with pytest.raises(NotImplementedError, match="fake_data"):
        input_data.read_data_sets("", fake_data=True)
    with pytest.raises(ValueError, match="2 images, but 3 labels"):
        input_data.DataSet(np.zeros((2, 4, 4, 1), np.uint8), np.zeros(3))
    with pytest.raises(ValueError, match="cannot reshape"):
        input_data.DataSet(np.zeros((2, 4, 4, 3), np.uint8), np.zeros(2))


def test_images_and_labels_are_read_from_single_files(tmp_path):
    images, labels = ten_bars(12)
    for name, content in (("images", images_content(images)), ("labels", labels_content(labels))):
        (tmp_path / name).write_bytes(gzip.compress(content))
    with open(tmp_path / "images", "rb") as file:
        np.testing.assert_array_equal(input_data.extract_images(file), images[..., np.newaxis])
    with open(tmp_path / "labels", "rb") as file:
        np.testing.assert_array_equal(input_data.extract_labels(file), labels)
    with open(tmp_path / "labels", "rb") as file:
        np.testing.assert_array_equal(input_data.extract_labels(file, one_hot=True), np.eye(10)[labels])


def test_a_folder_without_idx_files_selects_the_public_data(tmp_path):
    public = load_public("mnist", "test")
    data = input_data.read_data_sets(str(tmp_path / "MNIST_data"))
    assert [part.num_examples for part in data] == [55000, 5000, 10000]
    np.testing.assert_array_equal(data.test.labels, public.labels)
    assert not list(tmp_path.iterdir())

    public = load_public("fashion_mnist", "test")
    data = input_data.read_data_sets(
        str(tmp_path), source_url="http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/", dtype=tf.uint8
    )
    np.testing.assert_array_equal(data.test.images, np.rint(public.images.reshape(-1, 784) * 255))


def test_the_network_of_the_tutorial_learns():
    from tensorflow.examples.tutorials.mnist import mnist

    images, labels = np.eye(10, mnist.IMAGE_PIXELS, dtype=np.float32), np.arange(10, dtype=np.int32)
    with tf.Graph().as_default(), tf.Session() as session:
        tf.set_random_seed(1)
        logits = mnist.inference(tf.constant(images), 32, 16)
        train = mnist.training(mnist.loss(logits, tf.constant(labels)), 0.5)
        right = mnist.evaluation(logits, tf.constant(labels))
        assert [variable.op.name for variable in tf.trainable_variables()] == [
            f"{layer}/{name}" for layer in ("hidden1", "hidden2", "softmax_linear") for name in ("weights", "biases")
        ]
        session.run(tf.global_variables_initializer())
        for _ in range(400):
            session.run(train)
        assert session.run((right, "global_step:0")) == (10, 400)
        assert len(tf.get_collection(tf.GraphKeys.SUMMARIES)) == 1
