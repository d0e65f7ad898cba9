"""The same graph in a bare session, without Estimator and hooks: python benchmarks/bare_session.py train

It is the limit of what Estimator and this package could reach: model_fn's train_op, called with batches that lie in
memory in their order, so that feeding one takes no work.
"""

import measuring
import numpy as np
from measuring import BATCH, DATASET, LEARNING_RATE, RECIPE, SEED, Task

from cnn_estimator import model
from cnn_estimator.data import datasets
from cnn_estimator.model_session import make_session_config
from cnn_estimator.settings import make_settings
from cnn_estimator.tf1 import tf


def train(task: Task) -> dict[str, float]:
    settings = make_settings(
        RECIPE,
        seed=SEED,
        precision=task.precision,
        learning_rate=LEARNING_RATE,
        batch_size=BATCH,
        class_names=datasets.class_names(DATASET),
    )
    images, labels = measuring.load("train")
    order = np.random.default_rng(SEED).permutation(len(labels))
    images, labels = images[order], labels[order]
    tf.set_random_seed(SEED)
    tf.train.create_global_step()
    x = tf.placeholder(tf.float32, [None, 28, 28])
    y = tf.placeholder(tf.int32, [None])
    spec = model.model_fn({"x": x}, y, tf.estimator.ModeKeys.TRAIN, settings)
    with tf.Session(config=make_session_config(settings.precision, settings.threads)) as session:
        session.run(tf.global_variables_initializer())
        train_on = session.make_callable(spec.train_op, feed_list=[x, y])  # less work in Python than session.run

        def step(number: int) -> None:
            rows = measuring.batch_of(number, len(labels))
            train_on(images[rows], labels[rows])

        return {"steps_per_second": measuring.steps_per_second(step, task.size)}


if __name__ == "__main__":
    measuring.main(train=train)
