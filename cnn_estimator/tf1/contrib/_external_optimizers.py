"""Optimizers of tf.contrib.opt whose algorithm runs outside the graph, such as SciPy's."""

import importlib
import itertools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import tensorflow.compat.v1 as tf


def _gradients(tensor: Any, variables: Sequence[Any]) -> list[Any]:
    gradients = tf.gradients(tensor, variables)
    return [
        tf.zeros_like(variable) if gradient is None else gradient
        for variable, gradient in zip(variables, gradients, strict=True)
    ]


class ExternalOptimizerInterface:
    """Minimizes a loss by an algorithm outside the graph. The algorithm is the method _minimize of a subclass.

    The algorithm gets the values of all variables as one vector.
    """

    def __init__(
        self,
        loss: Any,
        var_list: Any = None,
        equalities: Any = None,
        inequalities: Any = None,
        var_to_bounds: Any = None,
        **optimizer_kwargs: Any,
    ) -> None:
        """Adds the gradients to the graph.

        Args:
          var_list: the variables to change. By default all trainable variables.
          equalities: scalar tensors that the algorithm holds at 0.
          inequalities: scalar tensors that the algorithm holds at 0 or above.
          var_to_bounds: {variable: (lowest, highest)}. A bound is a number, an array that is broadcast to the
            variable's shape, or None.
          optimizer_kwargs: for _minimize.
        """
        self._loss = loss
        self._equalities = equalities or []
        self._inequalities = inequalities or []
        self._vars = tf.trainable_variables() if var_list is None else list(var_list)
        self.optimizer_kwargs = optimizer_kwargs
        shapes = [variable.shape.as_list() for variable in self._vars]
        self._packed_bounds = None if var_to_bounds is None else self._pack_bounds(shapes, var_to_bounds)
        self._update_placeholders = [tf.placeholder(variable.dtype.base_dtype) for variable in self._vars]
        self._var_updates = [
            variable.assign(tf.reshape(placeholder, shape))
            for variable, placeholder, shape in zip(self._vars, self._update_placeholders, shapes, strict=True)
        ]
        self._packed_var = self._pack(self._vars)
        self._packed_loss_grad = self._pack_gradients(loss)
        self._packed_equality_grads = [self._pack_gradients(tensor) for tensor in self._equalities]
        self._packed_inequality_grads = [self._pack_gradients(tensor) for tensor in self._inequalities]
        sizes = [int(np.prod(shape, dtype=int)) for shape in shapes]
        ends = list(itertools.accumulate(sizes, initial=0))
        self._packing_slices = [slice(start, end) for start, end in itertools.pairwise(ends)]

    def _pack_bounds(self, shapes: list[list[int]], var_to_bounds: Any) -> list[tuple[Any, Any]]:
        """Returns a pair (lowest, highest) for each element of the vector."""
        pairs: list[tuple[Any, Any]] = []
        for variable, shape in zip(self._vars, shapes, strict=True):
            bounds = var_to_bounds.get(variable, (-np.inf, np.inf))
            lowest, highest = (np.broadcast_to(bound, shape).flat for bound in bounds)
            pairs += zip(lowest, highest, strict=True)
        return pairs

    @classmethod
    def _pack(cls, tensors: Sequence[Any]) -> Any:
        """Returns the tensors as one vector."""
        return tf.concat([tf.reshape(tensor, [-1]) for tensor in tensors], 0) if tensors else None

    def _pack_gradients(self, tensor: Any) -> Any:
        return self._pack(_gradients(tensor, self._vars))

    def minimize(
        self,
        session: Any = None,
        feed_dict: Any = None,
        fetches: Any = None,
        step_callback: Callable[..., Any] | None = None,
        loss_callback: Callable[..., Any] | None = None,
        **run_kwargs: Any,
    ) -> None:
        """Runs the algorithm, and then assigns its result to the variables.

        Args:
          session: by default the default session.
          feed_dict: for each evaluation of the loss and of the constraints.
          fetches: tensors that are evaluated together with the loss.
          step_callback: called with the vector after each step of the algorithm.
          loss_callback: called with the values of the fetches after each evaluation of the loss.
          run_kwargs: for the session.run that assigns the result.
        """
        session = session or tf.get_default_session()
        evaluation = session, feed_dict or {}, fetches or []
        callback = loss_callback or (lambda *fetches: None)
        packed = self._minimize(
            initial_val=session.run(self._packed_var),
            loss_grad_func=self._make_eval_func([self._loss, self._packed_loss_grad], *evaluation, callback),
            equality_funcs=self._make_eval_funcs(self._equalities, *evaluation),
            equality_grad_funcs=self._make_eval_funcs(self._packed_equality_grads, *evaluation),
            inequality_funcs=self._make_eval_funcs(self._inequalities, *evaluation),
            inequality_grad_funcs=self._make_eval_funcs(self._packed_inequality_grads, *evaluation),
            packed_bounds=self._packed_bounds,
            step_callback=step_callback or (lambda xk: None),
            optimizer_kwargs=self.optimizer_kwargs,
        )
        values = [packed[part] for part in self._packing_slices]
        session.run(self._var_updates, dict(zip(self._update_placeholders, values, strict=True)), **run_kwargs)

    def _minimize(
        self,
        initial_val: Any,
        loss_grad_func: Any,
        equality_funcs: Any,
        equality_grad_funcs: Any,
        inequality_funcs: Any,
        inequality_grad_funcs: Any,
        packed_bounds: Any,
        step_callback: Any,
        optimizer_kwargs: Any,
    ) -> Any:
        """Returns the vector at the minimum. Each function takes a vector and returns a list of values."""
        raise NotImplementedError("a subclass of ExternalOptimizerInterface has the algorithm, as the method _minimize")

    def _make_eval_func(
        self, tensors: Any, session: Any, feed_dict: Any, fetches: Any, callback: Callable[..., Any] | None = None
    ) -> Callable[[Any], list[Any]]:
        """Returns a function that evaluates tensors for a vector, and calls callback with the fetches."""
        tensors = tensors if isinstance(tensors, list) else [tensors]

        def evaluate(vector: Any) -> list[Any]:
            values = {
                variable: vector[part].reshape(variable.shape.as_list())
                for variable, part in zip(self._vars, self._packing_slices, strict=True)
            }
            results = session.run([*tensors, *fetches], values | dict(feed_dict))
            if callback:
                callback(*results[len(tensors) :])
            return results[: len(tensors)]

        return evaluate

    def _make_eval_funcs(
        self, tensors: Any, session: Any, feed_dict: Any, fetches: Any, callback: Callable[..., Any] | None = None
    ) -> list[Callable[[Any], list[Any]]]:
        return [self._make_eval_func(tensor, session, feed_dict, fetches, callback) for tensor in tensors]


