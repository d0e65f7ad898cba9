"""Names that compute other numbers behind the bridge than on TensorFlow 1.15: docs/numbers.md has the reasons."""

_SEED = "without a seed of their own, operations draw other numbers than in 1.15, the same in each run"
_ORDER = "another order than in 1.15 with the same seed"
_MASKS = "in dynamic_rnn the steps get their masks in another order, except with parallel_iterations=1"

# {name: what differs}
DIFFERENCES = {
    "tensorflow.set_random_seed": _SEED,
    "tensorflow.random.set_random_seed": _SEED,
    "tensorflow.contrib.data.shuffle_and_repeat": _ORDER,
    "tensorflow.data.experimental.shuffle_and_repeat": _ORDER,
    "tensorflow.data.experimental.rejection_resample": "it ends with the first of the datasets that it mixes",
    "tensorflow.contrib.rnn.DropoutWrapper": _MASKS,
    "tensorflow.nn.rnn_cell.DropoutWrapper": _MASKS,
    "tensorflow.contrib.layers.crossed_column": "other buckets than in 1.15, except with "
    "hash_key=SPARSE_FEATURE_CROSS_DEFAULT_HASH_KEY",
    "tensorflow.sign": "sign(nan) is nan, and was 0",
    "tensorflow.nn.embedding_lookup_sparse": "an empty row with weights is 0 for mean and sqrtn, and was nan",
    "tensorflow.image.per_image_standardization": "uint8 images become float32, and were cast back to uint8",
    "tensorflow.saturate_cast": "large positive floats become the largest integer, and became the smallest",
}
