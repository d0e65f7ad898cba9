"""The linear layer of cells, and cells with a layer before or behind them."""

from typing import Any

import tensorflow.compat.v1 as tf  # type: ignore[import-untyped]

RNNCell = tf.nn.rnn_cell.RNNCell
_WEIGHTS_VARIABLE_NAME = "kernel"
_BIAS_VARIABLE_NAME = "bias"
_SQRT_3 = 3**0.5


def _listed(args: Any) -> list:
    return list(args) if isinstance(args, list | tuple) else [args]


def _features(args: Any) -> int:
    """Returns the number of features of tensors [B, features]. Raises ValueError for other or unknown shapes."""
    shapes = [tensor.shape for tensor in _listed(args)]
    if not shapes:
        raise ValueError("a linear layer needs at least one input")
    if any(shape.ndims != 2 or shape[1] is None for shape in shapes):
        raise ValueError(f"a linear layer needs inputs [batch, features] with known features, got the shapes {shapes}")
    return sum(int(shape[1]) for shape in shapes)


class _Linear:
    """Concatenated inputs [B, features] times the variable kernel, plus the variable bias."""

    def __init__(
        self,
        args: Any,
        output_size: int,
        build_bias: bool,
        bias_initializer: Any = None,
        kernel_initializer: Any = None,
    ) -> None:
        """args: the first inputs, which give the shape and type of the variables."""
        dtype = _listed(args)[0].dtype if _listed(args) else None
        self._bias = None
        with tf.variable_scope(tf.get_variable_scope()) as scope:
            shape = [_features(args), output_size]
            self._weights = tf.get_variable(_WEIGHTS_VARIABLE_NAME, shape, dtype, kernel_initializer)
            if build_bias:
                scope.set_partitioner(None)
                zeros = tf.zeros_initializer()
                self._bias = tf.get_variable(_BIAS_VARIABLE_NAME, [output_size], dtype, bias_initializer or zeros)

    def __call__(self, args: Any) -> Any:
        """Returns the outputs [B, output_size]. args: a tensor, or several that are concatenated."""
        outputs = tf.matmul(tf.concat(_listed(args), 1), self._weights)
        return outputs if self._bias is None else tf.nn.bias_add(outputs, self._bias)


def _linear(
    args: Any, output_size: int, bias: bool, bias_initializer: Any = None, kernel_initializer: Any = None
) -> Any:
    """Returns the outputs of a linear layer of this scope."""
    return _Linear(args, output_size, bias, bias_initializer, kernel_initializer)(args)


def _like_rnncell(cell: Any) -> bool:
    """Returns True if an object has what a network needs of a cell."""
    return callable(cell) and all(hasattr(cell, name) for name in ("output_size", "state_size", "zero_state"))


class CellWrapper(tf.nn.rnn_cell.RNNCell):
    """The base of cells that have the state and the outputs of another cell."""

    def __init__(self, cell: Any, reuse: bool | None = None) -> None:
        super().__init__(_reuse=reuse)
        self._cell = cell

    @property
    def state_size(self) -> Any:
        return self._cell.state_size

    @property
    def output_size(self) -> Any:
        return self._cell.output_size

    def zero_state(self, batch_size: Any, dtype: Any) -> Any:
        return self._cell.zero_state(batch_size, dtype)


class EmbeddingWrapper(CellWrapper):
    """A cell whose inputs are ids. The variable embedding has a row for each of them."""

    def __init__(
        self,
        cell: Any,
        embedding_classes: int,
        embedding_size: int,
        initializer: Any = None,
        reuse: bool | None = None,
    ) -> None:
        super().__init__(cell, reuse)
        if embedding_classes <= 0 or embedding_size <= 0:
            raise ValueError(f"the embedding needs a positive shape, got [{embedding_classes}, {embedding_size}]")
        self._shape = [embedding_classes, embedding_size]
        self._initializer = initializer

    def call(self, inputs: Any, state: Any) -> tuple[Any, Any]:
        default = tf.get_variable_scope().initializer or tf.random_uniform_initializer(-_SQRT_3, _SQRT_3)
        dtype = tf.nest.flatten(state)[0].dtype
        table = tf.get_variable("embedding", self._shape, dtype, self._initializer or default)
        return self._cell(tf.nn.embedding_lookup(table, tf.reshape(inputs, [-1])), state)


class InputProjectionWrapper(CellWrapper):
    """A cell with a linear layer on its inputs."""

    def __init__(
        self,
        cell: Any,
        num_proj: int,
        activation: Any = None,
        input_size: None = None,
        reuse: bool | None = None,
    ) -> None:
        """input_size: not used."""
        super().__init__(cell, reuse)
        self._size = num_proj
        self._activation = activation or tf.identity

    def call(self, inputs: Any, state: Any) -> tuple[Any, Any]:
        return self._cell(self._activation(_linear(inputs, self._size, True)), state)


class OutputProjectionWrapper(CellWrapper):
    """A cell with a linear layer on its outputs."""

    def __init__(self, cell: Any, output_size: int, activation: Any = None, reuse: bool | None = None) -> None:
        super().__init__(cell, reuse)
        self._size = output_size
        self._activation = activation or tf.identity

    @property
    def output_size(self) -> int:
        return self._size

    def call(self, inputs: Any, state: Any) -> tuple[Any, Any]:
        outputs, state = self._cell(inputs, state)
        return self._activation(_linear(outputs, self._size, True)), state
