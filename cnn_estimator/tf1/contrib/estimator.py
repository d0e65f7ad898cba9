"""tf.contrib.estimator: aliases of tf.estimator, and forward_features."""

from collections.abc import Callable, Sequence
from typing import Any

import tensorflow.compat.v1 as tf  # type: ignore[import-untyped]

# The library itself: tf.estimator has other names on other releases of TensorFlow.
from tensorflow_estimator._api.v1 import estimator  # type: ignore[import-untyped]
from tensorflow_estimator.python.estimator import early_stopping  # type: ignore[import-untyped]

from cnn_estimator.tf1.unavailable import Unavailable, module_getattr

add_metrics = estimator.add_metrics
InMemoryEvaluatorHook = estimator.experimental.InMemoryEvaluatorHook
build_raw_supervised_input_receiver_fn = estimator.experimental.build_raw_supervised_input_receiver_fn
call_logit_fn = estimator.experimental.call_logit_fn
dnn_logit_fn_builder = estimator.experimental.dnn_logit_fn_builder
linear_logit_fn_builder = estimator.experimental.linear_logit_fn_builder
make_early_stopping_hook = estimator.experimental.make_early_stopping_hook
make_stop_at_checkpoint_step_hook = estimator.experimental.make_stop_at_checkpoint_step_hook
read_eval_metrics = early_stopping.read_eval_metrics
stop_if_higher_hook = estimator.experimental.stop_if_higher_hook
stop_if_lower_hook = estimator.experimental.stop_if_lower_hook
stop_if_no_decrease_hook = estimator.experimental.stop_if_no_decrease_hook
stop_if_no_increase_hook = estimator.experimental.stop_if_no_increase_hook

_USE_INSTEAD = {
    "RNNClassifier": "write a model_fn with tf.nn.dynamic_rnn",
    "RNNEstimator": "write a model_fn with tf.nn.dynamic_rnn",
    "boosted_trees_classifier_train_in_memory": "use the package tensorflow-decision-forests",
    "boosted_trees_regressor_train_in_memory": "use the package tensorflow-decision-forests",
    "export_all_saved_models": "use Estimator.experimental_export_all_saved_models",
    "export_saved_model_for_mode": "use Estimator.export_saved_model",
}


def _of_tf_1(head_class: Any) -> Any:
    """Returns a subclass of a head that also accepts the optimizers and the loss reductions of TensorFlow 1."""

    class Head(head_class):
        def __init__(self, *args: Any, **options: Any) -> None:
            reduction = options.get("loss_reduction")
            if reduction == tf.losses.Reduction.SUM_BY_NONZERO_WEIGHTS:
                raise NotImplementedError("loss_reduction SUM_BY_NONZERO_WEIGHTS is not available on TensorFlow 2")
            if reduction:
                options["loss_reduction"] = reduction.removeprefix("weighted_")
            super().__init__(*args, **options)

        def create_estimator_spec(
            self,
            features: Any,
            mode: str,
            logits: Any,
            labels: Any = None,
            optimizer: Any = None,
            train_op_fn: Any = None,
            regularization_losses: Any = None,
            **options: Any,
        ) -> Any:
            def minimize(loss: Any) -> Any:
                step = optimizer.minimize(loss, tf.train.get_global_step())
                return tf.group(step, *tf.get_collection(tf.GraphKeys.UPDATE_OPS))

            of_tf_1 = isinstance(optimizer, tf.train.Optimizer)
            return super().create_estimator_spec(
                features=features,
                mode=mode,
                logits=logits,
                labels=labels,
                optimizer=None if of_tf_1 else optimizer,
                train_op_fn=minimize if of_tf_1 else train_op_fn,
                regularization_losses=regularization_losses,
                **options,
            )

    return Head


def multi_class_head(n_classes: int, *args: Any, **kwargs: Any) -> Any:
    """Returns tf.estimator.MultiClassHead."""
    return _of_tf_1(estimator.MultiClassHead)(n_classes, *args, **kwargs)


def binary_classification_head(*args: Any, **kwargs: Any) -> Any:
    """Returns tf.estimator.BinaryClassHead."""
    return _of_tf_1(estimator.BinaryClassHead)(*args, **kwargs)


def multi_label_head(n_classes: int, *args: Any, **kwargs: Any) -> Any:
    """Returns tf.estimator.MultiLabelHead."""
    return _of_tf_1(estimator.MultiLabelHead)(n_classes, *args, **kwargs)


