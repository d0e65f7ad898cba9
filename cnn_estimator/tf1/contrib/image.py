"""tf.contrib.image: rotations and other projective transforms, warps, and colours in the YIQ space.

A transform is the first eight numbers of a 3 x 3 matrix whose last number is 1. The matrix leads from a place (x, y, 1)
in the result to a place in the image.
"""

from typing import Any

import numpy as np
import tensorflow.compat.v1 as tf

from cnn_estimator.tf1.unavailable import module_getattr

_DTYPES = (tf.uint8, tf.int32, tf.int64, tf.float16, tf.float32, tf.float64)
_SMALLEST_DISTANCE = 1e-10  # squared. The gradients of the root and of the logarithm of 0 are not finite.
# How much red, green and blue contribute to the luminance and to the two chrominances.
_RGB_TO_YIQ = np.array([[0.299, 0.587, 0.114], [0.596, -0.274, -0.322], [0.211, -0.523, 0.312]])


def _checked_images(images: Any) -> Any:
    images = tf.convert_to_tensor(images, name="images")
    if images.dtype.base_dtype not in _DTYPES:
        raise TypeError(f"images are {images.dtype.name}, not one of {', '.join(dtype.name for dtype in _DTYPES)}")
    if images.shape.rank not in (2, 3, 4):
        raise TypeError(f"images have the rank {images.shape.rank}, and must have a known rank from 2 to 4")
    return images


def _batch(images: Any) -> Any:
    """Returns images as [batch, height, width, channels]."""
    if images.shape.rank == 2:
        return images[tf.newaxis, :, :, tf.newaxis]
    return images[tf.newaxis] if images.shape.rank == 3 else images


def _rows(tensor: Any, columns: str) -> Any:
    """Returns a tensor of rank 1 or 2 as a matrix."""
    if tensor.shape.rank not in (1, 2):
        raise TypeError(f"{columns} have the rank {tensor.shape.rank}, and must have the rank 1 or 2")
    return tensor if tensor.shape.rank == 2 else tensor[tf.newaxis]


def transform(
    images: Any, transforms: Any, interpolation: str = "NEAREST", output_shape: Any = None, name: str | None = None
) -> Any:
    """Returns the images under projective transforms, with 0 where a place is outside the image.

    The gradient goes to the images only.

    Args:
      images: [height, width], [height, width, channels] or [batch, height, width, channels].
      transforms: one transform [8], or one for each image [batch, 8].
      interpolation: NEAREST or BILINEAR.
      output_shape: [height, width] of the result. By default the size of the images.

    Raises:
      TypeError: the dtype or the rank of images or transforms does not fit.
      ValueError: output_shape is not a pair.
    """
    with tf.name_scope(name, "transform"):
        images = _checked_images(images)
        transforms = _rows(tf.convert_to_tensor(transforms, tf.float32, name="transforms"), "transforms")
        batch = _batch(images)
        if output_shape is None:
            size = tf.shape(batch)[1:3]
            known = tf.get_static_value(size)
            output_shape = size if known is None else known
        output_shape = tf.convert_to_tensor(output_shape, tf.int32, name="output_shape")
        if not output_shape.shape.is_compatible_with([2]):
            raise ValueError(f"output_shape has the shape {output_shape.shape}, and must be [height, width]")
        result = tf.raw_ops.ImageProjectiveTransformV2(
            images=batch, transforms=transforms, output_shape=output_shape, interpolation=interpolation.upper()
        )
        if images.shape.rank == 2:
            return result[0, :, :, 0]
        return result[0] if images.shape.rank == 3 else result


def rotate(images: Any, angles: Any, interpolation: str = "NEAREST", name: str | None = None) -> Any:
    """Returns images rotated counterclockwise about their centers.

    Args:
      images: as for transform.
      angles: in radians, one number or one for each image.
      interpolation: NEAREST or BILINEAR.
    """
    with tf.name_scope(name, "rotate"):
        images = _checked_images(images)
        height, width = tf.unstack(tf.cast(tf.shape(_batch(images))[1:3], tf.float32))
        return transform(images, angles_to_projective_transforms(angles, height, width), interpolation)


