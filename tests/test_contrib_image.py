"""tf.contrib.image and tf.contrib.resampler. The expected numbers are TensorFlow 1.15.5's for the same calls."""

import importlib

import numpy as np
import pytest
from graphs import gradients, near, new_session

from cnn_estimator.tf1 import contrib, tf

pytestmark = pytest.mark.integration

images = contrib.image
distort_image_ops = importlib.import_module("tensorflow.contrib.image.python.ops.distort_image_ops")
IMAGE = (np.arange(12).reshape(3, 4) * 7 % 12).astype(np.float32)
COLOURS = np.cos(np.arange(36)).reshape(2, 3, 2, 3).astype(np.float32) / 4 + 0.5
POINTS = np.array([[[0.0, 0.0], [0.5, 3.0], [2.0, 1.0], [1.5, 2.5]]], np.float32)
PLACES = np.array([[[0.5, 0.25], [-0.5, 1], [2.75, 2], [3, 2]], [[-1, 0], [4, 1], [1.5, 2.9], [np.nan, 0]]], np.float32)
AREAS = np.array(
    [
        [[2, 2, 0, 1, 1, 1], [0, 2, 1, 1, 0, 1], [1, 0, 1, 0, 0, 1], [1, 1, 1, 0, 2, 1]],
        [[1, 0, 1, 0, 1, 0], [1, 0, 1, 0, 1, 1], [1, 1, 1, 0, 0, 3], [0, 0, 0, 2, 2, 3]],
    ]
)

session = pytest.fixture(new_session)


def colours():
    return tf.constant(COLOURS)


