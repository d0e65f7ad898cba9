"""The checkpoints in a model_dir: which is the newest, and is it intact."""

import contextlib
import dataclasses
import errno
import functools
import glob
import json
import logging
import os
import re
import shutil
import tempfile
from collections.abc import Callable, Collection, Iterator

import numpy as np

from cnn_estimator.errors import UserError
from cnn_estimator.files import (
    UNFINISHED_PREFIX,
    atomic_write,
    cannot_be_written,
    read_if_exists,
    reading,
    sync,
    writing,
)
from cnn_estimator.tf1 import tf

log = logging.getLogger("cnn_estimator")

STATE_FILE = "checkpoint"
BASENAME = "model.ckpt"
BEST_FOLDER = "best"
BEST_FILE = "best.json"
BEST = "best"  # in place of a step: the checkpoint with the highest validation accuracy
_SUFFIX = r"\.(?:index|meta|data-\d+-of-\d+)"  # of the files of one checkpoint
_FILE = re.compile(rf"({re.escape(BASENAME)}-\d+){_SUFFIX}")
# An index ends with a footer: offset and size of two blocks, padding, and a magic number.
_FOOTER_BYTES = 48
_MAGIC = bytes.fromhex("57fb808b247547db")
_BLOCK_TRAILER_BYTES = 5

# TensorFlow's messages end with one of these reasons. Its error classes say less: a file that grows too large is an
# OutOfRangeError, as the end of the data is.
_DISK_ERRORS = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EACCES, errno.ENOENT, errno.EIO)


@dataclasses.dataclass(frozen=True)
class Checkpoint:
    """path: the common beginning of its files' paths. step: the global step at which it was saved."""

    path: str
    step: int

    @property
    def name(self) -> str:
        return os.path.basename(self.path)


@dataclasses.dataclass(frozen=True)
class Snapshot:
    """A verified copy of a checkpoint.

    Attributes:
      original: the Checkpoint in its model_dir.
      copy: the Checkpoint in a temporary folder.
    """

    original: Checkpoint
    copy: Checkpoint

    @property
    def model_dir(self) -> str:
        """The model_dir of the original, which may lie in its folder best/."""
        folder = os.path.dirname(self.original.path)
        parent, name = os.path.split(os.path.abspath(folder))
        # A model_dir may have the same name, and has this file in a folder of its own.
        return parent if name == BEST_FOLDER and os.path.exists(os.path.join(folder, BEST_FILE)) else folder


def path_in(folder: str, step: int) -> str:
    """Returns the path of the checkpoint of a step in a folder."""
    return os.path.join(folder, f"{BASENAME}-{step}")


def newest_intact(model_dir: str) -> Checkpoint | None:
    """Returns the newest intact Checkpoint of a model_dir, None where there are no checkpoints at all.

    The newest is the one that TensorFlow's state file names, then the ones with the highest steps. Each damaged
    checkpoint that is skipped gets a log line.

    Raises:
      UserError: there are checkpoints and none is intact.
    """
    return _newest(model_dir, verify)


def last_saved_step(model_dir: str) -> int:
    """Returns the step in the name of the checkpoint that TensorFlow's state file names as the newest, 0 for none."""
    paths = _state(model_dir)
    return _step_in(os.path.basename(paths[-1])) if paths else 0


def has_checkpoints(model_dir: str) -> bool:
    """Returns True if there are checkpoints in a model_dir, intact or not."""
    return bool(_names(model_dir))