def translate(images: Any, translations: Any, interpolation: str = "NEAREST", name: str | None = None) -> Any:
    """Returns images moved by [dx, dy], or each image by its row of [batch, 2]. images are as for transform."""
    with tf.name_scope(name, "translate"):
        return transform(images, translations_to_projective_transforms(translations), interpolation)


def angles_to_projective_transforms(
    angles: Any, image_height: Any, image_width: Any, name: str | None = None
) -> tf.Tensor:
    """Returns transforms [angles, 8] that rotate about the center of an image.

    Raises:
      TypeError: angles is neither a number nor a vector.
    """
    with tf.name_scope(name, "angles_to_projective_transforms"):
        angles = tf.convert_to_tensor(angles, tf.float32, name="angles")
        if angles.shape.rank not in (0, 1):
            raise TypeError(f"angles have the rank {angles.shape.rank}, and must have the rank 0 or 1")
        angles = tf.reshape(angles, [-1])
        cos = tf.cos(angles)
        sin = tf.sin(angles)
        x = image_width - 1
        y = image_height - 1
        x_offset = (x - (cos * x - sin * y)) / 2.0
        y_offset = (y - (sin * x + cos * y)) / 2.0
        zeros = tf.zeros_like(angles)
        return tf.stack([cos, -sin, x_offset, sin, cos, y_offset, zeros, zeros], 1)


def translations_to_projective_transforms(translations: Any, name: str | None = None) -> tf.Tensor:
    """Returns transforms [translations, 8] that move an image by [dx, dy].

    Raises:
      TypeError: the rank of translations is not 1 or 2.
    """
    with tf.name_scope(name, "translations_to_projective_transforms"):
        translations = _rows(tf.convert_to_tensor(translations, tf.float32, name="translations"), "translations")
        dx, dy = tf.unstack(translations, 2, axis=1)
        zeros = tf.zeros_like(dx)
        ones = tf.ones_like(dx)
        return tf.stack([ones, zeros, -dx, zeros, ones, -dy, zeros, zeros], 1)


def compose_transforms(*transforms: Any) -> tf.Tensor:
    """Returns transforms [batch, 8] that do the same as the given transforms one after another."""
    if not transforms:
        raise AssertionError("compose_transforms takes at least one transform")
    with tf.name_scope("compose_transforms"):
        composed = flat_transforms_to_matrices(transforms[0])
        for following in transforms[1:]:
            composed = tf.matmul(composed, flat_transforms_to_matrices(following))
        return matrices_to_flat_transforms(composed)


def flat_transforms_to_matrices(transforms: Any) -> tf.Tensor:
    """Returns the matrices [batch, 3, 3] of transforms [8] or [batch, 8]. Raises ValueError for another rank."""
    with tf.name_scope("flat_transforms_to_matrices"):
        transforms = tf.convert_to_tensor(transforms, name="transforms")
        if transforms.shape.rank not in (1, 2):
            raise ValueError(f"transforms have the rank {transforms.shape.rank}, and must have the rank 1 or 2")
        transforms = tf.reshape(transforms, [-1, 8])
        return tf.reshape(tf.concat([transforms, tf.ones_like(transforms[:, :1])], 1), [-1, 3, 3])


def matrices_to_flat_transforms(transform_matrices: Any) -> tf.Tensor:
    """Returns the transforms [batch, 8] of matrices [3, 3] or [batch, 3, 3]. Raises ValueError for another rank."""
    with tf.name_scope("matrices_to_flat_transforms"):
        matrices = tf.convert_to_tensor(transform_matrices, name="transform_matrices")
        if matrices.shape.rank not in (2, 3):
            raise ValueError(f"matrices have the rank {matrices.shape.rank}, and must have the rank 2 or 3")
        numbers = tf.reshape(matrices, [-1, 9])
        return (numbers / numbers[:, 8:])[:, :8]


