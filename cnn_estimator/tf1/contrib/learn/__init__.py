"""tf.contrib.learn: experiments, run configurations and data calls. Its estimators are not kept: tf.estimator's are."""

import tensorflow.compat.v1 as tf  # type: ignore[import-untyped]

from cnn_estimator.tf1.contrib.learn import datasets, learn_runner, utils
from cnn_estimator.tf1.contrib.learn.experiment import Experiment
from cnn_estimator.tf1.contrib.learn.run_config import RunConfig
from cnn_estimator.tf1.contrib.learn.utils.saved_model_export_utils import (
    ExportStrategy,
    InputFnOps,
    build_parsing_serving_input_fn,
    make_export_strategy,
)
from cnn_estimator.tf1.unavailable import module_getattr

__all__ = [
    "Experiment",
    "ExportStrategy",
    "InputFnOps",
    "ModeKeys",
    "NanLossDuringTrainingError",
    "RunConfig",
    "TaskType",
    "build_parsing_serving_input_fn",
    "datasets",
    "learn_runner",
    "make_export_strategy",
    "utils",
]

NanLossDuringTrainingError = tf.train.NanLossDuringTrainingError

_CANNED = {
    name: name
    for name in (
        "DNNClassifier",
        "DNNEstimator",
        "DNNLinearCombinedClassifier",
        "DNNLinearCombinedEstimator",
        "DNNLinearCombinedRegressor",
        "DNNRegressor",
        "Estimator",
        "LinearClassifier",
        "LinearEstimator",
        "LinearRegressor",
    )
}
_USE_INSTEAD = {
    **_CANNED,
    "BaseEstimator": "Estimator",
    "KMeansClustering": "experimental.KMeans",
    "LogisticRegressor": "LinearClassifier",
    "ModelFnOps": "EstimatorSpec",
    "MetricSpec": "EstimatorSpec and its eval_metric_ops",
    "monitors": "SessionRunHook",
    "multi_class_head": "MultiClassHead",
    "multi_head": "MultiHead",
    "multi_label_head": "MultiLabelHead",
    "regression_head": "RegressionHead",
    "SKCompat": "inputs.numpy_input_fn",
}


class ModeKeys:
    """The modes of a model_fn, with the values of tf.estimator.ModeKeys."""

    TRAIN = "train"
    EVAL = "eval"
    INFER = "infer"


class TaskType:
    """The tasks of a cluster."""

    MASTER = "master"
    PS = "ps"
    WORKER = "worker"


__getattr__ = module_getattr(
    "tf.contrib.learn",
    (),
    "use tf.estimator and tf.data",
    {name: f"use tf.estimator.{instead}" for name, instead in _USE_INSTEAD.items()},
)
