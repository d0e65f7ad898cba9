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
from collections.abc import Callable, Iterator

import numpy as np

from cnn_estimator import stopping
from cnn_estimator.data import datasets
from cnn_estimator.errors import UserError
from cnn_estimator.files import cannot_be_written, nearest_folder
from cnn_estimator.model import Predictions
from cnn_estimator.prediction import Predictor
from cnn_estimator.run_dir import checkpoints
from cnn_estimator.settings import Settings, check, check_optional_path, check_path
from cnn_estimator.tf1 import tf

IMAGES = 1000  # of the test set, on which an export is compared with its checkpoint
MAX_DIFFERENCE = 1e-4  # of a probability
DESCRIPTION_FILE = "model.json"

_SIGNATURE = "serving_default"


@dataclasses.dataclass(frozen=True)
class Export:
    """What was exported.

    Attributes:
      format: a key of FORMATS.
      output: absolute path.
      largest_difference: of a probability, between the export and its checkpoint.
      images: how many test images they were compared on.
      global_step, checkpoint: what was exported; the path of the checkpoint.
    """

    format: str
    output: str
    largest_difference: float
    images: int
    global_step: int
    checkpoint: str


def export(
    model_dir: str | os.PathLike[str],
    *,
    format: str,
    output: str | os.PathLike[str],
    checkpoint: str | os.PathLike[str] | int | None = None,
    recipe: str | None = None,
    data_dir: str | os.PathLike[str] | None = None,
) -> Export:
    """Writes a trained model in another format, once it has been loaded back and predicts what its checkpoint does.

    It takes `x`, float32 [N, 28, 28] in 0..1, and returns `classes`, int64 [N], and `probabilities`, float32 [N, 10];
    a .keras file only the latter. The class names and the description of the input are stored with it, as JSON.

    Args:
      model_dir: a folder that was trained in, or is being trained in.
      format: a key of FORMATS.
      output: the file or, for a SavedModel, the folder to write, which must not exist yet; missing folders above it
        are made.
      checkpoint: a global step, a path, whose folder then is the model_dir, or "best" for the one that training kept;
        None takes the newest intact one.
      recipe: the name of the recipe that the model_dir holds, where it has no settings file.
      data_dir: where the test images are, see datasets.load; None takes the settings'.

    Raises:
      UserError: the output exists, has the wrong suffix or cannot be written, a package is missing, a converter fails,
        the export predicts something else, or as Predictor and datasets.load do. Nothing was written.
      Stopped: a stop signal ended the work; likewise.
    """
    data_dir = check_optional_path("data_dir", data_dir)
    output = os.path.abspath(check_path("output", output))
    check("format", format)
    _check_output(format, output)
    if format == "onnx":
        _require_onnx()
    with (
        Predictor(model_dir, checkpoint=checkpoint, recipe=recipe, data_dir=data_dir) as predictor,
        _full_float32(),
        _without_info(),
    ):
        settings = predictor.settings
        test = datasets.load(settings.dataset, "test", data_dir or settings.data_dir)
        images = datasets.scale(test.pixels[:IMAGES])
        difference = _write(predictor, format, output, images)
    return Export(
        format=format,
        output=output,
        largest_difference=float(f"{difference:.2g}"),
        images=len(images),
        global_step=predictor.checkpoint.step,
        checkpoint=predictor.checkpoint.path,
    )


def _write(predictor: Predictor, format: str, output: str, images: np.ndarray) -> float:
    """Writes an export if it predicts for the images what its checkpoint does; returns the largest difference."""
    expected = predictor.predict(images)
    with (
        _saving(output),
        # On the disk of the output, so that it can be renamed to that.
        tempfile.TemporaryDirectory(prefix=".cnn_estimator-", dir=nearest_folder(output)) as folder,
    ):
        part = os.path.join(folder, f"export{FORMATS[format].suffix}")  # short, and without special characters
        FORMATS[format].write(predictor, part, _description(predictor.settings, predictor.checkpoint.step))
        stopping.check()
        difference = _difference(FORMATS[format].predict(part, images), expected)
        if not difference <= MAX_DIFFERENCE:  # nor if it is NaN
            raise UserError(
                f"output {output}: its probabilities differ from the checkpoint's by {difference:.2g}, which is more "
                f"than {MAX_DIFFERENCE:.2g}, so nothing was exported",
                "choose another {format}",
            )
        stopping.check()
        os.makedirs(os.path.dirname(output), exist_ok=True)
        _check_output(format, output)
        os.rename(part, output)
    return difference