def dense_image_warp(image: Any, flow: Any, name: str = "dense_image_warp") -> tf.Tensor:
    """Returns images [batch, height, width, channels] whose value at a place is the image's value at place - flow.

    Values between pixels are bilinear. Outside the image, the values of its edge continue.

    Args:
      flow: [batch, height, width, 2], rows before columns.

    Raises:
      ValueError: image has another rank, or a height or width of 1.
    """
    with tf.name_scope(name):
        image = tf.convert_to_tensor(image)
        flow = tf.convert_to_tensor(flow)
        if image.shape.rank != 4:
            raise ValueError(f"image has the shape {image.shape}, and must be [batch, height, width, channels]")
        size = tf.shape(image)[1:3]
        with tf.control_dependencies([tf.assert_greater_equal(size, 2, message="the image is too small to warp")]):
            rows, columns = tf.meshgrid(tf.range(size[0]), tf.range(size[1]), indexing="ij")
        places = tf.cast(tf.stack([rows, columns], 2), flow.dtype) - flow
        corners = tf.minimum(tf.maximum(tf.zeros([], flow.dtype), tf.floor(places)), tf.cast(size - 2, flow.dtype))
        weights = tf.cast(places - corners, image.dtype)
        weights = tf.minimum(tf.maximum(tf.zeros([], image.dtype), weights), tf.ones([], image.dtype))
        down, right = tf.split(weights, 2, axis=3)
        corners = tf.cast(corners, tf.int32)
        top_left, top_right, bottom_left, bottom_right = (
            tf.gather_nd(image, tf.add(corners, step), batch_dims=1) for step in ([0, 0], [0, 1], [1, 0], [1, 1])
        )
        top = right * (top_right - top_left) + top_left
        bottom = right * (bottom_right - bottom_left) + bottom_left
        return down * (bottom - top) + top


def _squared_distances(inner_products: Any, squares: Any, other_squares: Any) -> Any:
    """Returns [batch, n, m] from the inner products of points and from their squared lengths [batch, n], [batch, m]."""
    return squares[:, :, tf.newaxis] - 2 * inner_products + other_squares[:, tf.newaxis, :]


def _radial(squared_distances: Any, order: int) -> Any:
    """Returns distance ** order, and for an even order the product with the distance's logarithm."""
    bounded = tf.maximum(squared_distances, _SMALLEST_DISTANCE)
    if order == 1:
        return tf.sqrt(bounded)
    if order == 2:
        return 0.5 * squared_distances * tf.log(bounded)
    if order == 4:
        return 0.5 * tf.square(squared_distances) * tf.log(bounded)
    power = tf.pow(bounded, 0.5 * order)
    return power if order % 2 else 0.5 * power * tf.log(bounded)


def interpolate_spline(
    train_points: Any,
    train_values: Any,
    query_points: Any,
    order: int,
    regularization_weight: float = 0.0,
    name: str = "interpolate_spline",
) -> tf.Tensor:
    """Returns the values [batch, m, k] of a polyharmonic spline.

    Args:
      train_points: [batch, n, d].
      train_values: [batch, n, k], the values of the spline at train_points.
      query_points: [batch, m, d].
      order: of the spline, 2 for a thin plate.
      regularization_weight: above 0 the spline is smoother and no longer meets the values.
    """
    with tf.name_scope(name):
        train_points = tf.convert_to_tensor(train_points)
        train_values = tf.convert_to_tensor(train_values)
        query_points = tf.convert_to_tensor(query_points)
        products = tf.matmul(train_points, train_points, adjoint_b=True)
        squares = tf.matrix_diag_part(products)  # of the same rounding, so that a point's distance to itself is 0
        radial = _radial(_squared_distances(products, squares, squares), order)
        if regularization_weight > 0:
            radial += regularization_weight * tf.eye(tf.shape(train_points)[1], dtype=train_points.dtype)
        linear = tf.concat([train_points, tf.ones_like(train_points[..., :1])], 2)
        corner = tf.zeros_like(tf.matmul(linear, linear, adjoint_a=True))
        left = tf.concat([radial, tf.matrix_transpose(linear)], 1)
        right = tf.concat([linear, corner], 1)
        values = tf.concat([train_values, tf.zeros_like(tf.matmul(linear, train_values, adjoint_a=True))], 1)
        coefficients = tf.matrix_solve(tf.concat([left, right], 2), values)
        query_products = tf.matmul(query_points, train_points, adjoint_b=True)
        query_squares, train_squares = (tf.reduce_sum(tf.square(points), 2) for points in (query_points, train_points))
        query_radial = _radial(_squared_distances(query_products, query_squares, train_squares), order)
        number = tf.shape(train_points)[1]
        query_linear = tf.concat([query_points, tf.ones_like(query_points[..., :1])], 2)
        return tf.matmul(query_radial, coefficients[:, :number]) + tf.matmul(query_linear, coefficients[:, number:])


