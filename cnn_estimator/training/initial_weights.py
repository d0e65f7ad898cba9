"""The weights that a new run takes from another run, by the setting init_from."""

import dataclasses
import logging
import os

import numpy as np

from cnn_estimator import layers, model
from cnn_estimator.data.datasets import SIDE, TrainingData
from cnn_estimator.errors import UserError
from cnn_estimator.model_session import make_session_config
from cnn_estimator.run_dir import checkpoints, settings_file
from cnn_estimator.run_dir.run import RunDir
from cnn_estimator.settings import Settings
from cnn_estimator.tf1 import tf

log = logging.getLogger("cnn_estimator")

_ADVICE = "name the model_dir of a trained run in {init_from}"


@dataclasses.dataclass(frozen=True)
class InitialWeights:
    """What a run begins with.

    Attributes:
      values: {name of a variable: value}.
      summary: log line: which layers come from which checkpoint, and which layer has random weights.
    """

    values: dict[str, np.ndarray]
    summary: str


def find(folder: str, model_dir: str) -> tuple[str, str | None]:
    """Returns (model_dir, checkpoint) of the run that init_from names: its best checkpoint, or None for the newest.

    Args:
      folder: the setting init_from.
      model_dir: the folder of the new run.

    Raises:
      UserError: the folder is missing, is the model_dir itself, or holds no checkpoint; or it is the folder best/ of a
        run that keeps no best checkpoint now.
    """
    if not os.path.isdir(folder):
        raise UserError(f"init_from {folder} is not a folder", _ADVICE)
    is_best = os.path.exists(os.path.join(folder, checkpoints.BEST_FILE))
    source = os.path.dirname(folder) if is_best else folder
    wanted = checkpoints.BEST if is_best else None
    if os.path.realpath(source) == os.path.realpath(model_dir):
        raise UserError(f"init_from {folder} is the model_dir itself", "name another {model_dir} for the new run")
    parent, name = os.path.split(os.path.abspath(folder))
    if not is_best and name == checkpoints.BEST_FOLDER and checkpoints.has_checkpoints(parent):
        raise UserError(f"init_from {folder}: {parent} keeps no best checkpoint now", f"{_ADVICE}, such as {parent}")
    if not checkpoints.has_checkpoints(folder):
        raise UserError(f"init_from {folder} holds no checkpoint", _ADVICE)
    return source, wanted


def read(settings: Settings, model_dir: str, data: TrainingData) -> InitialWeights:
    """Returns the weights that evaluation of settings.init_from would use, for the network of `settings`.

    Logs a warning if they may have been trained on images of `data` that are not trained on now.

    Raises:
      UserError: see find(); or init_from holds another network, or no intact checkpoint.
    """
    folder = settings.init_from
    assert folder
    source, wanted = find(folder, model_dir)
    with checkpoints.snapshot(source, wanted) as snapshot:
        saved = settings_file.read(source) or RunDir(source).load_settings(settings.recipe)
        if saved.network != settings.network:
            raise UserError(
                f"init_from {folder} holds network {saved.network}, and recipe {settings.recipe} needs "
                f"{settings.network}",
                "name another {init_from}, or the {recipe} of that network",
            )
        _warn_of_trained_images(folder, settings, data)
        return _read(snapshot, saved, settings)


def _warn_of_trained_images(folder: str, settings: Settings, data: TrainingData) -> None:
    """Logs a warning if a run, or a run that it began with, may have been trained on images that are left out now."""
    visited: set[str] = set()
    while folder not in visited:
        visited.add(folder)
        is_best = os.path.exists(os.path.join(folder, checkpoints.BEST_FILE))
        model_dir = os.path.dirname(folder) if is_best else folder
        saved = settings_file.read(model_dir)
        if saved is None:
            if settings.validation:
                log.warning(
                    "init_from %s has no %s, and may have been trained on images that are held out now: the validation "
                    "accuracy may be too high",
                    folder,
                    settings_file.SETTINGS_FILE,
                )
            return
        images = settings_file.read_training_images(model_dir)
        same_images = images is not None and images == data.fingerprint
        same_place = (saved.dataset, saved.data_dir) == (settings.dataset, settings.data_dir)
        same_held_out = (saved.validation, saved.seed) == (settings.validation, settings.seed)
        if same_place or same_images:
            if settings.validation and not (same_held_out and same_images):
                log.warning(
                    "init_from %s may have been trained on images that are held out now: the validation accuracy may "
                    "be too high. Held out there: %d images, with seed %d",
                    folder,
                    saved.validation,
                    saved.seed,
                )
            if data.training.divided and not same_images:
                log.warning(
                    "init_from %s may have been trained on images of the test set of %s: the accuracy may be too high",
                    folder,
                    data.training.source,
                )
        if saved.init_from is None:
            return
        folder = saved.init_from


