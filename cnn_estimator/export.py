"""The verb export: a trained model in a format that outlives Estimators."""

import contextlib
import dataclasses
import importlib.util
import io
import json
import logging
import os
import re
import subprocess
import sys
import tempfile
import warnings
import zipfile
from collections.abc import Callable

import numpy as np

from cnn_estimator import checkpoints, datasets
from cnn_estimator.disk import cannot_be_written, nearest_folder
from cnn_estimator.errors import UserError
from cnn_estimator.model import Predictions
from cnn_estimator.prediction import Predictor
from cnn_estimator.signals import StopSignals
from cnn_estimator.tf1 import tf

IMAGES = 1000  # of the test set, that an export is compared with its checkpoint on
LARGEST_DIFFERENCE = 1e-4  # of a probability
DESCRIPTION_FILE = "model.json"

_SIGNATURE = "serving_default"


def export(model_dir, *, format, output, checkpoint=None, recipe=None, data_dir=None, stop=None):
    """Writes a trained model in another format, once it has been loaded back and predicts what its checkpoint does.

    It takes `x`, float32 [N, 28, 28] in 0..1, and gives `classes`, int64 [N], and `probabilities`, float32 [N, 10]; a
    .keras file these alone. The class names and what the input must be travel along, as JSON.

    Args:
      model_dir: a folder that was trained in, or is being trained in.
      format: a key of FORMATS.
      output: the file or, of a SavedModel, the folder to write, which must not be there yet; missing folders above it
        are made.
      checkpoint: a global step, or a path, whose folder then is the model_dir; None takes the newest intact one.
      recipe: the recipes.Recipe that the model_dir holds, where it has no settings file.
      data_dir: where the test images are, see datasets.load; None takes the settings'.
      stop: the signals.StopSignals of a process that listens for them.

    Returns:
      {"format", "output": absolute path, "largest_difference": of a probability, "images": how many it was compared on,
      "global_step", "checkpoint": path}.

    Raises:
      UserError: the output is there, has the wrong suffix or cannot be written, a package is missing, a converter
        fails, the export predicts something else, or as Predictor and datasets.load do. Nothing was written.
      Stopped: a signal ended the work; likewise.
    """
    stop = stop or StopSignals()
    stop.check("nothing was exported")
    output = os.path.abspath(output)
    _check_output(format, output)
    if format == "onnx":
        _require_onnx()
    with (
        Predictor(model_dir, checkpoint=checkpoint, recipe=recipe, data_dir=data_dir) as predictor,
        _full_float32(),
        _without_info(),
    ):
        settings, step = predictor.settings, predictor.checkpoint.step
        images = datasets.load(settings.dataset, "test", data_dir or settings.data_dir).images[:IMAGES]
        expected = predictor.predict(images)
        stop.check("nothing was exported")
        with (
            _saving(output),
            # On the disk of the output, so that it can be renamed to that.
            tempfile.TemporaryDirectory(prefix=".cnn_estimator-", dir=nearest_folder(output)) as folder,
        ):
            part = os.path.join(folder, os.path.basename(output))
            FORMATS[format].write(predictor, part, _description(settings, step))
            stop.check("nothing was exported")
            difference = _difference(FORMATS[format].predict(part, images), expected)
            if not difference <= LARGEST_DIFFERENCE:  # nor if it is NaN
                raise UserError(
                    f"output {output}: its probabilities differ from the checkpoint's by {difference:.2g}, which is "
                    f"more than {LARGEST_DIFFERENCE:.2g}, so nothing was exported: choose another --format"
                )
            stop.check("nothing was exported")
            os.makedirs(os.path.dirname(output), exist_ok=True)
            _check_output(format, output)
            os.rename(part, output)
    return {
        "format": format,
        "output": output,
        "largest_difference": float(f"{difference:.2g}"),
        "images": len(images),
        "global_step": step,
        "checkpoint": predictor.checkpoint.path,
    }


