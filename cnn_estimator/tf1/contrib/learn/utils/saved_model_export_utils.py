"""tf.contrib.learn.utils.saved_model_export_utils: how an Experiment exports SavedModels."""

import inspect
import os
from collections.abc import Callable
from typing import Any, NamedTuple

import tensorflow.compat.v1 as tf  # type: ignore[import-untyped]

# The library itself: tf.estimator has other names on other releases of TensorFlow.
from tensorflow_estimator._api.v1 import estimator as tf_estimator  # type: ignore[import-untyped]

from cnn_estimator.tf1.contrib.learn.utils.input_fn_utils import InputFnOps, build_parsing_serving_input_fn


class ExportStrategy(NamedTuple):
    """A named function export_fn(estimator, export_path, checkpoint_path=…, eval_result=…, …) that exports."""

    name: str
    export_fn: Callable
    strip_default_attrs: bool | None = None

    def export(
        self, estimator: object, export_path: str, checkpoint_path: str | None = None, eval_result: dict | None = None
    ) -> object:
        """Calls export_fn with the arguments that it accepts. Returns its result."""
        optional = {
            "checkpoint_path": checkpoint_path,
            "eval_result": eval_result,
            "strip_default_attrs": self.strip_default_attrs,
        }
        taken = inspect.signature(self.export_fn).parameters
        return self.export_fn(estimator, export_path, **{name: optional[name] for name in optional if name in taken})


def make_export_strategy(
    serving_input_fn: Callable,
    default_output_alternative_key: str | None = None,
    assets_extra: dict[str, str] | None = None,
    as_text: bool = False,
    exports_to_keep: int | None = 5,
    strip_default_attrs: bool | None = None,
) -> ExportStrategy:
    """Returns the strategy "Servo", which writes a SavedModel and keeps only the newest exports_to_keep exports.

    The export raises ValueError if default_output_alternative_key is given, which tf.estimator does not support.

    Args:
      serving_input_fn: returns a ServingInputReceiver or InputFnOps.
    """

    def receive() -> object:
        inputs = serving_input_fn()
        if isinstance(inputs, InputFnOps):
            return tf_estimator.export.ServingInputReceiver(inputs.features, inputs.default_inputs)
        return inputs

    def export_fn(estimator: Any, export_dir_base: str, checkpoint_path: str | None = None) -> bytes:
        if default_output_alternative_key is not None:
            raise ValueError("default_output_alternative_key is not supported: use EstimatorSpec(export_outputs=…)")
        exported = estimator.export_saved_model(
            export_dir_base, receive, assets_extra=assets_extra, as_text=as_text, checkpoint_path=checkpoint_path
        )
        garbage_collect_exports(export_dir_base, exports_to_keep)
        return exported

    return ExportStrategy("Servo", export_fn, strip_default_attrs)


def make_parsing_export_strategy(feature_columns: list, **options: Any) -> ExportStrategy:
    """Returns make_export_strategy for serialized tf.Examples with the features of feature columns."""
    return make_export_strategy(
        build_parsing_serving_input_fn(tf.feature_column.make_parse_example_spec(feature_columns)), **options
    )


def garbage_collect_exports(export_dir_base: str, exports_to_keep: int | None) -> None:
    """Removes numbered folders except for the exports_to_keep highest numbers. None: removes nothing."""
    if exports_to_keep is None:
        return
    names = [name.rstrip("/") for name in tf.gfile.ListDirectory(export_dir_base)]
    versions = sorted((name for name in names if name.isdigit()), key=int)
    for name in versions[: max(0, len(versions) - exports_to_keep)]:
        tf.gfile.DeleteRecursively(os.path.join(export_dir_base, name))
