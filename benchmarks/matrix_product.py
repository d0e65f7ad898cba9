"""The rate of this machine's matrix products: python benchmarks/matrix_product.py measure --precision=bfloat16

TensorFlow has oneDNN compute them, as it has the convolutions. The steps a second are what training would reach if all
of a step's products and convolutions were as fast, and nothing else took time.
"""

import time

import measuring
from measuring import Task

from cnn_estimator.tf1 import tf

_SESSION_RUNS = 5


def measure(task: Task) -> dict[str, float]:
    """The best of some runs of a session with a chain of products of square matrices."""
    side, products = task.size.matrix, task.size.products
    dtype = tf.as_dtype(task.precision)
    matrix = tf.Variable(tf.cast(tf.random_normal([side, side], stddev=side**-0.5), dtype))  # products stay as large
    product = matrix
    for _ in range(products):
        product = tf.matmul(product, matrix)
    seconds = []
    with tf.Session() as session:
        session.run(matrix.initializer)
        for _ in range(_SESSION_RUNS):
            started = time.perf_counter()
            session.run(product.op)
            seconds.append(time.perf_counter() - started)
    rate = 2 * side**3 * products / min(seconds)
    return {"gigaflops": rate / 1e9, "steps_per_second": rate / measuring.step_flops()}


if __name__ == "__main__":
    measuring.main(measure=measure)