def _check_output(format, output):
    suffix = FORMATS[format].suffix
    if not output.endswith(suffix):
        raise UserError(f"output {output}: a file of format {format} is called NAME{suffix}, name it {output}{suffix}")
    if os.path.lexists(output):
        raise UserError(f"output {output} is there already: move it away, or choose another --output")


def _description(settings, step):
    """What a program must know that uses the export, and where it comes from, as JSON."""
    return json.dumps(
        {
            "class_names": settings.class_names,
            "input": {
                "name": "x",
                "dtype": "float32",
                "shape": [None, datasets.SIDE, datasets.SIDE],
                "range": [0, 1],
                "pixels": "grey value / 255, a bright object on black",
            },
            "recipe": settings.recipe,
            "dataset": settings.dataset,
            "network": settings.network,
            "global_step": step,
        },
        indent=2,
    )


def _difference(found, expected):
    """The largest difference between the probabilities of two Predictions, infinite where the classes contradict it.

    Of two classes that are as probable, but for that difference, the export may name the other one.
    """
    difference = np.abs(found.probabilities - expected.probabilities).max()
    named = np.take_along_axis(expected.probabilities, found.classes[:, None], axis=1)[:, 0]
    if (expected.probabilities.max(axis=1) - named > 2 * difference).any():
        return np.inf
    return difference


@contextlib.contextmanager
def _saving(output):
    """Turns what a full or unwritable disk raises, and that a converter fails, into a UserError."""
    with checkpoints.saving(f"output {output}"):
        try:
            yield
        except _ConverterError as error:
            raise cannot_be_written(f"output {output}", error) from error


@contextlib.contextmanager
def _full_float32():
    """On GPUs that would multiply in TF32, whose ten bits differ by more than an export may."""
    rounds = tf.config.experimental.tensor_float_32_execution_enabled()
    tf.config.experimental.enable_tensor_float_32_execution(False)
    try:
        yield
    finally:
        tf.config.experimental.enable_tensor_float_32_execution(rounds)


@contextlib.contextmanager
def _without_info():
    """TensorFlow would tell of the temporary folder."""
    logger = tf.get_logger()
    level = logger.level
    logger.setLevel(logging.WARNING)
    try:
        yield
    finally:
        logger.setLevel(level)


class _ConverterError(Exception):
    """A program that writes or reads a format failed; the message is one line, with its last words."""


def _run(module, *arguments):
    """Runs a module as a program, in a process where TensorFlow is as it comes; raises _ConverterError if it fails."""
    environment = os.environ | {
        "PYTHONPATH": os.pathsep.join(map(os.path.abspath, sys.path)),  # what was found here is found there
        "CUDA_VISIBLE_DEVICES": "-1",  # this process has the GPU's memory
        "KERAS_BACKEND": "tensorflow",
    }
    with tempfile.TemporaryDirectory(prefix="cnn_estimator-") as empty:
        done = subprocess.run(
            [sys.executable, "-m", module, *arguments],
            cwd=empty,
            env=environment | {"KERAS_HOME": empty},  # Keras reads its user's choices there
            capture_output=True,
            text=True,
            errors="replace",
            start_new_session=True,  # Ctrl-C is for the program, and no failure of this one
        )
    if done.returncode:
        said = done.stderr.strip().splitlines() or ["it said nothing"]
        errors = [line for line in said if re.match(r"[\w.]+(Error|Exception)\b", line)]  # Keras goes on after it
        raise _ConverterError(f"python -m {module} failed with status {done.returncode}: {(errors or said)[-1]}")


@dataclasses.dataclass(frozen=True)
class _Format:
    """suffix: how an output's name ends. write(predictor, path, description): makes it, and perhaps files beside it.
    predict(path, images): the Predictions of one, in its own runtime."""

    suffix: str
    write: Callable
    predict: Callable


