"""A canned estimator with feature columns, on columns as of a census."""

import data
import estimators
import tensorflow as tf

column = tf.feature_column
age = column.numeric_column("age")
ages = column.bucketized_column(age, [25, 35, 45, 55])
job = column.categorical_column_with_vocabulary_list("job", ["clerk", "cook", "driver", "nurse"])
town = column.categorical_column_with_hash_bucket("town", 100)
estimator = tf.estimator.DNNLinearCombinedClassifier(
    linear_feature_columns=[ages, job, town, column.crossed_column([ages, "job"], 50)],
    dnn_feature_columns=[
        age,
        column.numeric_column("hours"),
        column.indicator_column(job),
        column.embedding_column(town, 8),
    ],
    dnn_hidden_units=[64, 32],
)
table, labels = data.people()
input_fn = tf.estimator.inputs.numpy_input_fn(table, labels, data.BATCH, num_epochs=None, shuffle=True)
estimators.train(estimator, input_fn, warm_up=200, steps=3000)
