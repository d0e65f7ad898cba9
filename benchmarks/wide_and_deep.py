"""A canned estimator that TensorFlow 1.15.5 trains and both evaluate: wide_and_deep.py train|evaluate MODEL_DIR

    python3.7 wide_and_deep.py train /tmp/wide_and_deep       # with tensorflow==1.15.5
    python3.7 wide_and_deep.py evaluate /tmp/wide_and_deep
    cnn-estimator run wide_and_deep.py evaluate /tmp/wide_and_deep

The last two print the same eleven metrics, to six decimals.
"""

import json
import sys

import numpy as np
import tensorflow as tf

ROWS = 2000


def rows(seed):
    """Returns made-up features and labels: age, hours of work, a job and a town, and whether somebody earns much."""
    generator = np.random.RandomState(seed)
    age = generator.uniform(18, 70, ROWS).astype(np.float32)
    hours = generator.normal(38, 8, ROWS).astype(np.float32)
    job = generator.choice(["clerk", "cook", "driver", "nurse"], ROWS)
    town = np.array([f"town {number}" for number in generator.randint(0, 200, ROWS)])
    score = (age - 40) / 10 + (hours - 38) / 8 + (job == "nurse") + generator.normal(0, 1, ROWS)
    return {"age": age, "hours": hours, "job": job, "town": town}, (score > 0.5).astype(np.int32)


def columns():
    """Returns (wide, deep): bucketized, crossed and hashed columns; numeric, indicator and embedded columns."""
    column = tf.feature_column
    age = column.numeric_column("age")
    hours = column.numeric_column("hours")
    job = column.categorical_column_with_vocabulary_list("job", ["clerk", "cook", "driver", "nurse"])
    town = column.categorical_column_with_hash_bucket("town", 100)
    ages = column.bucketized_column(age, [25, 35, 45, 55])
    wide = [ages, job, town, column.crossed_column([ages, "job"], 50)]
    deep = [age, hours, column.indicator_column(job), column.embedding_column(town, 8)]
    return wide, deep


def main():
    action, model_dir = sys.argv[1:]
    wide, deep = columns()
    estimator = tf.estimator.DNNLinearCombinedClassifier(
        model_dir=model_dir,
        linear_feature_columns=wide,
        dnn_feature_columns=deep,
        dnn_hidden_units=[32, 16],
        config=tf.estimator.RunConfig(tf_random_seed=1),
    )
    features, labels = rows(seed=1 if action == "train" else 2)
    input_fn = tf.estimator.inputs.numpy_input_fn(
        features, labels, batch_size=100, num_epochs=10 if action == "train" else 1, shuffle=action == "train"
    )
    if action == "train":
        estimator.train(input_fn)
    else:
        metrics = estimator.evaluate(input_fn)
        print(json.dumps({name: round(float(value), 6) for name, value in sorted(metrics.items())}))


if __name__ == "__main__":
    main()