def verify(path: str) -> Checkpoint:
    """Returns the Checkpoint at a path, after TensorFlow has read every tensor and compared its checksum.

    Raises:
      UserError: it is damaged, a value is not finite, or Estimator did not write it; the message says what is wrong.
    """
    step = None
    try:
        _check_index(path)
        reader = tf.train.load_checkpoint(path)
        for name in sorted(reader.get_variable_to_shape_map()):
            tensor = reader.get_tensor(name)
            if np.issubdtype(tensor.dtype, np.floating) and not np.isfinite(tensor).all():
                raise UserError(f"{path} has values of {name} that are NaN or infinite: its training diverged")
            if name == tf.GraphKeys.GLOBAL_STEP:
                step = tensor
    except OSError as error:
        raise UserError(f"{path} is damaged: {error.filename} cannot be read: {error.strerror}") from error
    except (tf.errors.OpError, LookupError, ValueError, RuntimeError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise UserError(f"{path} is damaged: {reason}") from error
    if not isinstance(step, np.integer):
        raise UserError(f"{path} has no global_step, so Estimator did not write it")
    return Checkpoint(path, int(step))


def _check_index(path: str) -> None:
    """Raises ValueError unless both blocks that the index's footer names lie inside the index.

    TensorFlow's reader would abort the process otherwise.
    """
    with open(f"{path}.index", "rb") as index:
        content = index.read()
    footer = content[-_FOOTER_BYTES:]
    varints = re.findall(rb"[\x80-\xff]*[\x00-\x7f]", footer)[:4]
    numbers = [sum((byte & 127) << 7 * place for place, byte in enumerate(varint)) for varint in varints]
    blocks_end = max(sum(numbers[:2]), sum(numbers[2:])) + _BLOCK_TRAILER_BYTES
    if not footer.endswith(_MAGIC) or blocks_end > len(content) - _FOOTER_BYTES:
        raise ValueError("its index is cut off or damaged")


@contextlib.contextmanager
def snapshot(model_dir: str, wanted: str | os.PathLike[str] | int | None = None) -> Iterator[Snapshot]:
    """Yields a Snapshot, which lasts while a trainer deletes its older checkpoints.

    Args:
      wanted: a global step, or the path of a checkpoint or of one of its files, whose folder is the model_dir then;
        "best" for the best checkpoint that training kept; None for the newest intact one.

    Raises:
      UserError: there is no such checkpoint, or it is not intact.
    """
    source, name = (model_dir, None) if wanted is None else _locate(model_dir, str(wanted))
    with contextlib.ExitStack() as stack:
        with writing("the temporary folder (TMPDIR)"):
            folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="cnn_estimator-"))
            check = functools.partial(_copy, folder=folder)
            copied = _newest(source, check) if name is None else _find(source, name, check)
        if copied is None:
            raise UserError(
                f"model_dir {model_dir} holds no checkpoint", "train there first, or name another {model_dir}"
            )
        yield Snapshot(Checkpoint(os.path.join(source, copied.name), copied.step), copied)


def _newest(model_dir: str, check: Callable[[str], Checkpoint]) -> Checkpoint | None:
    """Returns check(path) of the newest checkpoint for which check raises no UserError, None where there are none."""
    while True:
        names = _names(model_dir)
        errors: list[UserError] = []
        for name in names:
            try:
                result = check(os.path.join(model_dir, name))
            except UserError as error:
                errors.append(error)
                continue
            for skipped in errors:
                log.warning("skipped a checkpoint: %s. Using %s", skipped, name)
            return result
        if not names:
            return None
        if names == _names(model_dir):  # otherwise a trainer has saved new checkpoints and deleted these
            raise UserError(
                f"model_dir {model_dir}: none of its checkpoints is intact: {'; '.join(map(str, errors))}",
                "put a copy of one back, or archive this run and start over with {fresh}",
            )


def _locate(model_dir: str, wanted: str) -> tuple[str, str]:
    """Returns (folder, name) of a checkpoint: the best one, or by its global step, its path, or one of its files."""
    if wanted == BEST:
        return os.path.join(model_dir, BEST_FOLDER), best_checkpoint(model_dir)
    if wanted.isdecimal():
        return model_dir, f"{BASENAME}-{wanted}"
    folder, file = os.path.split(os.path.expanduser(wanted))
    return folder or model_dir, re.sub(f"{_SUFFIX}$", "", file)


def _find(model_dir: str, name: str, check: Callable[[str], Checkpoint]) -> Checkpoint:
    """Returns check(path) of the checkpoint with that name."""
    path = os.path.join(model_dir, name)
    try:
        return check(path)
    except UserError:
        if os.path.exists(f"{path}.index"):  # otherwise there is none, or a trainer has just deleted it
            raise
    names = ", ".join(reversed(_names_with_files(model_dir))) or "no checkpoint"
    raise UserError(f"model_dir {model_dir} holds no checkpoint {name}: it has {names}")


def best_checkpoint(model_dir: str) -> str:
    """Returns the name of the checkpoint that best.json names.

    Raises:
      UserError: the model_dir keeps no best checkpoint, or best.json is damaged.
    """
    path = os.path.join(model_dir, BEST_FOLDER, BEST_FILE)
    content = read_if_exists(path)
    if content is None:
        raise UserError(f"model_dir {model_dir} keeps no best checkpoint", "train there with {keep_best}")
    try:
        return os.path.basename(json.loads(content)["checkpoint"])
    except (ValueError, TypeError, KeyError) as error:
        raise UserError(f"{path} is damaged", "name a checkpoint by its step or path") from error


def forget_best(model_dir: str) -> None:
    """Removes best.json, which names a checkpoint that is no longer the best."""
    with contextlib.suppress(FileNotFoundError):
        os.remove(os.path.join(model_dir, BEST_FOLDER, BEST_FILE))


def copy(path: str, copied: str) -> None:
    """Copies a checkpoint to another path. The copy has no index, and so does not exist, before it is complete."""
    for data in glob.glob(f"{glob.escape(path)}.data-*"):
        shutil.copy(data, copied + data.removeprefix(path))
    with open(f"{path}.index", "rb") as index, atomic_write(f"{copied}.index", "wb") as copied_index:
        shutil.copyfileobj(index, copied_index)


