"""tf.contrib.lookup: the tables that TensorFlow 2 has in tf.lookup and in lookup_ops."""

from typing import Any

import tensorflow.compat.v1 as tf  # type: ignore[import-untyped]
from tensorflow.python.ops import lookup_ops as _lookup_ops  # type: ignore[import-untyped]
from tensorflow.python.ops.lookup_ops import DenseHashTable as MutableDenseHashTable  # type: ignore[import-untyped]
from tensorflow.python.ops.lookup_ops import (  # type: ignore[import-untyped]
    FastHashSpec,
    HasherSpec,
    IdTableWithHashBuckets,
    KeyValueTensorInitializer,
    LookupInterface,
    StaticHashTableV1,  # type: ignore[import-untyped]
    StrongHashSpec,
    TableInitializerBase,
    TextFileIdTableInitializer,
    TextFileIndex,
    TextFileInitializer,
    TextFileStringTableInitializer,
    index_table_from_file,
    index_to_string_table_from_file,
)
from tensorflow.python.ops.lookup_ops import (  # type: ignore[import-untyped]
    InitializableLookupTableBaseV1 as InitializableLookupTableBase,
)
from tensorflow.python.ops.lookup_ops import MutableHashTable as MutableHashTable  # type: ignore[import-untyped]

__all__ = [
    "FastHashSpec",
    "HashTable",
    "HasherSpec",
    "IdTableWithHashBuckets",
    "InitializableLookupTableBase",
    "KeyValueTensorInitializer",
    "LookupInterface",
    "MutableDenseHashTable",
    "MutableHashTable",
    "StrongHashSpec",
    "TableInitializerBase",
    "TextFileIdTableInitializer",
    "TextFileIndex",
    "TextFileInitializer",
    "TextFileStringTableInitializer",
    "index_table_from_file",
    "index_table_from_tensor",
    "index_to_string",
    "index_to_string_table_from_file",
    "index_to_string_table_from_tensor",
    "string_to_index",
    "string_to_index_table_from_file",
    "string_to_index_table_from_tensor",
]


class HashTable(StaticHashTableV1):
    """A table that tf.tables_initializer() or its attribute `init` fills."""

    def __init__(
        self, initializer: Any, default_value: Any, shared_name: str | None = None, name: str | None = None
    ) -> None:
        """Raises ValueError if shared_name is given: tables of TensorFlow 2 have none."""
        if shared_name is not None:
            raise ValueError(f"shared_name {shared_name!r} is not supported: build the table once and pass it on")
        super().__init__(initializer, default_value, name)

    @property
    def init(self) -> Any:
        """The operation that fills the table."""
        return self.initializer


def index_table_from_tensor(
    mapping: Any,
    num_oov_buckets: int = 0,
    default_value: int = -1,
    hasher_spec: Any = FastHashSpec,
    dtype: Any = tf.string,
    name: str | None = None,
) -> Any:
    """Returns a table from the values of a 1-D tensor to indices. Other values get default_value or an OOV bucket."""
    return _lookup_ops.index_table_from_tensor(
        vocabulary_list=mapping,
        num_oov_buckets=num_oov_buckets,
        default_value=default_value,
        hasher_spec=hasher_spec,
        dtype=dtype,
        name=name,
    )


def index_to_string_table_from_tensor(mapping: Any, default_value: str = "UNK", name: str | None = None) -> Any:
    """Returns a table from int64 indices to the strings of a 1-D tensor. Other indices get default_value."""
    return _lookup_ops.index_to_string_table_from_tensor(mapping, default_value, name)


def string_to_index_table_from_tensor(
    mapping: Any,
    num_oov_buckets: int = 0,
    default_value: int = -1,
    hasher_spec: Any = FastHashSpec,
    name: str | None = None,
) -> Any:
    """Returns index_table_from_tensor(mapping, …) for strings."""
    return index_table_from_tensor(mapping, num_oov_buckets, default_value, hasher_spec, tf.string, name)


def string_to_index_table_from_file(
    vocabulary_file: Any = None,
    num_oov_buckets: int = 0,
    vocab_size: Any = None,
    default_value: int = -1,
    hasher_spec: Any = FastHashSpec,
    name: str | None = None,
) -> Any:
    """Returns index_table_from_file(vocabulary_file, …) for strings."""
    return index_table_from_file(
        vocabulary_file, num_oov_buckets, vocab_size, default_value, hasher_spec, key_dtype=tf.string, name=name
    )


def string_to_index(tensor: Any, mapping: Any, default_value: int = -1, name: str | None = None) -> Any:
    """Returns the indices of strings, int64. tf.tables_initializer() fills the table."""
    return index_table_from_tensor(mapping, default_value=default_value, name=name).lookup(tensor)


def index_to_string(tensor: Any, mapping: Any, default_value: str = "UNK", name: str | None = None) -> Any:
    """Returns the strings of int64 indices. tf.tables_initializer() fills the table."""
    return index_to_string_table_from_tensor(mapping, default_value=default_value, name=name).lookup(tensor)
