# pip: tensorflow-ranking==0.2.3
# run: --api=1
# prints: ndcg@5 0\.\d+, after 100 steps 0\.9\d+
"""Trains a ranking Estimator on made-up lists of documents."""

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


def score_fn(context_features, group_features, mode, params, config):
    layer = tf.concat([tf.layers.flatten(group_features[name]) for name in NAMES], 1)
    return tf.layers.dense(tf.layers.dense(layer, 16, tf.nn.relu), 1)


def transform_fn(features, mode):
    columns = {name: tf.feature_column.numeric_column(name) for name in NAMES}
    return tfr.feature.encode_listwise_features(features, context_feature_columns={}, example_feature_columns=columns)


def train_op_fn(loss):
    return tf.train.AdagradOptimizer(0.3).minimize(loss, tf.train.get_global_step())


write_lists("train.tfrecord", 1)
write_lists("test.tfrecord", 2)
head = tfr.head.create_ranking_head(
    loss_fn=tfr.losses.make_loss_fn(tfr.losses.RankingLossKey.PAIRWISE_LOGISTIC_LOSS),
    eval_metric_fns={"ndcg@5": tfr.metrics.make_ranking_metric_fn(tfr.metrics.RankingMetricKey.NDCG, topn=5)},
    train_op_fn=train_op_fn,
)
model_fn = tfr.model.make_groupwise_ranking_fn(score_fn, group_size=1, transform_fn=transform_fn, ranking_head=head)
estimator = tf.estimator.Estimator(model_fn, "model", tf.estimator.RunConfig(tf_random_seed=1))
estimator.train(lambda: input_fn("train.tfrecord"), steps=1)
before = estimator.evaluate(lambda: input_fn("test.tfrecord"), steps=3)["ndcg@5"]
estimator.train(lambda: input_fn("train.tfrecord"), steps=99)
after = estimator.evaluate(lambda: input_fn("test.tfrecord"), steps=3)["ndcg@5"]
print(f"ndcg@5 {before:.4f}, after 100 steps {after:.4f}")
