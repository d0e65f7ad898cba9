"""tf.contrib.layers: layers, initializers and regularizers of tf-slim, the old feature columns, and encoders."""

import sys
from typing import Any

import tensorflow.compat.v1 as tf

from cnn_estimator.tf1.contrib import _feature_columns
from cnn_estimator.tf1.contrib._tf_slim import tf_slim
from cnn_estimator.tf1.unavailable import module_getattr

# The attribute tf_slim.layers is another module than the package of that name, because of an `import *`.
_layers = sys.modules["tf_slim.layers"]

tf.RegisterGradient("GDNLowerBound")(_layers.GDN._lower_bound_grad)  # tf-slim's GDN uses it without registering it

safe_embedding_lookup_sparse = tf.nn.safe_embedding_lookup_sparse


def embedding_lookup_unique(params: Any, ids: Any, partition_strategy: str = "mod", name: str | None = None) -> Any:
    """Is tf.nn.embedding_lookup, and looks up repeated ids only once."""
    with tf.name_scope(name, "EmbeddingLookupUnique", [params, ids]):
        ids = tf.convert_to_tensor(ids)
        unique, places = tf.unique(tf.reshape(ids, [-1]))
        vectors = tf.gather(tf.nn.embedding_lookup(params, unique, partition_strategy), places)
        result = tf.reshape(vectors, tf.concat([tf.shape(ids), tf.shape(vectors)[1:]], 0))
        result.set_shape(ids.shape.concatenate(vectors.shape[1:]))
        return result


def _embeddings(shape: list[int] | None, initializer: Any, regularizer: Any, trainable: bool) -> Any:
    """Returns the variable `embeddings` of the current scope."""
    return tf_slim.model_variable(
        "embeddings", shape=shape, initializer=initializer, regularizer=regularizer, trainable=trainable
    )


def embed_sequence(
    ids: Any,
    vocab_size: int | None = None,
    embed_dim: int | None = None,
    unique: bool = False,
    initializer: Any = None,
    regularizer: Any = None,
    trainable: bool = True,
    scope: Any = None,
    reuse: bool | None = None,
) -> tf.Tensor:
    """Returns a vector [embed_dim] of the variable `embeddings` for each id [examples, length]."""
    if not (reuse or (vocab_size and embed_dim)):
        raise ValueError(f"vocab_size={vocab_size} and embed_dim={embed_dim}: both are needed unless reuse=True")
    with tf.variable_scope(scope, "EmbedSequence", [ids], reuse=reuse):
        shape = [vocab_size, embed_dim] if vocab_size and embed_dim else None
        embeddings = _embeddings(shape, initializer, regularizer, trainable)
        lookup = embedding_lookup_unique if unique else tf.nn.embedding_lookup
        return lookup(embeddings, ids)


def bow_encoder(
    ids: Any,
    vocab_size: int,
    embed_dim: int,
    sparse_lookup: bool = True,
    initializer: Any = None,
    regularizer: Any = None,
    trainable: bool = True,
    scope: Any = None,
    reuse: bool | None = None,
) -> tf.Tensor:
    """Returns the mean vector of the ids in each example, [examples, embed_dim].

    sparse_lookup: if True, zeros in dense ids are padding, and an example without ids gets the vector of id 0.
    """
    if not (vocab_size and embed_dim):
        raise ValueError(f"vocab_size={vocab_size} and embed_dim={embed_dim}: both are needed")
    sparse = isinstance(ids, tf.SparseTensor)
    if sparse and not sparse_lookup:
        raise TypeError("sparse_lookup=False takes dense ids")
    with tf.variable_scope(scope, "bow_encoder", [ids], reuse=reuse):
        embeddings = _embeddings([vocab_size, embed_dim], initializer, regularizer, trainable)
        if not sparse_lookup:
            return tf.reduce_mean(tf.nn.embedding_lookup(embeddings, ids), 1)
        sparse_ids = ids if sparse else tf.sparse.from_dense(ids)
        return safe_embedding_lookup_sparse([embeddings], sparse_ids, combiner="mean", default_id=0)


__getattr__ = module_getattr(
    "tf.contrib.layers",
    (_layers, _feature_columns, sys.modules["tf_slim.layers.optimizers"], sys.modules["tf_slim.layers.rev_block_lib"]),
    "use tf.layers, tf.feature_column or tf_slim of the package tf-slim",
    names="check_feature_columns feature_column joint_weighted_sum_from_feature_columns "
    "make_place_holder_tensors_for_base_features multi_class_target parse_feature_columns_from_examples "
    "parse_feature_columns_from_sequence_examples regression_target scattered_embedding_column "
    "sequence_input_from_feature_columns transform_features",
)
