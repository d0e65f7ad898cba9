"""Stacked bidirectional networks."""

from collections.abc import Callable, Sequence
from typing import Any

import tensorflow.compat.v1 as tf  # type: ignore[import-untyped]


def _layers(forward: Sequence, backward: Sequence, initial: Sequence) -> list[tuple]:
    """Returns (forward cell, backward cell, forward state, backward state) for each layer.

    Raises:
      ValueError: the lists are empty or have different lengths.
    """
    states = [[None] * len(forward) if state is None else list(state) for state in initial]
    if not forward or {len(forward)} != {len(backward), len(states[0]), len(states[1])}:
        raise ValueError("cells_fw, cells_bw and the initial states must be lists of the same length, at least 1")
    return list(zip(forward, backward, *states, strict=True))


def _stack(
    run_layer: Callable,
    cells_fw: Sequence,
    cells_bw: Sequence,
    inputs: Any,
    initial_states: Sequence,
    scope: Any,
) -> tuple[Any, tuple, tuple]:
    """Returns (outputs, forward states, backward states) of layers. Each layer reads the outputs of the previous one.

    Args:
      run_layer: called with (forward cell, backward cell, inputs, forward state, backward state, scope); returns
        (outputs, forward state, backward state).
    """
    states = []
    outputs = inputs
    with tf.variable_scope(scope or "stack_bidirectional_rnn"):
        for number, (*cells, forward, backward) in enumerate(_layers(cells_fw, cells_bw, initial_states)):
            with tf.variable_scope(f"cell_{number}") as cell_scope:
                outputs, *state = run_layer(*cells, outputs, forward, backward, cell_scope)
            states.append(state)
    forward_states, backward_states = zip(*states, strict=True)
    return outputs, forward_states, backward_states


def stack_bidirectional_rnn(
    cells_fw: Sequence,
    cells_bw: Sequence,
    inputs: Sequence,
    initial_states_fw: Sequence | None = None,
    initial_states_bw: Sequence | None = None,
    dtype: Any = None,
    sequence_length: Any = None,
    scope: Any = None,
) -> tuple[list, tuple, tuple]:
    """Returns (outputs per step, forward states, backward states) of layers of static_bidirectional_rnn.

    Each layer reads the concatenated outputs of the previous one.
    """

    def run_layer(forward: Any, backward: Any, inputs: Any, state_fw: Any, state_bw: Any, scope: Any) -> tuple:
        return tf.nn.static_bidirectional_rnn(
            forward, backward, inputs, state_fw, state_bw, dtype, sequence_length, scope
        )

    return _stack(run_layer, cells_fw, cells_bw, list(inputs), (initial_states_fw, initial_states_bw), scope)


def stack_bidirectional_dynamic_rnn(
    cells_fw: Sequence,
    cells_bw: Sequence,
    inputs: Any,
    initial_states_fw: Sequence | None = None,
    initial_states_bw: Sequence | None = None,
    dtype: Any = None,
    sequence_length: Any = None,
    parallel_iterations: int | None = None,
    time_major: bool = False,
    scope: Any = None,
    swap_memory: bool = False,
) -> tuple[Any, tuple, tuple]:
    """Returns (outputs, forward states, backward states) of layers of bidirectional_dynamic_rnn.

    Each layer reads the concatenated outputs of the previous one.
    """
    options = {
        "dtype": dtype,
        "sequence_length": sequence_length,
        "parallel_iterations": parallel_iterations,
        "time_major": time_major,
        "swap_memory": swap_memory,
    }

    def run_layer(forward: Any, backward: Any, inputs: Any, state_fw: Any, state_bw: Any, scope: Any) -> tuple:
        pair, states = tf.nn.bidirectional_dynamic_rnn(
            forward, backward, inputs, initial_state_fw=state_fw, initial_state_bw=state_bw, **options
        )
        return (tf.concat(pair, 2), *states)

    return _stack(run_layer, cells_fw, cells_bw, inputs, (initial_states_fw, initial_states_bw), scope)