def _write_saved_model(predictor, path, description):
    with predictor.session.graph.as_default():
        tf.saved_model.simple_save(predictor.session, path, predictor.inputs, predictor.outputs)
    extra = os.path.join(path, "assets.extra")  # which no runtime reads, by the format's own convention
    os.mkdir(extra)
    with open(os.path.join(extra, DESCRIPTION_FILE), "w", encoding="utf-8") as file:
        file.write(description)


def _predict_saved_model(path, images):
    with tf.Graph().as_default(), tf.Session() as session:
        loaded = tf.saved_model.load(session, [tf.saved_model.tag_constants.SERVING], path)
        signature = loaded.signature_def[_SIGNATURE]
        outputs = {name: tensor.name for name, tensor in signature.outputs.items()}
        return Predictions(**session.run(outputs, {signature.inputs["x"].name: images}))


def _write_tflite(predictor, path, description):
    # In graph mode the converter drops the signature. This module is the command tflite_convert.
    _write_saved_model(predictor, f"{path}.saved_model", description)
    _run(
        "tensorflow.lite.python.tflite_convert",
        f"--saved_model_dir={path}.saved_model",
        f"--output_file={path}",
    )
    with zipfile.ZipFile(path, "a") as file:  # behind the flatbuffer, by the format's own convention
        file.writestr(DESCRIPTION_FILE, description)
        file.writestr("labels.txt", "".join(f"{name}\n" for name in predictor.class_names))


def _predict_tflite(path, images):
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=r"\s*Warning: (tf\.lite\.Interpreter is|Please use the LiteRT)")
        interpreter = tf.lite.Interpreter(
            path,
            # The default one tells on stderr of the delegate that it creates.
            experimental_op_resolver_type=tf.lite.experimental.OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES,
        )
    return Predictions(**interpreter.get_signature_runner(_SIGNATURE)(x=images))


def _write_keras(predictor, path, description):
    variables = predictor.session.graph.get_collection(tf.GraphKeys.TRAINABLE_VARIABLES)
    weights = io.BytesIO()  # numpy's archive on a full disk prints what it cannot raise
    np.savez(weights, **predictor.session.run({variable.op.name: variable for variable in variables}))
    with open(f"{path}.npz", "wb") as file:
        file.write(weights.getbuffer())
    _run("cnn_estimator.keras_networks", "write", predictor.settings.network, f"{path}.npz", path)
    with zipfile.ZipFile(path, "a") as file:
        file.writestr(DESCRIPTION_FILE, description)


def _predict_keras(path, images):
    np.save(f"{path}.images.npy", images)
    _run("cnn_estimator.keras_networks", "predict", path, f"{path}.images.npy", f"{path}.probabilities.npy")
    probabilities = np.load(f"{path}.probabilities.npy")
    return Predictions(probabilities.argmax(axis=1), probabilities)


def _require_onnx():
    missing = [name for name in ("onnx", "onnxruntime", "tf2onnx") if importlib.util.find_spec(name) is None]
    if missing:
        raise UserError(f"format onnx needs {' and '.join(missing)}: pip install 'cnn-estimator[onnx]'")


def _write_onnx(predictor, path, description):
    import onnx

    _write_saved_model(predictor, f"{path}.saved_model", description)
    _run("tf2onnx.convert", "--saved-model", f"{path}.saved_model", "--output", path)
    model = onnx.load(path)
    for value in (*model.graph.input, *model.graph.output):
        value.type.tensor_type.shape.dim[0].dim_param = "N"
    onnx.helper.set_model_props(model, {DESCRIPTION_FILE: description})
    onnx.save(model, path)


def _predict_onnx(path, images):
    import onnxruntime

    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    return Predictions(*session.run(["classes", "probabilities"], {"x": images}))


FORMATS = {
    "saved_model": _Format("", _write_saved_model, _predict_saved_model),
    "tflite": _Format(".tflite", _write_tflite, _predict_tflite),
    "keras": _Format(".keras", _write_keras, _predict_keras),
    "onnx": _Format(".onnx", _write_onnx, _predict_onnx),
}