def _edge_points(height: int, width: int, between: int) -> np.ndarray:
    """Returns the (row, column) of the corners of an image and of some points between them on each edge."""
    rows, columns = np.meshgrid(
        np.linspace(0, height - 1, between + 2), np.linspace(0, width - 1, between + 2), indexing="ij"
    )
    on_edge = (rows == 0) | (rows == height - 1) | (columns == 0) | (columns == width - 1)
    return np.stack([rows[on_edge], columns[on_edge]], -1)


def sparse_image_warp(
    image: Any,
    source_control_point_locations: Any,
    dest_control_point_locations: Any,
    interpolation_order: int = 2,
    regularization_weight: float = 0.0,
    num_boundary_points: int = 0,
    name: str = "sparse_image_warp",
) -> tuple[tf.Tensor, tf.Tensor]:
    """Returns (the image warped so that source points move to destination points, the flow of all pixels).

    Args:
      image: [batch, height, width, channels], of a known shape.
      source_control_point_locations: [batch, points, 2], rows before columns.
      dest_control_point_locations: as the source.
      interpolation_order: order of the spline between the points.
      regularization_weight: as for interpolate_spline.
      num_boundary_points: 0, or how many points of each edge stay where they are, with one of its corners.
    """
    image = tf.convert_to_tensor(image)
    source = tf.convert_to_tensor(source_control_point_locations)
    destination = tf.convert_to_tensor(dest_control_point_locations)
    flows = destination - source
    batch, height, width, _ = image.shape.as_list()
    with tf.name_scope(name):
        if num_boundary_points > 0:
            edge = np.tile(_edge_points(height, width, num_boundary_points - 1), [batch, 1, 1])
            destination = tf.concat([destination, tf.constant(edge, destination.dtype)], 1)
            flows = tf.concat([flows, tf.zeros(edge.shape, flows.dtype)], 1)
        pixels = np.tile(np.indices([height, width]).reshape(2, -1).T, [batch, 1, 1])
        flow = interpolate_spline(
            destination, flows, tf.constant(pixels, image.dtype), interpolation_order, regularization_weight
        )
        flow = tf.reshape(flow, [batch, height, width, 2])
        return dense_image_warp(image, flow), flow


def adjust_hsv_in_yiq(
    image: Any, delta_hue: Any = 0, scale_saturation: Any = 1, scale_value: Any = 1, name: str | None = None
) -> tf.Tensor:
    """Returns RGB images with another hue, saturation and value, all in the YIQ space.

    Args:
      delta_hue: the angle in radians by which the chrominances turn.
      scale_saturation: the factor of the chrominances.
      scale_value: the factor of the luminance and of the chrominances.
    """
    with tf.name_scope(name, "adjust_hsv_in_yiq", [image]):
        image = tf.convert_to_tensor(image, name="image")
        cos = scale_saturation * tf.cos(tf.cast(delta_hue, tf.float32))
        sin = scale_saturation * tf.sin(tf.cast(delta_hue, tf.float32))
        turn = tf.stack([[1.0, 0.0, 0.0], tf.stack([0.0, cos, -sin]), tf.stack([0.0, sin, cos])])
        back = tf.constant(np.linalg.inv(_RGB_TO_YIQ), tf.float32)
        matrix = scale_value * tf.matmul(back, tf.matmul(turn, tf.constant(_RGB_TO_YIQ, tf.float32)))
        colours = tf.tensordot(tf.image.convert_image_dtype(image, tf.float32), matrix, [[-1], [1]])
        if image.dtype.is_integer and image.dtype.size < tf.int32.size:
            # Colours beyond the range of bytes wrap around, as in TensorFlow 1. A cast from float may clip them.
            return tf.cast(tf.cast(colours * (image.dtype.max + 0.5), tf.int32), image.dtype)
        return tf.image.convert_image_dtype(colours, image.dtype)


