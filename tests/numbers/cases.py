"""Evaluates the cases of a program and prints a line of JSON for each one. Runs on Python 3.7 and later."""

import functools
import json

import numpy as np
import tensorflow as tf


def main(cases):
    """Prints {"name", "types", "values"} for each case, or {"name", "error"} if the case raises an exception.

    cases: (name, function) pairs. A function returns tensors, arrays, numbers or texts, in any structure. It is called
      in a new graph, and the session with that graph is the default one.
    """
    assert len(dict(cases)) == len(cases), "two cases have the same name"
    tf.logging.set_verbosity(tf.logging.ERROR)
    for name, function in cases:
        try:
            types, values = _evaluate(function)
            line = {"name": name, "types": types, "values": values}
        except Exception as error:
            line = {"name": name, "error": type(error).__name__}
        print(json.dumps(line), flush=True)


def calls(names, *arguments, **keywords):
    """Returns a case for each function of tf whose name is in the text `names`, called with the same arguments."""
    return [(_label(name, keywords), functools.partial(call, name, arguments, keywords)) for name in names.split()]


def _label(name, keywords):
    return " ".join([name] + ["{}={}".format(*item) for item in keywords.items() if not hasattr(item[1], "shape")])


def call(name, arguments, keywords):
    return functools.reduce(getattr, name.split("."), tf)(*arguments, **keywords)


def prefixed(prefix, cases):
    """Returns the cases with names that begin with the prefix."""
    return [(prefix + " " + name, function) for name, function in cases]


def initialize():
    """Initializes the variables and tables of the default graph."""
    if tf.global_variables() or tf.local_variables() or tf.get_collection(tf.GraphKeys.TABLE_INITIALIZERS):
        initializers = [tf.global_variables_initializer(), tf.local_variables_initializer(), tf.tables_initializer()]
        tf.get_default_session().run(initializers)


def after(operation, steps, result):
    """Returns the values of a result after an operation was run `steps` times."""
    initialize()
    for _ in range(steps):
        tf.get_default_session().run(operation)
    return tf.get_default_session().run(result)


def run(operation, result):
    """Returns the values of a result after an operation was run."""
    tf.get_default_session().run(operation)
    return tf.get_default_session().run(result)


def each(fetches, steps):
    """Returns the values of the fetches in `steps` runs of the session."""
    initialize()
    return [tf.get_default_session().run(fetches) for _ in range(steps)]


def elements(dataset, limit=100):
    """Returns the elements of a dataset, at most `limit`."""
    iterator = tf.data.make_initializable_iterator(dataset)
    fetches = iterator.get_next()
    initialize()
    tf.get_default_session().run(iterator.initializer)
    values = []
    try:
        while len(values) < limit:
            values.append(tf.get_default_session().run(fetches))
    except tf.errors.OutOfRangeError:
        pass
    return values


def unoptimized():
    """Returns the configuration of a session that does not optimize graphs, which takes longer than to run them."""
    config = tf.ConfigProto()
    config.graph_options.rewrite_options.disable_meta_optimizer = True
    config.graph_options.optimizer_options.opt_level = tf.OptimizerOptions.L0
    return config


def _evaluate(function):
    """Returns (types, values) of a case."""
    with tf.Graph().as_default(), tf.Session(config=unoptimized()) as session:
        leaves = list(_leaves(function()))
        tensors = [leaf for leaf in leaves if tf.is_tensor(leaf)]
        if tensors:
            initialize()
            computed = iter(session.run(tensors))
            leaves = [next(computed) if tf.is_tensor(leaf) else leaf for leaf in leaves]
    arrays = [np.asarray(leaf) for leaf in leaves]
    return [_type(array) for array in arrays], [value for array in arrays for value in _values(array)]


def _leaves(structure):
    if isinstance(structure, tf.SparseTensor):
        structure = [structure.indices, structure.values, structure.dense_shape]
    if isinstance(structure, tf.IndexedSlices):
        structure = [structure.indices, structure.values]
    if isinstance(structure, tf.RaggedTensor):
        structure = [structure.flat_values, list(structure.nested_row_splits)]
    if isinstance(structure, dict):
        structure = [structure[key] for key in sorted(structure)]
    if isinstance(structure, (list, tuple)):
        for item in structure:
            yield from _leaves(item)
    else:
        yield structure


def _type(array):
    name = "text" if array.dtype.kind in "SUO" else array.dtype.name
    return f"{name} {list(array.shape)}"


def _values(array):
    """Returns the elements as numbers and texts. A float has as few digits as identify it in its type."""
    if array.dtype.kind in "SUO":
        return [item.decode("latin-1") if isinstance(item, bytes) else str(item) for item in array.flat]
    if array.dtype.kind == "c":
        return _values(np.stack([array.real, array.imag], -1))
    if array.dtype.kind in "fV":
        return [float(str(item)) for item in array.flat]
    return array.ravel().tolist()


def wave(shape, dtype=None, partition_info=None):
    """An initializer whose values all differ."""
    shape = [int(length) for length in shape]
    return tf.constant(np.sin(np.arange(int(np.prod(shape))) * 1.3 + 0.5).reshape(shape), dtype or tf.float32)


def recurrent(scope, series, make, **options):
    """Returns the outputs, last state, gradients and variables' names of a cell that dynamic_rnn runs over a series."""
    with tf.variable_scope(scope, initializer=wave):
        outputs, state = tf.nn.dynamic_rnn(make(), tf.constant(series), dtype=tf.float32, **options)
    variables = tf.trainable_variables()
    return [
        outputs,
        state,
        tf.gradients(tf.reduce_sum(outputs**2), variables),
        [variable.name for variable in variables],
    ]
