"""tf.contrib.eager: metrics, and the names that TensorFlow 2 still has.

Programs must call enable_eager_execution first.
"""

import itertools
from typing import Any

import tensorflow.compat.v1 as tf  # type: ignore[import-untyped]
from tensorflow.python.eager import backprop, context
from tensorflow.python.ops import resource_variable_ops, variable_scope

from cnn_estimator.tf1.contrib import _eager_metrics
from cnn_estimator.tf1.unavailable import module_getattr

metrics = _eager_metrics

enable_eager_execution = tf.enable_eager_execution
executing_eagerly = in_eager_mode = tf.executing_eagerly
Variable = resource_variable_ops.ResourceVariable
Iterator = iter  # iter(dataset) has get_next and next, as the class had

defun = tf.function
py_func = tf.py_function
run = tf.app.run
Checkpoint = tf.train.Checkpoint
EagerVariableStore = variable_scope.EagerVariableStore

gradients_function = backprop.gradients_function
value_and_gradients_function = backprop.val_and_grad_function
implicit_gradients = backprop.implicit_grad
implicit_value_and_gradients = backprop.implicit_val_and_grad
make_vjp = backprop.make_vjp
GradientTape = tf.GradientTape
custom_gradient = tf.custom_gradient

num_gpus = context.num_gpus
async_wait = context.async_wait
SYNC = context.SYNC
ASYNC = context.ASYNC
DEVICE_PLACEMENT_EXPLICIT = context.DEVICE_PLACEMENT_EXPLICIT
DEVICE_PLACEMENT_WARN = context.DEVICE_PLACEMENT_WARN
DEVICE_PLACEMENT_SILENT = context.DEVICE_PLACEMENT_SILENT


class Network(tf.layers.Layer):  # type: ignore[misc]
    """Layers that are called together. The names of their variables begin with the name of the network.

    Args:
      name: the name; None takes the name of the class, with a number where the name is taken.

    Attributes:
      layers: the layers that track_layer() was called with.
    """

    def __init__(self, name: str | None = None) -> None:
        super().__init__(name=name)
        self.layers: list[tf.layers.Layer] = []

    def _make_unique_name(self, **options: Any) -> tuple[str, str]:
        names: tuple[str, str] = super()._make_unique_name(**{"zero_based": True, **options})
        return names

    def track_layer(self, layer: tf.layers.Layer) -> tf.layers.Layer:
        """Adds a layer, whose variables belong to the network from then on, and returns the layer."""
        if not isinstance(layer, tf.layers.Layer):
            raise TypeError(f"track_layer() takes a tf.layers.Layer, not {type(layer)}")
        if layer.name != layer._base_name:  # a name that was made: in a network it needs to differ from the network's
            names = {other.name for other in self.layers}
            numbered = (f"{layer._base_name}_{number}" if number else layer._base_name for number in itertools.count())
            layer._name = next(name for name in numbered if name not in names)
        self.layers.append(layer)
        return layer

    @property
    def trainable_weights(self) -> list[tf.Variable]:
        return [weight for layer in self.layers for weight in layer.trainable_weights]

    @property
    def non_trainable_weights(self) -> list[tf.Variable]:
        return [weight for layer in self.layers for weight in layer.non_trainable_weights]

    def get_layer(self, name: str | None = None, index: int | None = None) -> tf.layers.Layer:
        """Returns the layer with a name or with an index.

        Raises:
          ValueError: there is no such layer, or not one of name and index is given.
        """
        if (name is None) == (index is None):
            raise ValueError("get_layer() takes a name or an index")
        for number, layer in enumerate(self.layers):
            if number == index or layer.name == name:
                return layer
        raise ValueError(f"the network has no layer {index if name is None else name}")


__getattr__ = module_getattr(
    "tf.contrib.eager",
    (),
    "use TensorFlow 2's own eager execution",
    {
        "Saver": "use tf.train.Checkpoint",
        "Sequential": "use tf.keras.Sequential",
        "restore_network_checkpoint": "use tf.train.Checkpoint",
        "save_network_checkpoint": "use tf.train.Checkpoint",
    },
    names="Checkpointable ExecutionCallback TensorSpec add_execution_callback async_clear_error "
    "clear_execution_callbacks connect_to_remote_host enable_remote_eager_execution errstate execution_mode function "
    "get_optimizer_variables inf_callback inf_nan_callback list_devices make_template nan_callback "
    "restore_variables_on_create set_execution_mode set_server_def seterr",
)
