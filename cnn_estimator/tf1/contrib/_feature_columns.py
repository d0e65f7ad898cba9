"""The old feature columns of tf.contrib.layers, built on tf.feature_column.

Values and feature names are the same as in TF 1. Variable names are the same as in tf.feature_column.
"""

import math
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import tensorflow.compat.v1 as tf
from tensorflow.python.feature_column import feature_column_v2 as _feature_column

SPARSE_FEATURE_CROSS_DEFAULT_HASH_KEY = 0xDECAFCAFFE
# input_from_feature_columns orders dense columns by their kind, then by the kind of their sparse column, then by name.
_DENSE = ("BucketizedColumn", "EmbeddingColumn", "SharedEmbeddingColumn", "IndicatorColumn", "NumericColumn")
_SPARSE = (
    "CrossedColumn",
    "HashedCategoricalColumn",
    "IntegerizedCategoricalColumn",
    "VocabularyListCategoricalColumn",
    "VocabularyFileCategoricalColumn",
    "WeightedCategoricalColumn",
)


def _only(combiner: str, function: str) -> None:
    if combiner != "sum":  # tf.feature_column has combiners for a linear model, not for a column
        raise NotImplementedError(
            f"tf.contrib.layers.{function}(combiner={combiner!r}) is not available on TensorFlow 2: "
            "use tf.feature_column with the sparse_combiner of tf.feature_column.linear_model or LinearClassifier"
        )


def _no_checkpoint(ckpt_to_load_from: str | None, tensor_name_in_ckpt: str | None) -> None:
    if ckpt_to_load_from is not None or tensor_name_in_ckpt is not None:
        raise NotImplementedError(
            "tf.contrib.layers.crossed_column(ckpt_to_load_from=…) is not available on TensorFlow 2: "
            "use tf.train.init_from_checkpoint"
        )


def real_valued_column(
    column_name: str,
    dimension: int = 1,
    default_value: Any = None,
    dtype: tf.DType = tf.float32,
    normalizer: Callable[..., Any] | None = None,
) -> Any:
    """A column of `dimension` numbers."""
    return tf.feature_column.numeric_column(column_name, (dimension,), default_value, dtype, normalizer)


def bucketized_column(source_column: Any, boundaries: Sequence[float]) -> Any:
    """The bucket of each number in a real-valued column."""
    return tf.feature_column.bucketized_column(source_column, list(boundaries))


def sparse_column_with_hash_bucket(
    column_name: str,
    hash_bucket_size: int,
    combiner: str = "sum",
    dtype: tf.DType = tf.string,
    hash_keys: Sequence[str] | None = None,
) -> Any:
    """The hash bucket of each string or integer."""
    _only(combiner, "sparse_column_with_hash_bucket")
    if hash_keys is not None:
        raise NotImplementedError("hash_keys is not available on TensorFlow 2: make one column for each hash")
    return tf.feature_column.categorical_column_with_hash_bucket(column_name, hash_bucket_size, dtype)


def sparse_column_with_keys(
    column_name: str,
    keys: Sequence[Any],
    default_value: int = -1,
    combiner: str = "sum",
    dtype: tf.DType = tf.string,
) -> Any:
    """The index of each string or integer in a list."""
    _only(combiner, "sparse_column_with_keys")
    return tf.feature_column.categorical_column_with_vocabulary_list(column_name, tuple(keys), dtype, default_value)


def sparse_column_with_vocabulary_file(
    column_name: str,
    vocabulary_file: str,
    num_oov_buckets: int = 0,
    vocab_size: int | None = None,
    default_value: int | None = -1,
    combiner: str = "sum",
    dtype: tf.DType = tf.string,
) -> Any:
    """The line number of each string or integer in a file."""
    _only(combiner, "sparse_column_with_vocabulary_file")
    return tf.feature_column.categorical_column_with_vocabulary_file(
        column_name,
        vocabulary_file,
        vocab_size,
        num_oov_buckets,
        None if num_oov_buckets else default_value,
        dtype,
    )


def sparse_column_with_integerized_feature(
    column_name: str, bucket_size: int, combiner: str = "sum", dtype: tf.DType = tf.int64
) -> Any:
    """Integers, modulo bucket_size."""
    _only(combiner, "sparse_column_with_integerized_feature")
    if not dtype.is_integer:
        raise ValueError(f"dtype must be an integer type, not {dtype}")
    return IntegerizedCategoricalColumn(column_name, bucket_size, default_value=None)


class IntegerizedCategoricalColumn(_feature_column.IdentityCategoricalColumn):
    """A column whose values are taken modulo the number of buckets."""

    def _transform_input_tensor(self, input_tensor: tf.SparseTensor) -> tf.SparseTensor:
        ids = tf.cast(input_tensor.values, tf.int64) % self.number_buckets
        return super()._transform_input_tensor(tf.SparseTensor(input_tensor.indices, ids, input_tensor.dense_shape))


def weighted_sparse_column(sparse_id_column: Any, weight_column_name: str, dtype: tf.DType = tf.float32) -> Any:
    """A sparse column with a weight for each value, from another feature."""
    return tf.feature_column.weighted_categorical_column(sparse_id_column, weight_column_name, dtype)


