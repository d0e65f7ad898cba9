"""tf.contrib.opt: optimizers that are small variations of the optimizers of tf.train. The others are errors."""

import functools
import math
from collections.abc import Callable, Sequence
from typing import Any

import tensorflow.compat.v1 as tf

from cnn_estimator.tf1.contrib import _external_optimizers
from cnn_estimator.tf1.unavailable import module_getattr

ExternalOptimizerInterface = _external_optimizers.ExternalOptimizerInterface
ScipyOptimizerInterface = _external_optimizers.ScipyOptimizerInterface


def clip_gradients_by_global_norm(gradients_variables: list[tuple[Any, Any]], clip_norm: Any = 20.0) -> tuple[Any, Any]:
    """Returns ((gradient, variable) pairs with the gradients clipped by their global norm, that norm)."""
    gradients, variables = zip(*gradients_variables, strict=True)
    clipped, norm = tf.clip_by_global_norm(gradients, clip_norm)
    return list(zip(clipped, variables, strict=True)), norm


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


class LARSOptimizer(tf.train.MomentumOptimizer):
    """Momentum whose gradients are scaled by the norms of the variable and of its gradient. Sparse gradients are not.

    A dense gradient gets weight decay before it is scaled.
    """

    def __init__(
        self,
        learning_rate: Any,
        momentum: Any = 0.9,
        weight_decay: Any = 0.0001,
        eeta: Any = 0.001,
        epsilon: Any = 0.0,
        name: str = "LARSOptimizer",
        skip_list: Sequence[str] | None = None,
        use_nesterov: bool = False,
    ) -> None:
        """eeta: the factor of the scale.

        skip_list: a variable whose name contains one of these gets neither the scale nor the weight decay.
        """
        if momentum < 0 or weight_decay < 0:
            raise ValueError(f"momentum={momentum} and weight_decay={weight_decay}: both must be at least 0")
        super().__init__(learning_rate, momentum, False, name, use_nesterov)
        self._weight_decay = weight_decay
        self._eeta = eeta
        self._epsilon = epsilon
        self._skip_list = skip_list

    def compute_lr(self, grad: Any, var: Any) -> tuple[Any, Any]:
        """Returns (the learning rate of a variable, its gradient with weight decay)."""
        if any(part in var.name for part in self._skip_list or ()):
            return self._learning_rate, grad
        norm = tf.norm(var, ord=2)
        gradient_norm = tf.norm(grad, ord=2)
        ratio = self._eeta * norm / (gradient_norm + self._weight_decay * norm + self._epsilon)
        scale = tf.where((norm > 0) & (gradient_norm > 0), ratio, tf.ones_like(ratio))
        return self._learning_rate * scale, grad + self._weight_decay * var

    def _apply_dense(self, grad: Any, var: Any) -> Any:
        return self._apply(tf.raw_ops.ApplyMomentum, lambda variable: variable._ref(), grad, var).op

    def _resource_apply_dense(self, grad: Any, var: Any) -> Any:
        return self._apply(tf.raw_ops.ResourceApplyMomentum, lambda variable: variable.handle, grad, var)

    def _apply(self, operation: Callable[..., Any], handle: Callable[[Any], Any], grad: Any, var: Any) -> Any:
        rate, grad = self.compute_lr(grad, var)
        return operation(
            var=handle(var),
            accum=handle(self.get_slot(var, "momentum")),
            lr=tf.ones([], var.dtype.base_dtype),
            grad=rate * grad,
            momentum=self._momentum,
            use_nesterov=self._use_nesterov,
        )


class _SignOptimizer(tf.train.Optimizer):
    """An optimizer that scales a gradient by its sign and the sign of its moving average."""

    def __init__(
        self, learning_rate: Any, beta: Any, sign_decay_fn: Callable[..., Any] | None, use_locking: bool, name: str
    ) -> None:
        super().__init__(use_locking, name)
        self._lr = learning_rate
        self._beta = beta
        self._sign_decay_fn = sign_decay_fn
        self._sign_decay = 1.0

    def _scale(self, agreement: Any) -> Any:
        """Returns the factor of the gradient. agreement: 1 where both signs are equal, else -1, or 0; decayed."""
        raise NotImplementedError

    def apply_gradients(self, grads_and_vars: Any, global_step: Any = None, name: str | None = None) -> tf.Operation:
        if self._sign_decay_fn is not None:
            self._sign_decay = self._sign_decay_fn(global_step)
        return super().apply_gradients(grads_and_vars, global_step, name)

    def _create_slots(self, var_list: list[Any]) -> None:
        for variable in var_list:
            self._zeros_slot(variable, "m", self._name)

    def _step(self, grad: Any, signs: Any, dtype: Any) -> Any:
        """Returns what to subtract from the variable. signs: of the gradient's moving average."""
        agreement = tf.cast(self._sign_decay, dtype) * signs * tf.sign(grad)
        return tf.cast(self._lr, dtype) * self._scale(agreement) * grad

    def _average(self, grad: Any, var: Any) -> Any:
        beta = tf.cast(self._beta, var.dtype.base_dtype)
        average = self.get_slot(var, "m")
        return tf.assign(average, average * beta + grad * (1 - beta), use_locking=self._use_locking)

    def _apply_dense(self, grad: Any, var: Any) -> tf.Operation:
        average = self._average(grad, var)
        step = self._step(grad, tf.sign(average), var.dtype.base_dtype)
        return tf.group(average, tf.assign_sub(var, step, use_locking=self._use_locking))

    _resource_apply_dense = _apply_dense

    def _apply_sparse(self, grad: Any, var: Any) -> tf.Operation:
        average = self._average(grad, var)
        step = self._step(grad.values, tf.gather(tf.sign(average), grad.indices), var.dtype.base_dtype)
        return tf.group(average, tf.scatter_sub(var, grad.indices, step, use_locking=self._use_locking))

    def _resource_apply_sparse(self, grad: Any, var: Any, indices: Any) -> tf.Operation:
        return self._apply_sparse(tf.IndexedSlices(grad, indices, tf.shape(var)), var)


