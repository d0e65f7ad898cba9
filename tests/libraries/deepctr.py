# pip: deepctr==0.9.3 requests==2.34.2
# run: --api=1
# prints: DeepFMEstimator auc 0\.\d+, DeepFM loss 0\.\d+, after 5 epochs 0\.\d+
"""Trains DeepFM as an Estimator with feature columns, and as a Keras model, on made-up clicks."""

import numpy as np
import tensorflow as tf
from deepctr.estimator import DeepFMEstimator
from deepctr.feature_column import DenseFeat, SparseFeat, get_feature_names
from deepctr.models import DeepFM

random = np.random.RandomState(1)
users = random.randint(20, size=2000)
items = random.randint(30, size=2000)
prices = random.rand(2000).astype(np.float32)
clicks = (users % 2 + items % 3 + 2 * prices > 2.5).astype(np.float32)

# tf.estimator
columns = [
    tf.feature_column.categorical_column_with_identity("user", 20),
    tf.feature_column.categorical_column_with_identity("item", 30),
]
price = tf.feature_column.numeric_column("price")
linear_columns = [*columns, price]
deep_columns = [tf.feature_column.embedding_column(column, dimension=4) for column in columns] + [price]
config = tf.estimator.RunConfig(tf_random_seed=1)
estimator = DeepFMEstimator(linear_columns, deep_columns, [32, 16], model_dir="model", config=config)
features = {"user": users, "item": items, "price": prices}
input_fn = tf.estimator.inputs.numpy_input_fn(features, clicks, batch_size=100, num_epochs=5, shuffle=False)
estimator.train(input_fn)
auc = estimator.evaluate(input_fn)["AUC"]

# Keras
columns = [SparseFeat("user", 20, embedding_dim=4), SparseFeat("item", 30, embedding_dim=4), DenseFeat("price", 1)]
model = DeepFM(columns, columns, dnn_hidden_units=(32, 16))
model.compile(tf.train.AdamOptimizer(0.01), "binary_crossentropy")
inputs = {name: features[name] for name in get_feature_names(columns)}
before = model.evaluate(inputs, clicks, batch_size=100, verbose=0)
model.fit(inputs, clicks, batch_size=100, epochs=5, shuffle=False, verbose=0)
after = model.evaluate(inputs, clicks, batch_size=100, verbose=0)
print(f"DeepFMEstimator auc {auc:.4f}, DeepFM loss {before:.4f}, after 5 epochs {after:.4f}")
