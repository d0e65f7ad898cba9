"""tf.contrib.opt: optimizers that are small variations of the optimizers of tf.train. The others are errors."""

import functools
from collections.abc import Callable
from typing import Any

import tensorflow.compat.v1 as tf

from cnn_estimator.tf1.unavailable import module_getattr


def clip_gradients_by_global_norm(gradients_variables: list[tuple[Any, Any]], clip_norm: float = 20.0) -> Any:
    """Returns (gradient, variable) pairs with the gradients clipped by their global norm."""
    gradients, variables = zip(*gradients_variables, strict=True)
    return list(zip(tf.clip_by_global_norm(gradients, clip_norm)[0], variables, strict=True))


class LazyAdamOptimizer(tf.train.AdamOptimizer):
    """Adam that, for a sparse gradient, updates only the rows that have a gradient, and only their moments."""

    def _apply_sparse(self, grad: Any, var: Any) -> tf.Operation:
        return self._resource_apply_sparse(grad.values, var, grad.indices)

    def _resource_apply_sparse(self, grad: Any, var: Any, indices: Any) -> tf.Operation:
        cast = functools.partial(tf.cast, dtype=var.dtype.base_dtype)
        beta1_power, beta2_power = (cast(power) for power in self._get_beta_accumulators())
        beta1 = cast(self._beta1_t)
        beta2 = cast(self._beta2_t)
        m = self.get_slot(var, "m")
        v = self.get_slot(var, "v")
        m_rows = beta1 * tf.gather(m, indices) + (1 - beta1) * grad
        v_rows = beta2 * tf.gather(v, indices) + (1 - beta2) * tf.square(grad)
        rate = cast(self._lr_t) * tf.sqrt(1 - beta2_power) / (1 - beta1_power)
        step = rate * m_rows / (tf.sqrt(v_rows) + cast(self._epsilon_t))
        with tf.control_dependencies([step]):  # the step reads the old rows
            return tf.group(
                tf.scatter_sub(var, indices, step, use_locking=self._use_locking),
                tf.scatter_update(m, indices, m_rows, use_locking=self._use_locking),
                tf.scatter_update(v, indices, v_rows, use_locking=self._use_locking),
            )


class AdaMaxOptimizer(tf.train.AdamOptimizer):
    """Adam with an infinity norm in place of the second moment. Handles sparse gradients as LazyAdamOptimizer."""

    def __init__(
        self,
        learning_rate: Any = 0.001,
        beta1: Any = 0.9,
        beta2: Any = 0.999,
        epsilon: Any = 1e-8,
        use_locking: bool = False,
        name: str = "AdaMax",
    ) -> None:
        super().__init__(learning_rate, beta1, beta2, epsilon, use_locking, name)

    def _beta1_power(self) -> Any:
        return self._get_non_slot_variable("beta1_power", graph=tf.get_default_graph())

    def _create_slots(self, var_list: list[Any]) -> None:
        """Creates no beta2_power, so that checkpoints of TF 1 fit."""
        first = min(var_list, key=lambda variable: variable.name)
        self._create_non_slot_variable(self._beta1, "beta1_power", first)
        for variable in var_list:
            self._zeros_slot(variable, "m", self._name)
            self._zeros_slot(variable, "v", self._name)

    def _apply_dense(self, grad: Any, var: Any) -> tf.Operation:
        return self._step(grad, var, tf.identity, tf.assign, tf.assign_sub)

    _resource_apply_dense = _apply_dense

    def _apply_sparse(self, grad: Any, var: Any) -> tf.Operation:
        return self._resource_apply_sparse(grad.values, var, grad.indices)

    def _resource_apply_sparse(self, grad: Any, var: Any, indices: Any) -> tf.Operation:
        return self._step(
            grad,
            var,
            lambda variable: tf.gather(variable, indices),
            lambda variable, value: tf.scatter_update(variable, indices, value),
            lambda variable, value: tf.scatter_sub(variable, indices, value),
        )

    def _step(self, grad: Any, var: Any, read: Any, write: Any, subtract: Any) -> tf.Operation:
        cast = functools.partial(tf.cast, dtype=var.dtype.base_dtype)
        beta1 = cast(self._beta1_t)
        m = self.get_slot(var, "m")
        v = self.get_slot(var, "v")
        mean = beta1 * read(m) + (1 - beta1) * grad
        largest = tf.maximum(cast(self._beta2_t) * read(v), tf.abs(grad))
        step = cast(self._lr_t) / (1 - cast(self._beta1_power())) * mean / (largest + cast(self._epsilon_t))
        with tf.control_dependencies([step]):  # the step reads the old values
            return tf.group(subtract(var, step), write(m, mean), write(v, largest))

    def _finish(self, update_ops: list[Any], name_scope: str) -> tf.Operation:
        with tf.control_dependencies(update_ops):
            power = self._beta1_power()
            update = tf.assign(power, power * self._beta1_t, use_locking=self._use_locking)
        return tf.group(*update_ops, update, name=name_scope)


