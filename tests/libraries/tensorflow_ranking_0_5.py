# pip: tensorflow-ranking==0.5.0
# run: --api=2
# prints: ndcg@5 0\.\d+, after 100 steps 0\.9\d+
"""Trains a canned ranking Estimator on made-up lists of documents."""

import numpy as np
import tensorflow as tf
import tensorflow_ranking as tfr

LIST_SIZE = 10
NAMES = ["a", "b", "c", "d"]


def example(values):
    return tf.train.Example(
        features=tf.train.Features(
            feature={
                name: tf.train.Feature(float_list=tf.train.FloatList(value=[value])) for name, value in values.items()
            }
        )
    ).SerializeToString()


def write_lists(path, seed):
    """Writes 60 lists of ten documents, whose relevance is a function of two numbers."""
    random = np.random.RandomState(seed)
    with tf.io.TFRecordWriter(path) as writer:
        for _ in range(60):
            documents = [dict(zip(NAMES, random.rand(4))) for _ in range(LIST_SIZE)]
            examples = [
                example(dict(numbers, relevance=int(2 * numbers["a"] + 2 * numbers["c"]))) for numbers in documents
            ]
            lists = {"serialized_context": [example({})], "serialized_examples": examples}
            feature = {
                name: tf.train.Feature(bytes_list=tf.train.BytesList(value=value)) for name, value in lists.items()
            }
            writer.write(tf.train.Example(features=tf.train.Features(feature=feature)).SerializeToString())


def input_fn(path):
    dataset = tfr.data.build_ranking_dataset(
        path,
        tfr.data.EIE,
        batch_size=20,
        context_feature_spec={},
        example_feature_spec={name: tf.io.FixedLenFeature([1], tf.float32) for name in [*NAMES, "relevance"]},
        list_size=LIST_SIZE,
        shuffle=False,
    )
    return dataset.map(lambda features: (features, tf.squeeze(features.pop("relevance"), axis=2)))


write_lists("train.tfrecord", 1)
write_lists("test.tfrecord", 2)
estimator = tfr.estimator.make_dnn_ranking_estimator(
    example_feature_columns={name: tf.feature_column.numeric_column(name) for name in NAMES},
    hidden_units=[16],
    optimizer=tf.compat.v1.train.AdagradOptimizer(0.3),
    loss="pairwise_logistic_loss",
    model_dir="model",
)
estimator.train(lambda: input_fn("train.tfrecord"), steps=1)
before = estimator.evaluate(lambda: input_fn("test.tfrecord"), steps=3)["metric/ndcg_5"]
estimator.train(lambda: input_fn("train.tfrecord"), steps=99)
after = estimator.evaluate(lambda: input_fn("test.tfrecord"), steps=3)["metric/ndcg_5"]
print(f"ndcg@5 {before:.4f}, after 100 steps {after:.4f}")