class ScipyOptimizerInterface(ExternalOptimizerInterface):
    """Minimizes a loss by scipy.optimize.minimize.

    The constructor takes the arguments of scipy.optimize.minimize too, such as method and options. minimize raises
    ImportError if SciPy is not installed.
    """

    _DEFAULT_METHOD = "L-BFGS-B"

    def _minimize(
        self,
        initial_val: Any,
        loss_grad_func: Any,
        equality_funcs: Any,
        equality_grad_funcs: Any,
        inequality_funcs: Any,
        inequality_grad_funcs: Any,
        packed_bounds: Any,
        step_callback: Any,
        optimizer_kwargs: Any,
    ) -> Any:
        if "bounds" in optimizer_kwargs:
            raise ValueError("bounds: use var_to_bounds")
        reserved = sorted({"jac", "callback", "constraints"} & set(optimizer_kwargs))
        if reserved:
            raise ValueError(f"{', '.join(reserved)}: ScipyOptimizerInterface itself passes this to SciPy")

        def loss_and_gradient(vector: Any) -> tuple[Any, Any]:
            loss, gradient = loss_grad_func(vector)
            return loss, gradient.astype(np.float64)

        groups = ("eq", equality_funcs, equality_grad_funcs), ("ineq", inequality_funcs, inequality_grad_funcs)
        constraints = [
            {"type": kind, "fun": function, "jac": gradient}
            for kind, functions, gradients in groups
            for function, gradient in zip(functions, gradients, strict=True)
        ]
        # SciPy computes in the type of the first vector, and up to 1.7, which TensorFlow 1.15 had, always in float64.
        result = _scipy_optimize().minimize(
            loss_and_gradient,
            initial_val.astype(np.float64),
            jac=True,
            callback=step_callback,
            constraints=constraints,
            bounds=packed_bounds,
            **{"method": self._DEFAULT_METHOD, **optimizer_kwargs},
        )
        counts = "".join(f", {name} {result[name]}" for name in ("nit", "nfev") if name in result)
        tf.logging.info("SciPy ended with the loss %f%s: %s", result.fun, counts, result.message)
        return result.x


def _scipy_optimize() -> Any:
    try:
        return importlib.import_module("scipy.optimize")
    except ModuleNotFoundError as error:
        if error.name not in ("scipy", "scipy.optimize"):
            raise
        raise ImportError("SciPy is not installed, ScipyOptimizerInterface needs it: pip install scipy") from None