class NadamOptimizer(tf.train.AdamOptimizer):
    """Adam with Nesterov's momentum."""

    def _apply_dense(self, grad: Any, var: Any) -> Any:
        return self._apply(tf.raw_ops.ApplyAdam, lambda variable: variable._ref(), grad, var).op

    def _resource_apply_dense(self, grad: Any, var: Any) -> Any:
        return self._apply(tf.raw_ops.ResourceApplyAdam, lambda variable: variable.handle, grad, var)

    def _apply(self, operation: Callable[..., Any], handle: Callable[[Any], Any], grad: Any, var: Any) -> Any:
        beta1_power, beta2_power = self._get_beta_accumulators()
        cast = functools.partial(tf.cast, dtype=grad.dtype.base_dtype)
        return operation(
            var=handle(var),
            m=handle(self.get_slot(var, "m")),
            v=handle(self.get_slot(var, "v")),
            beta1_power=cast(beta1_power),
            beta2_power=cast(beta2_power),
            lr=cast(self._lr_t),
            beta1=cast(self._beta1_t),
            beta2=cast(self._beta2_t),
            epsilon=cast(self._epsilon_t),
            grad=grad,
            use_locking=self._use_locking,
            use_nesterov=True,
        )

    def _apply_sparse(self, grad: Any, var: Any) -> Any:
        return self._resource_apply_sparse(grad.values, var, grad.indices)

    def _resource_apply_sparse(self, grad: Any, var: Any, indices: Any) -> Any:
        cast = functools.partial(tf.cast, dtype=var.dtype.base_dtype)
        beta1_power, beta2_power = (cast(power) for power in self._get_beta_accumulators())
        beta1 = cast(self._beta1_t)
        beta2 = cast(self._beta2_t)
        m = self.get_slot(var, "m")
        v = self.get_slot(var, "v")
        gains = grad * (1 - beta1), tf.square(grad) * (1 - beta2)
        moments = []
        for slot, beta, gain in zip((m, v), (beta1, beta2), gains, strict=True):
            with tf.control_dependencies([tf.assign(slot, slot * beta)]):
                added = tf.scatter_add(slot, indices, gain)
            with tf.control_dependencies([added]):
                moments.append(tf.gather(slot, indices))
        mean = gains[0] + beta1 * moments[0]
        rate = cast(self._lr_t) * tf.sqrt(1 - beta2_power) / (1 - beta1_power)
        return tf.scatter_sub(var, indices, rate * mean / (tf.sqrt(moments[1]) + cast(self._epsilon_t))).op


class DecoupledWeightDecayExtension:
    """A mixin that goes before an optimizer and subtracts weight_decay times the variable at each step.

    The weight decay is not multiplied by the learning rate. A sparse gradient decays only the rows that it contains.
    """

    def __init__(self, weight_decay: Any, *args: Any, **kwargs: Any) -> None:
        self._weight_decay = weight_decay
        self._decayed: set[int] | None = None  # ids of the variables that decay. None: all variables
        super().__init__(*args, **kwargs)

    def minimize(self, loss: Any, *args: Any, decay_var_list: Any = None, **kwargs: Any) -> tf.Operation:
        """The optimizer's minimize. As in TF 1, only apply_gradients uses decay_var_list."""
        return super().minimize(loss, *args, **kwargs)  # type: ignore[misc]  # the optimizer's

    def apply_gradients(self, grads_and_vars: Any, *args: Any, decay_var_list: Any = None, **kwargs: Any) -> Any:
        """The optimizer's apply_gradients. decay_var_list: the variables that decay, by default all."""
        self._decayed = {id(variable) for variable in decay_var_list} if decay_var_list else None
        return super().apply_gradients(grads_and_vars, *args, **kwargs)  # type: ignore[misc]

    def _after_weight_decay(self, var: Any, grad: Any, indices: Any = None) -> Any:
        if self._decayed is not None and id(var) not in self._decayed:
            return tf.control_dependencies([])
        decay = self._weight_decay() if callable(self._weight_decay) else self._weight_decay
        with tf.control_dependencies([grad]):  # compute the decay from the old value. TF 1 did not fix the order
            if indices is None:
                return tf.control_dependencies([tf.assign_sub(var, decay * var)])
            return tf.control_dependencies([tf.scatter_sub(var, indices, decay * tf.gather(var, indices))])

    def _apply_dense(self, grad: Any, var: Any) -> Any:
        with self._after_weight_decay(var, grad):
            return super()._apply_dense(grad, var)  # type: ignore[misc]

    def _resource_apply_dense(self, grad: Any, var: Any) -> Any:
        with self._after_weight_decay(var, grad):
            return super()._resource_apply_dense(grad, var)  # type: ignore[misc]

    def _apply_sparse(self, grad: Any, var: Any) -> Any:
        with self._after_weight_decay(var, grad.values, grad.indices):
            return super()._apply_sparse(grad, var)  # type: ignore[misc]

    def _resource_apply_sparse(self, grad: Any, var: Any, indices: Any) -> Any:
        with self._after_weight_decay(var, grad, indices):
            return super()._resource_apply_sparse(grad, var, indices)  # type: ignore[misc]