def crossed_column(
    columns: Iterable[Any],
    hash_bucket_size: int,
    combiner: str = "sum",
    ckpt_to_load_from: str | None = None,
    tensor_name_in_ckpt: str | None = None,
    hash_key: int | None = None,
) -> Any:
    """The hash bucket of each combination of the values of several columns.

    With hash_key=SPARSE_FEATURE_CROSS_DEFAULT_HASH_KEY the buckets are the same as in TF 1. Without a hash_key TF 1
    used another hash.
    """
    _only(combiner, "crossed_column")
    _no_checkpoint(ckpt_to_load_from, tensor_name_in_ckpt)
    # TF 1 crossed the values of sparse columns, not their ids. A feature's name in place of a column does the same.
    ordered = sorted(columns, key=lambda column: column.name)
    keys = [column.key if _is_plain(column) else column for column in ordered]
    return tf.feature_column.crossed_column(keys, hash_bucket_size, hash_key)


def _is_plain(column: Any) -> bool:
    return "Categorical" in type(column).__name__ and hasattr(column, "key")


def one_hot_column(sparse_id_column: Any) -> Any:
    """A dense column of how often each value occurs in a sparse column."""
    return tf.feature_column.indicator_column(sparse_id_column)


def _default_initializer(sparse_id_column: Any, initializer: Any) -> Any:
    return initializer or tf.truncated_normal_initializer(stddev=1 / math.sqrt(sparse_id_column.num_buckets))


def embedding_column(
    sparse_id_column: Any,
    dimension: int,
    combiner: str = "mean",
    initializer: Any = None,
    ckpt_to_load_from: str | None = None,
    tensor_name_in_ckpt: str | None = None,
    max_norm: float | None = None,
    trainable: bool = True,
) -> Any:
    """A trainable vector for each value of a sparse column. Initial values follow TF 1."""
    return tf.feature_column.embedding_column(
        sparse_id_column,
        dimension,
        combiner,
        _default_initializer(sparse_id_column, initializer),
        ckpt_to_load_from,
        tensor_name_in_ckpt,
        max_norm,
        trainable,
    )


def shared_embedding_columns(
    sparse_id_columns: Sequence[Any],
    dimension: int,
    combiner: str = "mean",
    shared_embedding_name: str | None = None,
    initializer: Any = None,
    ckpt_to_load_from: str | None = None,
    tensor_name_in_ckpt: str | None = None,
    max_norm: float | None = None,
    trainable: bool = True,
) -> list[Any]:
    """Embedding columns of several sparse columns that share one table of vectors."""
    return tf.feature_column.shared_embedding_columns(
        list(sparse_id_columns),
        dimension,
        combiner,
        _default_initializer(sparse_id_columns[0], initializer),
        shared_embedding_name,
        ckpt_to_load_from,
        tensor_name_in_ckpt,
        max_norm,
        trainable,
    )


def infer_real_valued_columns(features: Any) -> list[Any]:
    """Returns a real-valued column for each feature. A single tensor is the feature ""."""
    named = features if isinstance(features, dict) else {"": features}
    for name, tensor in named.items():
        if isinstance(tensor, tf.SparseTensor) or not (tensor.dtype.is_integer or tensor.dtype.is_floating):
            raise ValueError(f"no column can be inferred for {name!r}, {tensor}: it is sparse or has no numbers")
    return [
        real_valued_column(name, math.prod(tensor.shape.as_list()[1:]), dtype=tensor.dtype)
        for name, tensor in named.items()
    ]


def create_feature_spec_for_parsing(feature_columns: Any) -> dict[str, Any]:
    """Returns the features argument of tf.parse_example for columns."""
    columns = feature_columns.values() if isinstance(feature_columns, dict) else feature_columns
    return tf.feature_column.make_parse_example_spec(list(columns))


def input_from_feature_columns(
    columns_to_tensors: dict[Any, Any],
    feature_columns: Iterable[Any],
    weight_collections: Any = None,
    trainable: bool = True,
    scope: Any = None,
    cols_to_outs: dict[Any, Any] | None = None,
) -> tf.Tensor:
    """Returns the concatenated values of dense columns, float32 [examples, numbers]."""
    outputs: dict[Any, Any] = {}
    with tf.variable_scope(scope, "input_from_feature_columns", list(columns_to_tensors.values())):
        tf.feature_column.input_layer(
            columns_to_tensors, list(feature_columns), weight_collections, trainable, None, outputs
        )
        if cols_to_outs is not None:
            cols_to_outs.update(outputs)
        return tf.concat([outputs[column] for column in sorted(outputs, key=_old_order)], 1)


def _old_order(column: Any) -> tuple[int, int, str]:
    sparse = getattr(column, "categorical_column", column)
    return _place(_DENSE, column), _place(_SPARSE, sparse), sparse.name


def _place(kinds: tuple[str, ...], column: Any) -> int:
    kind = type(column).__name__.lstrip("_")
    return kinds.index(kind) if kind in kinds else len(kinds)


def weighted_sum_from_feature_columns(
    columns_to_tensors: dict[Any, Any],
    feature_columns: Iterable[Any],
    num_outputs: int,
    weight_collections: Any = None,
    trainable: bool = True,
    scope: Any = None,
) -> tuple[tf.Tensor, dict[Any, list[Any]], Any]:
    """Returns (outputs [examples, num_outputs], {column: weights}, bias) of a linear model."""
    variables: dict[Any, Any] = {}
    with tf.variable_scope(scope, "weighted_sum_from_feature_columns", list(columns_to_tensors.values())):
        outputs = tf.feature_column.linear_model(
            columns_to_tensors, list(feature_columns), num_outputs, "sum", weight_collections, trainable, variables
        )
    (bias,) = variables.pop("bias")
    return outputs, variables, bias