class AddSignOptimizer(_SignOptimizer):
    """Adds the agreement of the gradient's sign with its moving average to the factor alpha of the gradient."""

    def __init__(
        self,
        learning_rate: Any = 0.1,
        alpha: Any = 1.0,
        beta: Any = 0.9,
        sign_decay_fn: Callable[..., Any] | None = None,
        use_locking: bool = False,
        name: str = "AddSignOptimizer",
    ) -> None:
        """sign_decay_fn: called with the global step, returns the factor of the agreement."""
        super().__init__(learning_rate, beta, sign_decay_fn, use_locking, name)
        self._alpha = alpha

    def _scale(self, agreement: Any) -> Any:
        return tf.cast(self._alpha, agreement.dtype) + agreement


class PowerSignOptimizer(_SignOptimizer):
    """Multiplies the gradient by a power: base to the agreement of the gradient's sign with its moving average."""

    def __init__(
        self,
        learning_rate: Any = 0.1,
        base: float = math.e,
        beta: Any = 0.9,
        sign_decay_fn: Callable[..., Any] | None = None,
        use_locking: bool = False,
        name: str = "PowerSignOptimizer",
    ) -> None:
        """sign_decay_fn: called with the global step, returns the factor of the agreement."""
        super().__init__(learning_rate, beta, sign_decay_fn, use_locking, name)
        self._log_base = math.log(base)

    def _scale(self, agreement: Any) -> Any:
        return tf.exp(self._log_base * agreement)


class MultitaskOptimizerWrapper:
    """An optimizer that skips the variables whose gradient is all zero: their moments do not change either."""

    def __init__(self, opt: Any) -> None:
        """opt: an optimizer of tf.train. The wrapper changes it."""
        if not isinstance(opt, tf.train.Optimizer):
            raise TypeError(f"{opt!r} is not an optimizer of tf.train")
        self._opt = opt
        for name in ("_apply_dense", "_resource_apply_dense", "_apply_sparse", "_resource_apply_sparse"):
            setattr(opt, name, self._skip_zeros(getattr(opt, name)))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._opt, name)

    @staticmethod
    def _skip_zeros(apply: Callable[..., Any]) -> Callable[..., Any]:
        def apply_unless_zero(grad: Any, *args: Any) -> Any:
            def update() -> Any:
                return tf.group(apply(grad, *args))

            values = grad.values if isinstance(grad, tf.IndexedSlices) else grad
            return tf.cond(tf.equal(tf.count_nonzero(values), 0), tf.no_op, update)

        return apply_unless_zero


class VariableClippingOptimizer(tf.train.Optimizer):
    """An optimizer that clips the norms of variables after each step of another optimizer."""

    def __init__(
        self,
        opt: Any,
        vars_to_clip_dims: dict[Any, list[int]],
        max_norm: Any,
        use_locking: bool = False,
        colocate_clip_ops_with_vars: bool = False,
        name: str = "VariableClipping",
    ) -> None:
        """vars_to_clip_dims: {variable: the axes over which its norm is computed}."""
        super().__init__(use_locking, name)
        self._opt = opt
        self._axes = dict(vars_to_clip_dims)
        self._max_norm = max_norm

    def compute_gradients(self, *args: Any, **kwargs: Any) -> Any:
        return self._opt.compute_gradients(*args, **kwargs)

    def get_slot(self, *args: Any, **kwargs: Any) -> Any:
        return self._opt.get_slot(*args, **kwargs)

    def get_slot_names(self, *args: Any, **kwargs: Any) -> Any:
        return self._opt.get_slot_names(*args, **kwargs)

    def apply_gradients(self, grads_and_vars: Any, global_step: Any = None, name: str | None = None) -> tf.Operation:
        pairs = list(grads_and_vars)
        with tf.name_scope(name, self._name) as scope:
            update = self._opt.apply_gradients(pairs, global_step)
            with tf.control_dependencies([update]):
                trained = [pair for pair in pairs if pair[0] is not None]
                clips = [self._clip(*pair) for pair in trained if pair[1] in self._axes]
            return tf.group(update, *clips, name=scope)

    def _clip(self, grad: Any, var: Any) -> Any:
        axes = self._axes[var]
        if isinstance(grad, tf.IndexedSlices) and 0 not in axes:
            rows = tf.gather(var, grad.indices)
            step = rows - tf.clip_by_norm(rows, self._max_norm, axes)
            return tf.scatter_sub(var, grad.indices, step, use_locking=self._use_locking)
        value = var.read_value()
        return tf.assign_sub(var, value - tf.clip_by_norm(value, self._max_norm, axes), use_locking=self._use_locking)


__getattr__ = module_getattr(
    "tf.contrib.opt",
    (),
    "use an optimizer of tf.train",
    names="AGNCustomGetter AGNOptimizer AdamGSOptimizer DropStaleGradientOptimizer ElasticAverageCustomGetter "
    "ElasticAverageOptimizer GGTOptimizer LazyAdamGSOptimizer ModelAverageCustomGetter ModelAverageOptimizer "
    "RegAdagradOptimizer ShampooOptimizer",
)