def extend_with_decoupled_weight_decay(base_optimizer: type) -> type:
    """Returns a subclass of an optimizer with weight decay. The first argument of its constructor is weight_decay."""
    return type("OptimizerWithDecoupledWeightDecay", (DecoupledWeightDecayExtension, base_optimizer), {})


class AdamWOptimizer(DecoupledWeightDecayExtension, tf.train.AdamOptimizer):
    """Adam with weight decay."""

    def __init__(
        self,
        weight_decay: Any,
        learning_rate: Any = 0.001,
        beta1: Any = 0.9,
        beta2: Any = 0.999,
        epsilon: Any = 1e-8,
        use_locking: bool = False,
        name: str = "AdamW",
    ) -> None:
        super().__init__(weight_decay, learning_rate, beta1, beta2, epsilon, use_locking, name)


class MomentumWOptimizer(DecoupledWeightDecayExtension, tf.train.MomentumOptimizer):
    """Momentum with weight decay."""

    def __init__(
        self,
        weight_decay: Any,
        learning_rate: Any,
        momentum: Any,
        use_locking: bool = False,
        name: str = "MomentumW",
        use_nesterov: bool = False,
    ) -> None:
        super().__init__(weight_decay, learning_rate, momentum, use_locking, name, use_nesterov)


class MovingAverageOptimizer(tf.train.Optimizer):
    """An optimizer that also maintains moving averages of the variables that it trains."""

    def __init__(
        self, opt: Any, average_decay: float = 0.9999, num_updates: Any = None, sequential_update: bool = True
    ) -> None:
        """sequential_update: if True, update the averages after the variables, else at the same time."""
        super().__init__(False, "MovingAverage")
        self._optimizer = opt
        self._averages = tf.train.ExponentialMovingAverage(average_decay, num_updates)
        self._sequential = sequential_update
        self._averaged: list[Any] = []

    def compute_gradients(self, *args: Any, **kwargs: Any) -> Any:
        return self._optimizer.compute_gradients(*args, **kwargs)

    def apply_gradients(self, grads_and_vars: Any, global_step: Any = None, name: str | None = None) -> tf.Operation:
        grads_and_vars = list(grads_and_vars)
        update = self._optimizer.apply_gradients(grads_and_vars, global_step, name)
        self._averaged = [variable for gradient, variable in grads_and_vars if gradient is not None]
        with tf.control_dependencies([update] if self._sequential else []):
            averages = self._averages.apply(self._averaged)
        return tf.group(update, averages, name="train_with_avg")

    def swapping_saver(self, var_list: Any = None, name: str = "swapping_saver", **kwargs: Any) -> tf.train.Saver:
        """Returns a Saver that swaps names: averages are saved as their variables, and variables as their averages.

        Args:
          var_list: variables, or {name: variable}. By default all variables.

        Raises:
          ValueError: var_list has a variable without its average, or an average without its variable.
        """
        if not self._averaged:
            raise RuntimeError("call minimize or apply_gradients before swapping_saver")
        var_list = tf.global_variables() if var_list is None else var_list
        if not isinstance(var_list, dict):
            var_list = {variable.op.name: variable for variable in var_list}
        pairs = [(variable.op.name, self._averages.average(variable).op.name) for variable in self._averaged]
        swapped = dict(pairs) | {average: name for name, average in pairs}
        missing = [swapped[name] for name in var_list if name in swapped and swapped[name] not in var_list]
        if missing:
            raise ValueError(f"{missing} are not among the variables to save, but their counterparts are")
        by_name = {name: var_list[swapped.get(name, name)] for name in var_list}
        return tf.train.Saver(by_name, name=name, **kwargs)


__getattr__ = module_getattr(
    "tf.contrib.opt",
    (),
    "use an optimizer of tf.train",
    {"ScipyOptimizerInterface": "use scipy.optimize.minimize"},
    "AGNCustomGetter AGNOptimizer AdamGSOptimizer AddSignOptimizer DropStaleGradientOptimizer "
    "ElasticAverageCustomGetter ElasticAverageOptimizer ExternalOptimizerInterface GGTOptimizer LARSOptimizer "
    "LazyAdamGSOptimizer ModelAverageCustomGetter ModelAverageOptimizer MultitaskOptimizerWrapper PowerSignOptimizer "
    "RegAdagradOptimizer ShampooOptimizer VariableClippingOptimizer",
)
