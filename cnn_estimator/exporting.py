"""Exports a trained model in a format that outlives Estimators."""

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
from cnn_estimator.files import nearest_folder
from cnn_estimator.model import Predictions
from cnn_estimator.prediction import Predictor
from cnn_estimator.run_dir import checkpoints
from cnn_estimator.settings import Settings, check, check_optional_path, check_path
from cnn_estimator.tf1 import tf

COMPARED_IMAGES = 1000
MAX_PROBABILITY_DIFFERENCE = 1e-4
DESCRIPTION_FILE = "model.json"

_SIGNATURE = "serving_default"


@dataclasses.dataclass(frozen=True)
class Export:
    """An export and how it compares with its checkpoint.

    Attributes:
      format: a key of FORMATS.
      output: the absolute path of the file or folder.
      largest_difference: the largest difference between a probability of the export and of the checkpoint.
      images: how many test images were compared.
      global_step: the step of the checkpoint.
      checkpoint: the path of the checkpoint.
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
    """Writes a trained model in another format, if the export predicts the same as its checkpoint.

    An export takes `x`, float32 [N, 28, 28] in 0..1, and returns `classes`, int64 [N], and `probabilities`, float32
    [N, number of classes]. A .keras file returns the probabilities alone. Every export contains the class names and a
    description of the input, as JSON.

    Args:
      model_dir, checkpoint, recipe: see Predictor.
      format: a key of FORMATS.
      output: the file to write, or for a SavedModel the folder. It must not exist yet; missing folders above it are
        made.
      data_dir: the data that has the test images, see datasets.load. None takes the data_dir of the settings.

    Raises:
      UserError: the output exists, has the wrong suffix or cannot be written; a package is missing; a converter fails;
        the export predicts something else; or see Predictor and datasets.load. Nothing was written.
      Stopped: a stop signal ended the work. Nothing was written.
    """
    data_dir = check_optional_path("data_dir", data_dir)
    output = os.path.abspath(check_path("output", output))
    check("format", format)
    _check_output(format, output)
    if format == "onnx":
        _require_onnx()
    with Predictor(model_dir, checkpoint=checkpoint, recipe=recipe, data_dir=data_dir) as predictor, _exact_and_quiet():
        settings = predictor.settings
        test = datasets.load_for(settings, "test", data_dir)
        images = datasets.scale(test.pixels[:COMPARED_IMAGES])
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
    """Writes an export if it predicts the same for the images as its checkpoint; returns the largest difference."""
    expected = predictor.predict(images)
    with (
        checkpoints.saving(f"output {output}"),
        # On the disk of the output, so that a rename can move the export there.
        tempfile.TemporaryDirectory(prefix=".cnn_estimator-", dir=nearest_folder(output)) as folder,
    ):
        unfinished = os.path.join(folder, f"export{FORMATS[format].suffix}")  # a name that every converter can read
        FORMATS[format].write(predictor, unfinished, _description(predictor.settings, predictor.checkpoint.step))
        stopping.check()
        difference = _difference(FORMATS[format].predict(unfinished, images), expected)
        if not difference <= MAX_PROBABILITY_DIFFERENCE:  # it may be NaN
            raise UserError(
                f"output {output}: its probabilities differ from the checkpoint's by {difference:.2g}, which is more "
                f"than {MAX_PROBABILITY_DIFFERENCE:.2g}, so nothing was exported",
                "choose another {format}",
            )
        stopping.check()
        os.makedirs(os.path.dirname(output), exist_ok=True)
        os.rename(unfinished, output)
    return difference


def _check_output(format: str, output: str) -> None:
    """Raises UserError for a name with the wrong suffix, that exists, or that TensorFlow cannot read."""
    suffix = FORMATS[format].suffix
    if not output.endswith(suffix):
        raise UserError(f"output {output}: files of format {format} end in {suffix}: name it {output}{suffix}")
    if os.path.lexists(output):
        raise UserError(f"output {output} exists already", "move it away, or choose another {output}")
    checkpoints.check_name(f"output {output!r}", output, "choose another {output}")


def _description(settings: Settings, step: int) -> str:
    """Returns the class names, the input and the origin of an export, as JSON."""
    return json.dumps(
        {
            "class_names": settings.class_names,
            "input": {
                "name": "x",
                "dtype": "float32",
                "shape": [None, datasets.SIDE, datasets.SIDE],
                "range": [0, 1],
                "pixels": f"grey value / 255, {'a bright object on black' if settings.crop else 'the whole picture'}",
            },
            "recipe": settings.recipe,
            "dataset": settings.dataset,
            "network": settings.network,
            "global_step": step,
        },
        indent=2,
    )


def _difference(predictions: Predictions, expected: Predictions) -> float:
    """Returns the largest difference between the probabilities, or infinity if the classes contradict them.

    If two classes are equally probable within the difference, the export may choose the other class.
    """
    difference = np.abs(predictions.probabilities - expected.probabilities).max()
    chosen = np.take_along_axis(expected.probabilities, predictions.classes[:, None], axis=1)[:, 0]
    if (expected.probabilities.max(axis=1) - chosen > 2 * difference).any():
        return np.inf
    return float(difference)


@contextlib.contextmanager
def _exact_and_quiet() -> Iterator[None]:
    """Switches off TF32, whose ten bits differ by more than MAX_PROBABILITY_DIFFERENCE, and TensorFlow's INFO lines.

    The lines name the temporary folder.
    """
    logger = tf.get_logger()
    level = logger.level
    enabled = tf.config.experimental.tensor_float_32_execution_enabled()
    logger.setLevel(logging.WARNING)
    tf.config.experimental.enable_tensor_float_32_execution(False)
    try:
        yield
    finally:
        logger.setLevel(level)
        tf.config.experimental.enable_tensor_float_32_execution(enabled)


def _run(path: str, module: str, *arguments: str) -> None:
    """Runs a module as a program in the temporary folder of an export at a path, with an unchanged TensorFlow.

    Raises:
      OSError: the program could not write. Its message is one line.
      UserError: the program failed for another reason.
    """
    folder = os.path.dirname(path)
    environment = {
        "PYTHONPATH": os.pathsep.join(map(os.path.abspath, sys.path)),
        "CUDA_VISIBLE_DEVICES": "-1",  # this process has taken the GPU's memory
        "KERAS_BACKEND": "tensorflow",
        "KERAS_HOME": folder,  # without the user's settings of Keras
    }
    done = subprocess.run(
        [sys.executable, "-m", module, *arguments],
        cwd=folder,
        env=os.environ | environment,
        capture_output=True,
        text=True,
        errors="replace",
        start_new_session=True,  # Ctrl-C must not look like a failure of the program
    )
    if done.returncode:
        lines = done.stderr.strip().splitlines() or ["it printed nothing"]
        # Keras prints more lines after its error.
        errors = [line for line in lines if re.match(r"[\w.]+(Error|Exception)\b", line)]
        problem = f"python -m {module} failed with status {done.returncode}: {(errors or lines)[-1]}"
        if checkpoints.disk_error(problem):
            raise OSError(problem)
        raise UserError(problem, "choose another {format}")


@dataclasses.dataclass(frozen=True)
class _Format:
    """A format of exports.

    Attributes:
      suffix: what the name of an output ends in.
      write: write(predictor, path, description) writes an export, and may leave other files beside it.
      predict: predict(path, images) returns the Predictions of an export.
    """

    suffix: str
    write: Callable[[Predictor, str, str], None]
    predict: Callable[[str, np.ndarray], Predictions]


def _write_saved_model(predictor: Predictor, path: str, description: str) -> None:
    with predictor.session.graph.as_default():
        tf.saved_model.simple_save(predictor.session, path, predictor.inputs, predictor.outputs)
    extra = os.path.join(path, "assets.extra")  # the format's place for files that no runtime reads
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
    # In graph mode, as in this process, the converter drops the signature. The module is the command tflite_convert.
    _write_saved_model(predictor, f"{path}.saved_model", description)
    module = "tensorflow.lite.python.tflite_convert"
    _run(path, module, f"--saved_model_dir={path}.saved_model", f"--output_file={path}")
    with zipfile.ZipFile(path, "a") as file:  # behind the flatbuffer, where TFLite's tools look
        file.writestr(DESCRIPTION_FILE, description)
        file.writestr("labels.txt", "".join(f"{name}\n" for name in predictor.class_names))


def _predict_tflite(path: str, images: np.ndarray) -> Predictions:
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=r"\s*Warning: (tf\.lite\.Interpreter is|Please use the LiteRT)")
        interpreter = tf.lite.Interpreter(
            path,
            # The default resolver prints on stderr that it creates a delegate.
            experimental_op_resolver_type=tf.lite.experimental.OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES,
        )
    return Predictions(**interpreter.get_signature_runner(_SIGNATURE)(x=images))


def _write_keras(predictor: Predictor, path: str, description: str) -> None:
    variables = predictor.session.graph.get_collection(tf.GraphKeys.GLOBAL_VARIABLES)
    weights = io.BytesIO()  # on a full disk NumPy's archive prints an error that it cannot raise
    np.savez(weights, **predictor.session.run({variable.op.name: variable for variable in variables}))
    with open(f"{path}.npz", "wb") as file:
        file.write(weights.getbuffer())
    settings = predictor.settings
    _run(path, "cnn_estimator.keras_networks", "write", settings.network, str(settings.classes), f"{path}.npz", path)
    with zipfile.ZipFile(path, "a") as file:
        file.writestr(DESCRIPTION_FILE, description)


def _predict_keras(path: str, images: np.ndarray) -> Predictions:
    np.save(f"{path}.images.npy", images)
    _run(path, "cnn_estimator.keras_networks", "predict", path, f"{path}.images.npy", f"{path}.probabilities.npy")
    probabilities = np.load(f"{path}.probabilities.npy")
    return Predictions(probabilities.argmax(axis=1), probabilities)


def _require_onnx() -> None:
    missing = [name for name in ("onnx", "onnxruntime", "tf2onnx") if importlib.util.find_spec(name) is None]
    if missing:
        raise UserError(f"format onnx needs {' and '.join(missing)}: pip install 'cnn-estimator[onnx]'")


def _write_onnx(predictor: Predictor, path: str, description: str) -> None:
    import onnx

    _write_saved_model(predictor, f"{path}.saved_model", description)
    _run(path, "tf2onnx.convert", "--saved-model", f"{path}.saved_model", "--output", path)
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
