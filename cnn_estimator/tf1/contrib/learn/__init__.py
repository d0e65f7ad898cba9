"""tf.contrib.learn: estimators built on tf.estimator, experiments, run configurations and datasets."""

import tensorflow.compat.v1 as tf  # type: ignore[import-untyped]

from cnn_estimator.tf1.contrib.learn import datasets, learn_runner, monitors, preprocessing, utils
from cnn_estimator.tf1.contrib.learn.arrays import (
    infer_real_valued_columns_from_input,
    infer_real_valued_columns_from_input_fn,
)
from cnn_estimator.tf1.contrib.learn.canned import (
    DNNClassifier,
    DNNLinearCombinedClassifier,
    DNNLinearCombinedRegressor,
    DNNRegressor,
    LinearClassifier,
    LinearRegressor,
)
from cnn_estimator.tf1.contrib.learn.estimators import Estimator, ModelFnOps, NotFittedError, SKCompat
from cnn_estimator.tf1.contrib.learn.experiment import Experiment
from cnn_estimator.tf1.contrib.learn.metric_spec import MetricSpec
from cnn_estimator.tf1.contrib.learn.run_config import RunConfig
from cnn_estimator.tf1.contrib.learn.utils.input_fn_utils import InputFnOps, build_parsing_serving_input_fn
from cnn_estimator.tf1.contrib.learn.utils.saved_model_export_utils import ExportStrategy, make_export_strategy
from cnn_estimator.tf1.unavailable import module_getattr

__all__ = [
    "DNNClassifier",
    "DNNLinearCombinedClassifier",
    "DNNLinearCombinedRegressor",
    "DNNRegressor",
    "Estimator",
    "Experiment",
    "ExportStrategy",
    "InputFnOps",
    "LinearClassifier",
    "LinearRegressor",
    "MetricSpec",
    "ModeKeys",
    "ModelFnOps",
    "NanLossDuringTrainingError",
    "NotFittedError",
    "PredictionKey",
    "ProblemType",
    "RunConfig",
    "SKCompat",
    "TaskType",
    "build_parsing_serving_input_fn",
    "datasets",
    "infer_real_valued_columns_from_input",
    "infer_real_valued_columns_from_input_fn",
    "learn_runner",
    "make_export_strategy",
    "monitors",
    "preprocessing",
    "utils",
]

NanLossDuringTrainingError = tf.train.NanLossDuringTrainingError

_USE_INSTEAD = {
    "BaseEstimator": "Estimator",
    "DNNEstimator": "DNNEstimator",
    "DNNLinearCombinedEstimator": "DNNLinearCombinedEstimator",
    "KMeansClustering": "experimental.KMeans",
    "LinearEstimator": "LinearEstimator",
    "LogisticRegressor": "LinearClassifier",
    "SVM": "LinearClassifier",
    "multi_class_head": "MultiClassHead",
    "multi_head": "MultiHead",
    "multi_label_head": "MultiLabelHead",
    "poisson_regression_head": "PoissonRegressionHead",
    "regression_head": "RegressionHead",
}


class PredictionKey:
    """The names of predictions."""

    CLASSES = "classes"
    PROBABILITIES = "probabilities"
    LOGITS = "logits"
    LOGISTIC = "logistic"
    SCORES = "scores"
    TOP_K = "top_k"
    GENERIC = "output"


class ProblemType:
    """The kinds of outputs."""

    UNSPECIFIED = 0
    CLASSIFICATION = 1
    LINEAR_REGRESSION = 2
    LOGISTIC_REGRESSION = 3


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
    "DynamicRnnEstimator Evaluable Head Trainable binary_svm_head evaluate extract_dask_data extract_dask_labels "
    "extract_pandas_data extract_pandas_labels extract_pandas_matrix graph_actions head infer io models no_op_train_fn "
    "ops read_batch_examples read_batch_features read_batch_record_features read_keyed_batch_examples "
    "read_keyed_batch_examples_shared_queue read_keyed_batch_features read_keyed_batch_features_shared_queue "
    "run_feeds run_n train",
)
