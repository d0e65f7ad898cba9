"""tf.contrib.resampler: values of images at any places, with gradients."""

import itertools
from typing import Any

import tensorflow.compat.v1 as tf

from cnn_estimator.tf1.unavailable import module_getattr


def resampler(data: Any, warp: Any, name: str = "resampler") -> tf.Tensor:
    """Returns the bilinear values of data [batch, height, width, channels] at the places warp [batch, ..., (x, y)].

    Pixels outside the data are 0. The gradient goes to both.
    """
    with tf.name_scope(name, "resampler", [data, warp]):
        data = tf.convert_to_tensor(data, name="data")
        warp = tf.convert_to_tensor(warp, name="warp")
        size = tf.shape(data)[1:3]
        places = tf.reverse(warp, [-1])
        inside = tf.reduce_all((places > -1) & (places < tf.cast(size, warp.dtype)), -1, keepdims=True)
        places = tf.where_v2(inside, places, tf.zeros_like(places))
        corners = tf.floor(places)
        fractions = places - corners
        result = 0
        for step in itertools.product([0, 1], [0, 1]):
            indices = tf.cast(corners, tf.int32) + step
            exists = inside & tf.reduce_all((indices >= 0) & (indices < size), -1, keepdims=True)
            values = tf.gather_nd(data, tf.minimum(tf.maximum(indices, 0), size - 1), batch_dims=1)
            weights = tf.where_v2(tf.cast(step, tf.bool), fractions, 1 - fractions)
            values *= tf.reduce_prod(weights, -1, keepdims=True)
            result += tf.where_v2(exists, values, tf.zeros_like(values))
        return result


__getattr__ = module_getattr("tf.contrib.resampler", (), "use resampler", names="")