def _read(snapshot: checkpoints.Snapshot, saved: Settings, settings: Settings) -> InitialWeights:
    """Returns the weights in a checkpoint of a run with the settings `saved`."""
    reader = tf.train.load_checkpoint(snapshot.copy.path)
    with tf.Graph().as_default():
        images = tf.placeholder(tf.float32, [None, SIDE, SIDE])
        model.model_fn({"x": images}, None, tf.estimator.ModeKeys.PREDICT, saved)
        last_layer = layers.find(tf.get_default_graph())[-1].name
        variables = model.evaluated_variables(saved)
        variables.pop(tf.GraphKeys.GLOBAL_STEP, None)
        names = {variable.op.name: name for name, variable in variables.items()}
        shapes = {variable.op.name: variable.shape.as_list() for variable in variables.values()}
    same_classes = saved.class_names == settings.class_names
    saved_shapes = reader.get_variable_to_shape_map()
    values = {}
    for variable, name in names.items():
        if saved_shapes.get(name) != shapes[variable]:
            problem = f"lacks {name}" if name not in saved_shapes else f"has {name} of shape {saved_shapes[name]}"
            raise UserError(
                f"init_from: {snapshot.original.path} {problem}, where network {saved.network} has shape "
                f"{shapes[variable]}",
                _ADVICE,
            )
        if same_classes or _layer(variable) != last_layer:
            values[variable] = reader.get_tensor(name)
    layers_read = ", ".join(dict.fromkeys(map(_layer, values)))
    kind = "averaged weights" if saved.average_decay else "weights"
    random_layer = "" if same_classes else f"; {last_layer} begins with random weights, because the classes differ"
    return InitialWeights(values, f"taking the {kind} of {layers_read} from {snapshot.original.path}{random_layer}")


def _layer(variable: str) -> str:
    """Returns the name of the layer that a variable belongs to."""
    return variable.rpartition("/")[0]


def write(weights: InitialWeights, settings: Settings, path: str) -> None:
    """Writes a checkpoint of step 0 at a path, from which training then continues as from any other.

    The checkpoint has these weights, also as averages where the run averages its weights. All other variables have the
    values with which a run of the same seed begins.
    """
    with tf.Graph().as_default():
        tf.set_random_seed(settings.seed)
        tf.train.create_global_step()
        images = tf.placeholder(tf.float32, [None, SIDE, SIDE])
        labels = tf.placeholder(tf.int32, [None])
        model.model_fn({"x": images}, labels, tf.estimator.ModeKeys.TRAIN, settings)
        values = dict(weights.values)
        variables = {variable.op.name: variable for variable in tf.global_variables()}
        if settings.average_decay:
            suffix = tf.train.ExponentialMovingAverage(settings.average_decay).name
            averages = {f"{name}/{suffix}": value for name, value in weights.values.items()}
            values |= {name: value for name, value in averages.items() if name in variables}  # of trained variables
        fed = {name: tf.placeholder(tf.float32, value.shape) for name, value in values.items()}
        assign = tf.group(*(tf.assign(variables[name], fed[name]) for name in values))
        saver = tf.train.Saver()
        with tf.Session(config=make_session_config(settings.precision, settings.threads)) as session:
            session.run(tf.global_variables_initializer())
            session.run(assign, {fed[name]: value for name, value in values.items()})
            saver.save(session, path, write_meta_graph=False)
    checkpoints.sync_checkpoint(path)