SPLINES = {
    1: [
        [
            [0.75, 0.635076, 0.395963],
            [0.492115, 0.474864, 0.480723],
            [0.740461, 0.6563, 0.428438],
            [0.567923, 0.53086, 0.465425],
        ]
    ],
    2: [
        [
            [0.75, 0.635076, 0.395963],
            [0.500985, 0.485513, 0.48336],
            [0.752647, 0.67093, 0.432061],
            [0.572022, 0.535782, 0.466644],
        ]
    ],
    3: [
        [
            [0.75, 0.635076, 0.395963],
            [0.510254, 0.496641, 0.486116],
            [0.765171, 0.685966, 0.435784],
            [0.576314, 0.540934, 0.46792],
        ]
    ],
    4: [
        [
            [0.75, 0.635076, 0.395963],
            [0.528432, 0.518464, 0.49152],
            [0.787116, 0.712312, 0.442309],
            [0.585008, 0.551372, 0.470505],
        ]
    ],
    6: [
        [
            [0.75, 0.635076, 0.395963],
            [0.553911, 0.549052, 0.499095],
            [0.807195, 0.736416, 0.448278],
            [0.597737, 0.566653, 0.474289],
        ]
    ],
}
CASES = {
    "rotate": (lambda: images.rotate(IMAGE, 0.5), [[0, 2, 2, 1], [0, 11, 6, 5], [4, 3, 3, 0]]),
    "rotate, bilinear": (
        lambda: images.rotate(IMAGE, 0.5, "bilinear"),
        [
            [1.87176, 3.79283, 4.55865, 1.59681],
            [2.40883, 9.73511, 7.08882, 4.79468],
            [3.26311, 6.17074, 5.4865, 3.35337],
        ],
    ),
    "rotate each": (
        lambda: images.rotate(colours(), [0.3, -1.2], interpolation="BILINEAR")[..., 0],
        [
            [[0.53085, 0.186279], [0.730969, 0.288038], [0.520803, 0.392395]],
            [[0.231702, 0.490647], [0.537887, 0.472547], [0.36312, 0.162581]],
        ],
    ),
    "rotate bytes": (
        lambda: images.rotate(IMAGE.astype(np.uint8)[:, :, np.newaxis], 2.0, "BILINEAR")[..., 0],
        [[8, 3, 8, 1], [1, 5, 7, 2], [1, 6, 6, 7]],
    ),
    "rotate in a loss": (
        lambda: gradients(lambda image: images.rotate(image, 0.5, "BILINEAR"), IMAGE),
        [
            [-0.275788, 0.428044, 0.0891023, -0.2458, -0.340981, 0.0297945],
            [0.612801, -0.413783, -0.263403, -0.769871, 0.00626707, 0.447274],
        ],
    ),
    "translate": (lambda: images.translate(IMAGE, [1.0, -1.0]), [[0, 4, 11, 6], [0, 8, 3, 10], [0, 0, 0, 0]]),
    "translate, bilinear": (
        lambda: images.translate(IMAGE, [0.75, -0.25], "BILINEAR"),
        [[0.25, 2.75, 6.75, 4], [1.25, 6, 8.5, 5.75], [1.5, 5.0625, 3.5625, 6.5625]],
    ),
    "translate each": (
        lambda: images.translate(colours(), [[0, 1], [1, 0]])[..., 1],
        [[[0, 0], [0.635076, 0.336589], [0.688476, 0.290232]], [[0, 0.747176], [0, 0.747801], [0, 0.728686]]],
    ),
    "transform": (
        lambda: images.transform(IMAGE, [1.1, 0.2, -0.3, 0.1, 0.8, 0.2, 0.05, -0.02], "BILINEAR", output_shape=[2, 5]),
        [[0.56, 6.47619, 4.81818, 4.8242, 2.91667], [3.66514, 10.2762, 6.64815, 2.44248, 0.621374]],
    ),
    "transform, nearest, halves": (
        lambda: images.transform(IMAGE, [1, 0, 0.5, 0, 1, -0.5, 0, 0]),
        [[0, 0, 0, 0], [11, 6, 1, 0], [3, 10, 5, 0]],
    ),
    "transform in a loss": (
        lambda: gradients(
            lambda image: images.transform(image, [1.1, 0.2, -0.3, 0.1, 0.8, 0.2, 0.05, -0.02], output_shape=[2, 5]),
            IMAGE,
        ),
        [[1, 0.540302, 0, 0, 0.283662, 0.96017], [0.753902, -0.1455, 0, 0, 0, 0]],
    ),
    "angles": (
        lambda: images.angles_to_projective_transforms([0.3, -2.0], tf.constant(5.0), 9.0),
        [
            [0.955337, -0.29552, 0.769694, 0.29552, 0.955337, -1.09275, 0, 0],
            [-0.416147, 0.909297, 3.84599, -0.909297, -0.416147, 6.46948, 0, 0],
        ],
    ),
    "translations": (
        lambda: images.translations_to_projective_transforms([[1.5, -2], [0, 3]]),
        [[1, 0, -1.5, 0, 1, 2, 0, 0], [1, 0, 0, 0, 1, -3, 0, 0]],
    ),
    "compose": (
        lambda: images.compose_transforms(
            images.angles_to_projective_transforms(0.3, 5.0, 9.0), [[1, 0, -1.5, 0, 1, 2, 0.01, 0.02]]
        ),
        [[0.963033, -0.280126, -1.25435, 0.284593, 0.933481, 0.374639, 0.01, 0.02]],
    ),
    "matrices": (
        lambda: images.matrices_to_flat_transforms(2 * np.arange(1.0, 10).reshape(3, 3)),
        [[0.111111, 0.222222, 0.333333, 0.444444, 0.555556, 0.666667, 0.777778, 0.888889]],
    ),
    "dense_image_warp": (
        lambda: images.dense_image_warp(colours(), tf.sin(tf.reshape(tf.range(24.0), [2, 3, 2, 2])))[..., 2],
        [
            [[0.395963, 0.546226], [0.451035, 0.482735], [0.464376, 0.431209]],
            [[0.634059, 0.519758], [0.316199, 0.345684], [0.665806, 0.274077]],
        ],
    ),
    "dense_image_warp in a loss": (
        lambda: gradients(
            images.dense_image_warp,
            COLOURS[:1, :, :, :1],
            np.array([0, 0, 0.25, -0.5, 1, 1.5] * 2, np.float32).reshape(1, 3, 2, 2),
        ),
        [
            [0.583853, 0.540302, 0.201957, -1.0717, -0.245116, -0.245116, 0, 0, 0],
            [0, 0, 0, 0, -0.463143, 0.00287, -0.272975, 0, 0],
        ],
    ),
    **{
        f"spline {order}": (
            lambda order=order: images.interpolate_spline(POINTS, COLOURS[:1, :2].reshape(1, 4, 3), POINTS / 2, order),
            expected,
        )
        for order, expected in SPLINES.items()
    },
    "spline, smooth": (
        lambda: images.interpolate_spline(POINTS, COLOURS[:1, :2].reshape(1, 4, 3), POINTS / 2, 2, 0.1),
        [
            [
                [0.751164, 0.636472, 0.396309],
                [0.499954, 0.484275, 0.483054],
                [0.751262, 0.669268, 0.43165],
                [0.571538, 0.5352, 0.4665],
            ]
        ],
    ),
    "sparse_image_warp": (
        lambda: tf.concat(images.sparse_image_warp(IMAGE.reshape(1, 3, 4, 1), POINTS[:, :3], POINTS[:, :3] + 0.25), 3),
        [
            [
                [[0, 0.25, 0.25], [5.25, 0.25, 0.25], [3.25, 0.25, 0.25], [7.25, 0.25, 0.25]],
                [[3, 0.25, 0.25], [8.25, 0.25, 0.25], [6.25, 0.25, 0.25], [3.5, 0.25, 0.25]],
                [[7, 0.25, 0.25], [5.5, 0.25, 0.25], [8, 0.25, 0.25], [5.25, 0.25, 0.25]],
            ]
        ],
    ),
    "sparse_image_warp, edges": (
        lambda: tf.concat(
            images.sparse_image_warp(IMAGE.reshape(1, 3, 4, 1), [[[1.0, 1.0]]], [[[1.0, 2.0]]], num_boundary_points=2),
            3,
        ),
        [
            [
                [[0, 0, 0], [6.80622, 0, -0.0387561], [2.86544, 0, 0.173089], [9, 0, 0]],
                [[4, 0, 0], [8.50101, 0, 0.356999], [11, 0, 1], [1, 0, 0]],
                [[8, 0, 0], [3.27129, 0, -0.038756], [8.78838, 0, 0.173089], [5, 0, 0]],
            ]
        ],
    ),
    "adjust_hsv_in_yiq": (
        lambda: distort_image_ops.adjust_hsv_in_yiq(colours(), 0.7, 0.5, 1.25),
        [
            [
                [[0.910054, 0.75591, 0.76227], [0.329019, 0.46073, 0.472588]],
                [[0.925985, 0.819342, 0.789504], [0.325036, 0.404476, 0.451697]],
                [[0.917939, 0.867292, 0.803634], [0.344949, 0.365789, 0.444611]],
            ],
            [
                [[0.886558, 0.895942, 0.803534], [0.38717, 0.34775, 0.451895]],
                [[0.834342, 0.903009, 0.789212], [0.448336, 0.351797, 0.472968]],
                [[0.765449, 0.887929, 0.761809], [0.523576, 0.377607, 0.506152]],
            ],
        ],
    ),
    "adjust_hsv_in_yiq of bytes": (
        lambda: distort_image_ops.adjust_hsv_in_yiq((COLOURS[0] * 255).astype(np.uint8), -0.3, 0.9),
        [[[177, 168, 95], [76, 78, 147]], [[178, 180, 118], [77, 70, 124]], [[174, 187, 140], [83, 65, 102]]],
    ),
    "adjust_hsv_in_yiq beyond bytes": (
        lambda: distort_image_ops.adjust_hsv_in_yiq((COLOURS * 255).astype(np.uint8), 1.0, 1.5, 2.0),
        [
            [[[205, 253, 94], [51, 232, 170]], [[192, 40, 71], [72, 193, 193]], [[165, 79, 45], [108, 156, 224]]],
            [[[124, 110, 13], [152, 129, 255]], [[73, 133, 237], [207, 112, 28]], [[16, 145, 208], [9, 105, 58]]],
        ],
    ),
    "random_hsv_in_yiq": (
        lambda: distort_image_ops.random_hsv_in_yiq(colours(), 0.5, 0.5, 1.5, 0.8, 1.2, seed=3),
        [
            [
                [[0.697786, 0.61987, 0.388333], [0.262205, 0.315196, 0.538259]],
                [[0.694311, 0.667305, 0.457181], [0.274328, 0.274808, 0.467788]],
                [[0.673782, 0.699837, 0.527864], [0.302852, 0.250783, 0.398307]],
            ],
            [
                [[0.637834, 0.714875, 0.594752], [0.345505, 0.245035, 0.335352]],
                [[0.58933, 0.711219, 0.652516], [0.398889, 0.258021, 0.283936]],
                [[0.532134, 0.689162, 0.696554], [0.458752, 0.288707, 0.248156]],
            ],
        ],
    ),
    "connected_components": (
        lambda: images.connected_components(AREAS),
        [
            [[1, 1, 0, 2, 2, 2], [0, 1, 2, 2, 0, 2], [2, 0, 2, 0, 0, 2], [2, 2, 2, 0, 3, 2]],
            [[4, 0, 4, 0, 5, 0], [4, 0, 4, 0, 5, 5], [4, 4, 4, 0, 0, 6], [0, 0, 0, 7, 7, 6]],
        ],
    ),
    "connected_components of a row": (lambda: images.connected_components(AREAS[:1, 0] > 0), [[1, 1, 0, 2, 2, 2]]),
    "resampler": (
        lambda: contrib.resampler.resampler(colours(), PLACES),
        [
            [[0.502471, 0.486713, 0.483171], [0.370021, 0.344238, 0.231812], [0, 0, 0], [0, 0, 0]],
            [[0, 0, 0], [0, 0, 0], [0.024834, 0.0143929, 0.0137038], [0, 0, 0]],
        ],
    ),
    "resampler of more places": (
        lambda: contrib.resampler.resampler(colours(), PLACES.reshape(2, 2, 2, 2))[..., 0],
        [[[0.502471, 0.370021], [0, 0]], [[0, 0], [0.024834, 0]]],
    ),
    "resampler in a loss": (
        lambda: gradients(contrib.resampler.resampler, COLOURS[..., :1], PLACES),
        [
            [0.375, 0.375, 0.395151, 0.125, 0, 0, 0, 0, 0, 0, 0, 0.0480085, -0.49008, 0.00487907],
            [0.399847, -0.00785575, 0, 0, 0, 0, 0, 0, 0, 0, -0.0476898, -0.238449, 0, 0],
        ],
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_images_have_the_numbers_of_1_15(session, name):
    make, expected = CASES[name]
    actual = session.run(make())
    assert actual.shape == np.shape(expected)
    near(actual, expected)


@pytest.mark.parametrize("rank", [2, 3, 4])
def test_a_batch_of_unknown_size_keeps_its_rank(session, rank):
    image = IMAGE if rank == 2 else IMAGE.reshape([1, 3, 4, 1][-rank:])
    placeholder = tf.placeholder(tf.float32, [None] * rank)
    rotated = session.run(images.rotate(placeholder, np.pi), {placeholder: image})
    near(rotated.reshape(3, 4), IMAGE[::-1, ::-1])


def test_the_identity_changes_nothing(session):
    near(session.run(images.transform(IMAGE, images.compose_transforms([1.0, 0, 0, 0, 1, 0, 0, 0]))), IMAGE)
    near(session.run(images.adjust_hsv_in_yiq(COLOURS))[0], COLOURS[0])


@pytest.mark.parametrize(
    ("error", "make"),
    [
        (TypeError, lambda: images.rotate(tf.constant([[True]]), 1.0)),
        (TypeError, lambda: images.rotate(tf.placeholder(tf.float32), 1.0)),
        (TypeError, lambda: images.rotate([1.0], 1.0)),
        (TypeError, lambda: images.rotate(IMAGE, [[1.0]])),
        (TypeError, lambda: images.translate(IMAGE, 1.0)),
        (TypeError, lambda: images.transform(IMAGE, [[[1.0] * 8]])),
        (ValueError, lambda: images.transform(IMAGE, [1.0] * 8, output_shape=[2])),
        (ValueError, lambda: images.flat_transforms_to_matrices(1.0)),
        (ValueError, lambda: images.matrices_to_flat_transforms([1.0])),
        (ValueError, lambda: images.dense_image_warp(IMAGE, IMAGE)),
        (AssertionError, images.compose_transforms),
        (ValueError, lambda: images.random_hsv_in_yiq(COLOURS, -1)),
        (ValueError, lambda: images.random_hsv_in_yiq(COLOURS, lower_value=2)),
    ],
)
def test_wrong_images_and_transforms_raise_the_errors_of_1_15(error, make):
    with tf.Graph().as_default(), pytest.raises(error):
        make()


def test_an_image_of_one_row_cannot_be_warped(session):
    with pytest.raises((ValueError, tf.errors.InvalidArgumentError), match="too small"):
        session.run(images.dense_image_warp(COLOURS[:, :1], np.zeros([2, 1, 2, 2], np.float32)))
