"""The checkpoints in a model_dir: which is the newest, is it intact, does it fit the network."""

import contextlib
import dataclasses
import errno
import functools
import glob
import logging
import os
import re
import shutil
import tempfile

import numpy as np
from tabulate import tabulate

from cnn_estimator import model
from cnn_estimator.disk import cannot_be_written, writing
from cnn_estimator.errors import UserError
from cnn_estimator.tf1 import tf

log = logging.getLogger(__package__)

STATE_FILE = "checkpoint"
BASENAME = "model.ckpt"
_SUFFIX = r"\.(?:index|meta|data-\d+-of-\d+)"  # of the files of one checkpoint
_FILE = re.compile(rf"({re.escape(BASENAME)}-\d+){_SUFFIX}")

# How TensorFlow's messages end: its error classes say less. A file too large is OutOfRangeError, as the end of data is.
_TROUBLES = [
    os.strerror(number)
    for number in (
        errno.ENOSPC,
        errno.EDQUOT,
        errno.EFBIG,
        errno.EROFS,
        errno.EACCES,
        errno.EPERM,
        errno.ENOENT,
        errno.ENOTDIR,
        errno.EISDIR,
        errno.EIO,
    )
]


@dataclasses.dataclass(frozen=True)
class Checkpoint:
    """path: what its files' names begin with. step: the global step that it was saved at."""

    path: str
    step: int


def newest_intact(model_dir):
    """Returns the newest intact Checkpoint of a model_dir, None where there are no checkpoints at all.

    The newest is the one that TensorFlow's state file names, then those with the highest steps. One that is passed
    over gets a log line.

    Raises:
      UserError: there are checkpoints and none is intact.
    """
    _refuse_patterns(model_dir)
    while True:
        names = _names(model_dir)
        damages = []
        for name in names:
            path = os.path.join(model_dir, name)
            try:
                checkpoint = Checkpoint(path, prove(path))
            except UserError as damage:
                damages.append(damage)
                continue
            for damage in damages:
                log.warning("%s, passed over for %s", damage, name)
            for newer in names[len(damages) + 1 :]:
                if _number(newer) > checkpoint.step:
                    log.warning("%s is there, but %s names %s", newer, os.path.join(model_dir, STATE_FILE), name)
            return checkpoint
        if not names:
            return None
        if names == _names(model_dir):  # otherwise a trainer has saved new ones and deleted these meanwhile
            raise UserError(
                f"model_dir {model_dir}: none of its checkpoints is intact: {'; '.join(map(str, damages))}. Put a copy "
                "of one back, or train anew with --fresh, which sets this run aside"
            )


def holds_run(model_dir):
    """Whether there are checkpoints in a model_dir, of whatever state."""
    return bool(_names(model_dir))


def locate(model_dir, wanted):
    """Returns (model_dir, name) of what a user names: a global step, a checkpoint's path, or one of its files."""
    if wanted.isdecimal():
        return model_dir, f"{BASENAME}-{wanted}"
    folder, file = os.path.split(os.path.expanduser(wanted))
    return folder or model_dir, re.sub(f"{_SUFFIX}$", "", file)


def find(model_dir, name):
    """Returns one Checkpoint of a model_dir by its name, model.ckpt-STEP; raises UserError where it is not there or
    not intact."""
    _refuse_patterns(model_dir)
    path = os.path.join(model_dir, name)
    if not os.path.exists(f"{path}.index"):
        there = ", ".join(reversed(_numbered(model_dir))) or "no checkpoint"
        raise UserError(f"model_dir {model_dir} holds no checkpoint {name}: it has {there}")
    return Checkpoint(path, prove(path))


def prove(path):
    """Returns the global step of an intact checkpoint: its index is whole, and every tensor has its checksum.

    Raises:
      UserError: it is damaged, or not Estimator's; the message says what is wrong.
    """
    if not os.path.isfile(f"{path}.index"):
        raise UserError(f"{path}.index is missing")
    try:
        reader = tf.train.load_checkpoint(path)
        # The reader compares a tensor with its CRC whenever it reads one.
        tensors = {name: reader.get_tensor(name) for name in reader.get_variable_to_shape_map()}
    except (tf.errors.OpError, LookupError, ValueError, RuntimeError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise UserError(f"{path} is damaged: {reason}") from error
    step = tensors.get(tf.GraphKeys.GLOBAL_STEP)
    if not isinstance(step, np.integer):
        raise UserError(f"{path} has no global_step, so Estimator did not write it")
    return int(step)


def rebuild_state(model_dir, newest):
    """Makes TensorFlow's state file name the newest intact Checkpoint, and those before it, if it does not."""
    older = [name for name in reversed(_numbered(model_dir)) if _number(name) < newest.step]
    paths = [*(os.path.join(model_dir, name) for name in older), newest.path]
    stated = _state(model_dir)
    if stated[-1:] != [newest.path]:
        log.warning("%s: rebuilt from the files", os.path.join(model_dir, STATE_FILE))
    if stated != paths:
        tf.train.update_checkpoint_state(model_dir, newest.path, paths)


@contextlib.contextmanager
def saving(what):
    """disk.writing for what TensorFlow writes: its errors become the UserError too."""
    with writing(what):
        try:
            yield
        except tf.errors.OpError as error:
            for trouble in _TROUBLES:
                if trouble in str(error):
                    raise cannot_be_written(what, trouble) from error
            raise


def remove_unfinished(model_dir):
    """Removes what TensorFlow leaves when it is killed while it writes. Only for the one who trains there."""
    for pattern in (f"{BASENAME}-*_temp", "*.tmp" + "[0-9a-f]" * 32):
        for path in glob.glob(os.path.join(glob.escape(model_dir), pattern)):
            if os.path.isdir(path):
                shutil.rmtree(path)
            else:
                os.remove(path)


def picker(model_dir, wanted=None):
    """Returns the function, for copied(), that picks the Checkpoint which a user wants.

    Args:
      wanted: a global step, or a path, whose folder then is the model_dir; None for the newest intact one.
    """
    if wanted is None:
        return functools.partial(_newest_to_use, model_dir)
    return functools.partial(find, *locate(model_dir, wanted))


def _newest_to_use(model_dir):
    newest = newest_intact(model_dir)
    if newest is None:
        raise UserError(f"model_dir {model_dir} holds no checkpoint: train there first, or name another --model_dir")
    return newest


@contextlib.contextmanager
def copied(pick):
    """Yields the Checkpoint that pick() returns, and a copy of it in a temporary folder.

    Where training goes on meanwhile, its older checkpoints are deleted: perhaps the very one that is in use.
    """
    with contextlib.ExitStack() as stack:
        with writing(f"temporary folder {tempfile.gettempdir()}"):
            folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="cnn_estimator-"))
            checkpoint = pick()
            while not _copy(checkpoint, folder):
                checkpoint = pick()
        yield checkpoint, Checkpoint(os.path.join(folder, os.path.basename(checkpoint.path)), checkpoint.step)


