# pip: adanet==0.9.0
# run: --api=1
# prints: loss \d\.\d+, after 3 iterations 0\.\d+, ensemble .*dnn.*
"""Trains AdaNet's AutoEnsembleEstimator, which adds a linear model or a network to its ensemble in each iteration."""

import adanet
import numpy as np
import tensorflow as tf

random = np.random.RandomState(1)
features = random.normal(size=(500, 2)).astype(np.float32)
labels = (features[:, :1] * features[:, 1:]).astype(np.float32)
columns = [tf.feature_column.numeric_column("x", shape=2)]
head = tf.contrib.estimator.regression_head(loss_reduction=tf.losses.Reduction.SUM_OVER_BATCH_SIZE)
config = tf.estimator.RunConfig("model", tf_random_seed=1)


def optimizer():
    return tf.train.AdamOptimizer(0.01)


def input_fn():
    return tf.data.Dataset.from_tensor_slices(({"x": features}, labels)).repeat().batch(50)


estimator = adanet.AutoEnsembleEstimator(
    head=head,
    candidate_pool=lambda config: {
        "linear": tf.estimator.LinearEstimator(head, columns, optimizer=optimizer, config=config),
        "dnn": tf.estimator.DNNEstimator(head, [16], columns, optimizer=optimizer, config=config),
    },
    max_iteration_steps=100,
    config=config,
)
estimator.train(input_fn, max_steps=1)
before = estimator.evaluate(input_fn, steps=10)["average_loss"]
estimator.train(input_fn, max_steps=300)
result = estimator.evaluate(input_fn, steps=10)
text = tf.Summary.FromString(result["architecture/adanet/ensembles"]).value[0].tensor.string_val[0].decode()
names = text.strip("| ").split(" | ")
print(f"loss {before:.4f}, after 3 iterations {result['average_loss']:.4f}, ensemble {' '.join(names)}")