def _check_output(format: str, output: str) -> None:
    suffix = FORMATS[format].suffix
    if not output.endswith(suffix):
        raise UserError(f"output {output}: files of format {format} end in {suffix}: name it {output}{suffix}")
    try:
        os.lstat(output)
    except (FileNotFoundError, NotADirectoryError):
        pass
    except OSError as error:  # a name that is too long
        raise cannot_be_written(f"output {output}", error.strerror) from error
    else:
        raise UserError(f"output {output} exists already", "move it away, or choose another {output}")
    # Other formats are files of other programs, but a SavedModel beside them comes first.
    read_by_tensorflow = output if format == "saved_model" else nearest_folder(output)
    if checkpoints.PATTERN_CHARACTERS & {*read_by_tensorflow}:
        raise UserError(
            f"output {output}: TensorFlow takes *, ?, [ and \\ in a path for a pattern", "choose another {output}"
        )


def _description(settings: Settings, step: int) -> str:
    """Returns what a program that uses the export must know, and where it comes from, as JSON."""
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


def _difference(found: Predictions, expected: Predictions) -> float:
    """Returns the largest difference between the probabilities of two Predictions, infinite where classes contradict.

    Where two classes are equally probable within that difference, the export may name the other one.
    """
    difference = np.abs(found.probabilities - expected.probabilities).max()
    chosen = np.take_along_axis(expected.probabilities, found.classes[:, None], axis=1)[:, 0]
    if (expected.probabilities.max(axis=1) - chosen > 2 * difference).any():
        return np.inf
    return float(difference)


@contextlib.contextmanager
def _saving(output: str) -> Iterator[None]:
    """Turns the errors of a full or unwritable disk, and of a converter, into a UserError."""
    with checkpoints.saving(f"output {output}"):
        try:
            yield
        except _ConverterError as error:
            raise cannot_be_written(f"output {output}", error) from error


@contextlib.contextmanager
def _full_float32() -> Iterator[None]:
    """Switches off TF32, in which GPUs multiply with ten bits: that differs by more than MAX_DIFFERENCE."""
    enabled = tf.config.experimental.tensor_float_32_execution_enabled()
    tf.config.experimental.enable_tensor_float_32_execution(False)
    try:
        yield
    finally:
        tf.config.experimental.enable_tensor_float_32_execution(enabled)


@contextlib.contextmanager
def _without_info() -> Iterator[None]:
    """Switches off TensorFlow's INFO lines, which name the temporary folder."""
    logger = tf.get_logger()
    level = logger.level
    logger.setLevel(logging.WARNING)
    try:
        yield
    finally:
        logger.setLevel(level)


class _ConverterError(Exception):
    """A program that writes or reads a format failed; the message is one line, with its error."""