def _copy(path: str, folder: str) -> Checkpoint:
    """Copies a checkpoint into a folder, and returns the verified copy.

    Raises:
      UserError: the checkpoint is not intact, or a trainer has just deleted it.
    """
    copied = os.path.join(folder, os.path.basename(path))
    try:
        for file in (*glob.glob(f"{glob.escape(path)}.data-*"), f"{path}.index"):
            shutil.copy(file, folder)
    except OSError:
        verify(path)  # raises if the original cannot be read; otherwise the folder cannot be written
        raise
    try:
        return verify(copied)
    except UserError as error:
        raise UserError(error.problem.replace(copied, path)) from error


def rebuild_state(model_dir: str, newest: Checkpoint) -> None:
    """Makes TensorFlow's state file name the newest intact Checkpoint, and the older ones before it."""
    # With parameter servers, a checkpoint may be some steps further than its name says.
    names = [name for name in reversed(_names_with_files(model_dir)) if name != newest.name]
    older = [name for name in names if _step_in(name) < newest.step]
    paths = [*(os.path.join(model_dir, name) for name in older), newest.path]
    state = _state(model_dir)
    if state[-1:] != [newest.path]:
        log.warning("rebuilt %s from the files", os.path.join(model_dir, STATE_FILE))
    if state != paths:
        tf.train.update_checkpoint_state(model_dir, newest.path, paths)


@contextlib.contextmanager
def saving(what: str) -> Iterator[None]:
    """Does what files.writing does, and turns the errors of TensorFlow's own writers into the UserError too."""
    with writing(what):
        try:
            yield
        except tf.errors.OpError as error:
            reason = disk_error(str(error))
            if reason:
                raise cannot_be_written(what, reason) from error
            raise


def disk_error(message: str) -> str | None:
    """Returns the reason in an error message, for example "No space left on device", why a disk was not written."""
    return next((reason for reason in map(os.strerror, _DISK_ERRORS) if reason in message), None)


def sync_checkpoint(path: str) -> None:
    """Returns when the checkpoint at a path and TensorFlow's state file beside it are on the disk."""
    sync(os.path.join(os.path.dirname(path), STATE_FILE))
    sync_files(path)


def sync_files(path: str) -> None:
    """Returns when the files of the checkpoint at a path are on the disk."""
    for file in glob.glob(f"{glob.escape(path)}.*"):
        sync(file)
    sync(os.path.dirname(path))


def remove_others(folder: str, steps: Collection[int]) -> None:
    """Removes the checkpoints in a folder, except the checkpoints of these steps."""
    for file in os.listdir(folder):
        match = _FILE.fullmatch(file)
        if match and _step_in(match[1]) not in steps:
            os.remove(os.path.join(folder, file))


def remove_unfinished(model_dir: str) -> None:
    """Removes what a process leaves when it is killed while it writes. The caller holds the lock."""
    patterns = (f"{BASENAME}-*_temp", f"{BASENAME}-*.tempstate*", "*.tmp" + "[0-9a-f]" * 32, f"{UNFINISHED_PREFIX}*")
    for folder in (model_dir, os.path.join(model_dir, BEST_FOLDER)):
        for pattern in patterns:
            for path in glob.glob(os.path.join(glob.escape(folder), pattern)):
                if os.path.isdir(path):
                    shutil.rmtree(path)
                else:
                    os.remove(path)


def check_name(what: str, name: str, advice: str) -> None:
    """Raises UserError for a name under which TensorFlow does not find the checkpoints that it saves."""
    if re.search(r"[*?\[\\]", name):
        raise UserError(f"{what}: TensorFlow reads *, ?, [ and \\ as patterns", advice)


def _names(model_dir: str) -> list[str]:
    """Returns the names of all checkpoints that exist or should exist, newest first."""
    state = [os.path.basename(path) for path in reversed(_state(model_dir))]
    return list(dict.fromkeys([*state[:1], *_names_with_files(model_dir), *state]))


def _state(model_dir: str) -> list[str]:
    """Returns the paths that TensorFlow's state file names, newest last; none where it is missing or damaged."""
    try:
        state = tf.train.get_checkpoint_state(model_dir)
    except ValueError:  # the file is not UTF-8, or names no path
        return []
    if state is None:
        return []
    older = [path for path in state.all_model_checkpoint_paths if path != state.model_checkpoint_path]
    return [*older, state.model_checkpoint_path]


def _names_with_files(model_dir: str) -> list[str]:
    """Returns the names of the checkpoints that have files, the highest step first."""
    check_name(f"model_dir {model_dir!r}", model_dir, "choose another {model_dir}")
    with reading(f"model_dir {model_dir}"):
        files = os.listdir(model_dir) if os.path.isdir(model_dir) else []
    names = {match[1] for match in map(_FILE.fullmatch, files) if match}
    return sorted(names, key=_step_in, reverse=True)


def _step_in(name: str) -> int:
    """Returns the step at the end of a checkpoint's name, 0 where there is none."""
    digits = name.rpartition("-")[2]
    return int(digits) if digits.isdecimal() else 0