def regression_head(weight_column: Any = None, label_dimension: int = 1, *args: Any, **kwargs: Any) -> Any:
    """Returns tf.estimator.RegressionHead, whose first two arguments have the reverse order."""
    return _of_tf_1(estimator.RegressionHead)(label_dimension, weight_column, *args, **kwargs)


def poisson_regression_head(weight_column: Any = None, label_dimension: int = 1, *args: Any, **kwargs: Any) -> Any:
    """Returns tf.estimator.PoissonRegressionHead, whose first two arguments have the reverse order."""
    return _of_tf_1(estimator.PoissonRegressionHead)(label_dimension, weight_column, *args, **kwargs)


def logistic_regression_head(*args: Any, **kwargs: Any) -> Any:
    """Returns tf.estimator.LogisticRegressionHead."""
    return _of_tf_1(estimator.LogisticRegressionHead)(*args, **kwargs)


def multi_head(heads: Sequence, head_weights: Sequence | None = None) -> Any:
    """Returns tf.estimator.MultiHead."""
    return _of_tf_1(estimator.MultiHead)(heads, head_weights)


def replicate_model_fn(
    model_fn: Callable[..., Any], loss_reduction: str | None = None, devices: Sequence[str] | None = None
) -> Callable[..., Any]:
    """Returns the model_fn itself, which is what one device gets.

    Args:
      loss_reduction: not used, it is about the losses of several devices.
      devices: None: all GPUs, or the CPU.

    Raises:
      NotImplementedError: there are several devices.
    """
    count = len(tf.config.list_logical_devices("GPU")) if devices is None else len(devices)
    if count > 1:
        advice = "use tf.distribute.MirroredStrategy in tf.estimator.RunConfig(train_distribute=…)"
        Unavailable("tf.contrib.estimator.replicate_model_fn for several devices", advice)()
    return model_fn


def TowerOptimizer(optimizer_or_optimizer_fn: Any) -> Any:
    """Returns the optimizer itself, which is what one device uses."""
    return optimizer_or_optimizer_fn() if callable(optimizer_or_optimizer_fn) else optimizer_or_optimizer_fn


class _Clipping(tf.train.Optimizer):
    """An optimizer that clips its gradients by their global norm."""

    def __init__(self, optimizer: Any, norm: float) -> None:
        super().__init__(use_locking=False, name="Clipping")
        self._optimizer = optimizer
        self._norm = norm

    def compute_gradients(self, *args: Any, **kwargs: Any) -> Any:
        return self._optimizer.compute_gradients(*args, **kwargs)

    def apply_gradients(self, grads_and_vars: Any, *args: Any, **kwargs: Any) -> Any:
        gradients, variables = zip(*grads_and_vars, strict=True)
        clipped, _ = tf.clip_by_global_norm(gradients, self._norm)
        return self._optimizer.apply_gradients(zip(clipped, variables, strict=True), *args, **kwargs)


def clip_gradients_by_norm(optimizer: Any, clip_norm: float) -> Any:
    """Returns an optimizer that clips the gradients of another optimizer by their global norm."""
    return _Clipping(optimizer, clip_norm)


def forward_features(base: Any, keys: str | Sequence[str] | None = None, sparse_default_values: Any = None) -> Any:
    """Returns a copy of an Estimator that adds features to its predictions, also in exported models.

    Building the graph raises ValueError if a feature does not exist, or if a prediction has the same name.

    Args:
      keys: a name or a list of names of features. None: all features.
      sparse_default_values: {name: value for missing elements of a sparse feature}.
    """
    names = [keys] if isinstance(keys, str) else keys

    def model_fn(features: dict, labels: Any, mode: str, config: Any) -> Any:
        spec = base.model_fn(features, labels, mode, config)
        if spec.predictions is None:
            return spec
        added = {}
        for name in names if names is not None else features:
            if name not in features or name in spec.predictions:
                raise ValueError(f"feature {name!r} must be in the features and not in the predictions")
            value = features[name]
            if isinstance(value, tf.SparseTensor):
                value = tf.sparse.to_dense(value, (sparse_default_values or {}).get(name))
            added[name] = value
        for output in (spec.export_outputs or {}).values():
            if isinstance(output, estimator.export.PredictOutput):
                output.outputs.update(added)
        return spec._replace(predictions={**spec.predictions, **added})

    return estimator.Estimator(model_fn, base.model_dir, base.config)


__getattr__ = module_getattr(
    "tf.contrib.estimator",
    (),
    "use tf.estimator",
    _USE_INSTEAD,
    "DNNClassifierWithLayerAnnotations DNNRegressorWithLayerAnnotations SavedModelEstimator "
    "build_supervised_input_receiver_fn_from_input_fn",
)