def _run(module: str, *arguments: str) -> None:
    """Runs a module as a program, in a process with an unchanged TensorFlow; raises _ConverterError if it fails."""
    environment = os.environ | {
        "PYTHONPATH": os.pathsep.join(map(os.path.abspath, sys.path)),  # the modules of this process are found there
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
        lines = done.stderr.strip().splitlines() or ["it printed nothing"]
        errors = [line for line in lines if re.match(r"[\w.]+(Error|Exception)\b", line)]  # Keras prints more after it
        raise _ConverterError(f"python -m {module} failed with status {done.returncode}: {(errors or lines)[-1]}")


@dataclasses.dataclass(frozen=True)
class _Format:
    """suffix: of an output's name. write(predictor, path, description): writes it, and perhaps files beside it.
    predict(path, images): its Predictions, in its own runtime."""

    suffix: str
    write: Callable[[Predictor, str, str], None]
    predict: Callable[[str, np.ndarray], Predictions]


def _write_saved_model(predictor: Predictor, path: str, description: str) -> None:
    with predictor.session.graph.as_default():
        tf.saved_model.simple_save(predictor.session, path, predictor.inputs, predictor.outputs)
    extra = os.path.join(path, "assets.extra")  # no runtime reads it, by the format's own convention
    os.mkdir(extra)
    with open(os.path.join(extra, DESCRIPTION_FILE), "w", encoding="utf-8") as file:
        file.write(description)


def _predict_saved_model(path: str, images: np.ndarray) -> Predictions:
    with tf.Graph().as_default(), tf.Session() as session:
        loaded = tf.saved_model.load(session, [tf.saved_model.tag_constants.SERVING], path)
        signature = loaded.signature_def[_SIGNATURE]
        outputs = {name: tensor.name for name, tensor in signature.outputs.items()}
        return Predictions(**session.run(outputs, {signature.inputs["x"].name: images}))


def _write_tflite(predictor: Predictor, path: str, description: str) -> None:
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


def _predict_tflite(path: str, images: np.ndarray) -> Predictions:
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=r"\s*Warning: (tf\.lite\.Interpreter is|Please use the LiteRT)")
        interpreter = tf.lite.Interpreter(
            path,
            # The default resolver creates a delegate and prints that on stderr.
            experimental_op_resolver_type=tf.lite.experimental.OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES,
        )
    return Predictions(**interpreter.get_signature_runner(_SIGNATURE)(x=images))


def _write_keras(predictor: Predictor, path: str, description: str) -> None:
    variables = predictor.session.graph.get_collection(tf.GraphKeys.TRAINABLE_VARIABLES)
    weights = io.BytesIO()  # on a full disk numpy's archive prints an error that it cannot raise
    np.savez(weights, **predictor.session.run({variable.op.name: variable for variable in variables}))
    with open(f"{path}.npz", "wb") as file:
        file.write(weights.getbuffer())
    _run("cnn_estimator.keras_networks", "write", predictor.settings.network, f"{path}.npz", path)
    with zipfile.ZipFile(path, "a") as file:
        file.writestr(DESCRIPTION_FILE, description)


def _predict_keras(path: str, images: np.ndarray) -> Predictions:
    np.save(f"{path}.images.npy", images)
    _run("cnn_estimator.keras_networks", "predict", path, f"{path}.images.npy", f"{path}.probabilities.npy")
    probabilities = np.load(f"{path}.probabilities.npy")
    return Predictions(probabilities.argmax(axis=1), probabilities)


def _require_onnx() -> None:
    missing = [name for name in ("onnx", "onnxruntime", "tf2onnx") if importlib.util.find_spec(name) is None]
    if missing:
        raise UserError(f"format onnx needs {' and '.join(missing)}: pip install 'cnn-estimator[onnx]'")


def _write_onnx(predictor: Predictor, path: str, description: str) -> None:
    import onnx

    _write_saved_model(predictor, f"{path}.saved_model", description)
    _run("tf2onnx.convert", "--saved-model", f"{path}.saved_model", "--output", path)
    model = onnx.load(path)
    for value in (*model.graph.input, *model.graph.output):
        value.type.tensor_type.shape.dim[0].dim_param = "N"
    onnx.helper.set_model_props(model, {DESCRIPTION_FILE: description})
    onnx.save(model, path)


def _predict_onnx(path: str, images: np.ndarray) -> Predictions:
    import onnxruntime

    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    return Predictions(*session.run(["classes", "probabilities"], {"x": images}))


FORMATS = {
    "saved_model": _Format("", _write_saved_model, _predict_saved_model),
    "tflite": _Format(".tflite", _write_tflite, _predict_tflite),
    "keras": _Format(".keras", _write_keras, _predict_keras),
    "onnx": _Format(".onnx", _write_onnx, _predict_onnx),
}
