"""tf.contrib.mixed_precision: an optimizer that scales the loss, so that gradients in float16 do not vanish."""

import abc
from typing import Any

import tensorflow.compat.v1 as tf

from cnn_estimator.tf1.unavailable import module_getattr


class LossScaleManager(abc.ABC):
    """Determines the factor of the loss."""

    @abc.abstractmethod
    def get_loss_scale(self) -> Any:
        """Returns the factor, a float32 scalar."""

    @abc.abstractmethod
    def update_loss_scale(self, finite_grads: Any) -> Any:
        """Returns an operation that updates the factor. finite_grads: a bool tensor, if all gradients are finite."""


class FixedLossScaleManager(LossScaleManager):
    """A factor that never changes."""

    def __init__(self, loss_scale: float) -> None:
        """Raises ValueError if loss_scale is less than 1."""
        if loss_scale < 1:
            raise ValueError(f"loss_scale={loss_scale}: it must be at least 1")
        self._loss_scale = tf.convert_to_tensor(loss_scale, tf.float32)

    def get_loss_scale(self) -> Any:
        return self._loss_scale

    def update_loss_scale(self, finite_grads: Any) -> Any:
        return tf.no_op()


class ExponentialUpdateLossScaleManager(LossScaleManager):
    """A factor that grows after a series of steps with finite gradients, and shrinks after steps with other gradients.

    It stays finite and at least 1.
    """

    def __init__(
        self,
        init_loss_scale: float,
        incr_every_n_steps: int,
        decr_every_n_nan_or_inf: int = 2,
        incr_ratio: float = 2,
        decr_ratio: float = 0.8,
    ) -> None:
        """Creates the variables loss_scale, good_steps and bad_steps.

        Args:
          incr_every_n_steps: how many steps in a row with finite gradients multiply the factor by incr_ratio.
          decr_every_n_nan_or_inf: how many steps with other gradients multiply the factor by decr_ratio.
        """
        self._incr_every_n_steps = incr_every_n_steps
        self._decr_every_n_nan_or_inf = decr_every_n_nan_or_inf
        self._incr_ratio = incr_ratio
        self._decr_ratio = decr_ratio
        initial = tf.convert_to_tensor(init_loss_scale, tf.float32)
        self._loss_scale = tf.Variable(initial, trainable=False, name="loss_scale")
        self._num_good_steps = tf.Variable(0, trainable=False, name="good_steps")
        self._num_bad_steps = tf.Variable(0, trainable=False, name="bad_steps")

    def get_loss_scale(self) -> Any:
        return self._loss_scale

    def update_loss_scale(self, finite_grads: Any) -> Any:
        return tf.cond(finite_grads, self._count_good_step, self._count_bad_step)

    def _count_good_step(self) -> Any:
        def grow() -> Any:
            larger = self._loss_scale * self._incr_ratio
            return self._change(tf.where(tf.is_finite(larger), larger, self._loss_scale))

        def count() -> Any:
            return tf.group(tf.assign_add(self._num_good_steps, 1))

        return tf.cond(self._num_good_steps + 1 >= self._incr_every_n_steps, grow, count)

    def _count_bad_step(self) -> Any:
        def shrink() -> Any:
            return self._change(tf.maximum(1.0, self._loss_scale * self._decr_ratio))

        def count() -> Any:
            return tf.group(tf.assign_add(self._num_bad_steps, 1), tf.assign(self._num_good_steps, 0))

        return tf.cond(self._num_bad_steps + 1 >= self._decr_every_n_nan_or_inf, shrink, count)

    def _change(self, loss_scale: Any) -> Any:
        updates = (self._loss_scale, loss_scale), (self._num_good_steps, 0), (self._num_bad_steps, 0)
        return tf.group(*(tf.assign(variable, value) for variable, value in updates))


class LossScaleOptimizer(tf.train.Optimizer):
    """An optimizer that scales the loss of another optimizer, and skips the steps whose gradients are not finite."""

    def __init__(self, opt: Any, loss_scale_manager: LossScaleManager) -> None:
        super().__init__(False, "LossScaleOptimizer")
        self._opt = opt
        self._loss_scale_manager = loss_scale_manager

    def compute_gradients(self, loss: Any, *args: Any, **kwargs: Any) -> list[tuple[Any, Any]]:
        """Returns the gradients of the loss, computed with the scaled loss."""
        scale = self._loss_scale_manager.get_loss_scale()
        loss = loss() if callable(loss) else loss
        pairs = self._opt.compute_gradients(loss * tf.cast(scale, loss.dtype.base_dtype), *args, **kwargs)
        inverse = tf.reciprocal(scale)
        return [
            (gradient if gradient is None else gradient * tf.cast(inverse, gradient.dtype.base_dtype), variable)
            for gradient, variable in pairs
        ]

    def apply_gradients(self, grads_and_vars: Any, global_step: Any = None, name: str | None = None) -> tf.Operation:
        """Applies the gradients if all are finite. The global step counts only these steps."""
        grads_and_vars = list(grads_and_vars)
        finite = tf.reduce_all([tf.reduce_all(tf.is_finite(gradient)) for gradient, _ in grads_and_vars])
        update = tf.cond(finite, lambda: self._opt.apply_gradients(grads_and_vars, global_step, name), tf.no_op)
        return tf.group(update, self._loss_scale_manager.update_loss_scale(finite))


__getattr__ = module_getattr("tf.contrib.mixed_precision", (), "use LossScaleOptimizer", names="")