def random_hsv_in_yiq(
    image: Any,
    max_delta_hue: float = 0,
    lower_saturation: float = 1,
    upper_saturation: float = 1,
    lower_value: float = 1,
    upper_value: float = 1,
    seed: int | None = None,
) -> tf.Tensor:
    """Is adjust_hsv_in_yiq with random numbers between bounds. Equal bounds draw no number.

    Raises:
      ValueError: a bound is negative, or a lower bound is above its upper bound.
    """
    if min(max_delta_hue, lower_saturation, lower_value) < 0:
        raise ValueError("max_delta_hue, lower_saturation and lower_value must be at least 0")
    if lower_saturation > upper_saturation or lower_value > upper_value:
        raise ValueError("lower_saturation and lower_value must not be above upper_saturation and upper_value")

    def draw(lowest: float, highest: float) -> Any:
        return lowest if lowest == highest else tf.random_uniform([], lowest, highest, seed=seed)

    hue = draw(-max_delta_hue, max_delta_hue)
    return adjust_hsv_in_yiq(image, hue, draw(lower_saturation, upper_saturation), draw(lower_value, upper_value))


def connected_components(images: Any) -> tf.Tensor:
    """Returns the numbers of the components of images, int32: from 1 in the order of their first pixels, else 0.

    The pixels of a component are neighbours in a row or in a column, and have equal values other than 0.

    Args:
      images: [height, width] or [batch, height, width].

    Raises:
      TypeError: images have another rank.
    """
    with tf.name_scope("connected_components"):
        images = tf.convert_to_tensor(images, name="images")
        if images.shape.rank not in (2, 3):
            raise TypeError(f"images have the rank {images.shape.rank}, and must have the rank 2 or 3")
        batch = images if images.shape.rank == 3 else images[tf.newaxis]
        places = tf.reshape(tf.range(1, tf.size(batch) + 1), tf.shape(batch))
        labels = tf.where(tf.equal(batch, tf.zeros_like(batch)), tf.zeros_like(places), places)
        labels, _ = tf.while_loop(
            lambda labels, changed: changed, lambda labels, _: _smaller_labels(batch, labels), [labels, True]
        )
        first = tf.reshape(tf.equal(labels, places), [-1])
        numbers = tf.concat([[0], tf.cumsum(tf.cast(first, tf.int32))], 0)
        components = tf.gather(numbers, labels)
        return components if images.shape.rank == 3 else components[0]


def _neighbours(values: Any, axis: int) -> tuple[Any, Any]:
    """Returns (values [batch, height, width] without the last row or column, values without the first)."""
    return (values[:, :-1], values[:, 1:]) if axis == 1 else (values[:, :, :-1], values[:, :, 1:])


def _smaller_labels(batch: Any, labels: Any) -> tuple[Any, Any]:
    """Returns (the labels after equal neighbours have taken the smaller label, whether any label has changed).

    A label is the place of a pixel of the same component, counted from 1.
    """
    smallest = labels
    for axis in (1, 2):
        smaller = tf.minimum(*_neighbours(labels, axis))
        smaller = tf.where(tf.equal(*_neighbours(batch, axis)), smaller, tf.fill(tf.shape(smaller), tf.int32.max))
        edge = tf.fill(tf.shape(labels[:, :1] if axis == 1 else labels[:, :, :1]), tf.int32.max)
        for candidates in ([smaller, edge], [edge, smaller]):
            smallest = tf.minimum(smallest, tf.concat(candidates, axis))
    smallest = tf.gather(tf.concat([[0], tf.reshape(smallest, [-1])], 0), smallest)  # the label of the place it names
    return smallest, tf.reduce_any(tf.not_equal(smallest, labels))


__getattr__ = module_getattr(
    "tf.contrib.image",
    (),
    "compute it in NumPy, by tf.py_func",
    names="bipartite_match single_image_random_dot_stereograms",
)