def _copy(checkpoint, folder):
    """Returns whether the checkpoint was still there to be copied whole."""
    try:
        for file in (f"{checkpoint.path}.index", *glob.glob(f"{glob.escape(checkpoint.path)}.data-*")):
            shutil.copy(file, folder)
        prove(os.path.join(folder, os.path.basename(checkpoint.path)))
    except (FileNotFoundError, UserError):
        return False
    return True


def check_fits(checkpoint, settings, mode):
    """Raises UserError, with a table, unless the checkpoint's variables are those that the model has in that mode.

    Those that the model does not have are refused where training would lose them; evaluation says that it leaves them
    out, but for the optimizer's.
    """
    reader = tf.train.load_checkpoint(checkpoint.path)
    dtypes, shapes = reader.get_variable_to_dtype_map(), reader.get_variable_to_shape_map()
    there = {name: (dtypes[name].name, shapes[name]) for name in sorted(shapes)}
    here = model.variables(settings, mode)
    training = mode == tf.estimator.ModeKeys.TRAIN
    missing = [(name, "missing", "", _kind(here[name])) for name in here if name not in there]
    reshaped = [
        (name, "reshaped", _kind(there[name]), _kind(here[name]))
        for name in here
        if name in there and there[name] != here[name]
    ]
    extra = [
        (name, "extra", _kind(there[name]), "")
        for name in there
        if name not in here and (training or not _is_optimizers(name, there))
    ]
    if extra and not training:
        log.warning("variables that network %s does not have: %s", settings.network, ", ".join(row[0] for row in extra))
    if missing or reshaped or (training and extra):
        table = tabulate([*missing, *reshaped, *extra], ["variable", "", "there", "now"], tablefmt="plain")
        flags = "--recipe and --optimizer" if training else "--recipe"
        raise UserError(
            f"{os.path.basename(checkpoint.path)} does not fit network {settings.network} with optimizer "
            f"{settings.optimizer}: say with {flags} what it holds, or choose another --model_dir\n{table}"
        )


def _kind(variable):
    dtype, shape = variable
    return f"{dtype} {shape}"


def _is_optimizers(name, names):
    """Whether it is one of Adam's own variables, or a slot beside another variable: dense/kernel/Momentum."""
    return name in ("beta1_power", "beta2_power") or name.rpartition("/")[0] in names


def _refuse_patterns(model_dir):
    if set(model_dir) & set("*?["):
        raise UserError(f"model_dir {model_dir!r}: TensorFlow reads *, ? and [ as patterns, choose another name")


def _names(model_dir):
    """The names of all checkpoints that are there or should be, newest first."""
    stated = [os.path.basename(path) for path in reversed(_state(model_dir))]
    return list(dict.fromkeys([*stated[:1], *_numbered(model_dir), *stated]))


def _state(model_dir):
    """The paths that TensorFlow's state file names, newest last; none where it is missing or damaged."""
    try:
        state = tf.train.get_checkpoint_state(model_dir)
    except ValueError:  # not UTF-8, or no path in it
        return []
    if state is None:
        return []
    older = [path for path in state.all_model_checkpoint_paths if path != state.model_checkpoint_path]
    return [*older, state.model_checkpoint_path]


def _numbered(model_dir):
    """The names of the checkpoints that there are files of, the highest step first."""
    try:
        files = os.listdir(model_dir) if os.path.isdir(model_dir) else []
    except OSError as error:
        raise UserError(f"model_dir {model_dir} cannot be read: {error.strerror}") from error
    names = {found[1] for found in map(_FILE.fullmatch, files) if found}
    return sorted(names, key=_number, reverse=True)


def _number(name):
    number = name.rpartition("-")[2]
    return int(number) if number.isdecimal() else 0
