"""The checkpoints in a model_dir: which is the newest, and is it intact."""

import contextlib
import dataclasses
import errno
import glob
import logging
import os
import re
import reprlib
import shutil
import tempfile
from collections.abc import Callable, Collection, Iterator
from typing import TypeVar

import numpy as np

from cnn_estimator.errors import UserError
from cnn_estimator.files import UNFINISHED_PREFIX, cannot_be_written, open_regular, sync, writing
from cnn_estimator.run_dir import checkpoint_index, evaluations
from cnn_estimator.tf1 import tf

log = logging.getLogger("cnn_estimator")

STATE_FILE = "checkpoint"
BASENAME = "model.ckpt"
BEST = "best"  # instead of a step: the one with the highest validation accuracy
PATTERN_CHARACTERS = {*"*?[\\"}  # TensorFlow reads a path with one of them as a pattern
_SUFFIX = r"\.(?:index|meta|data-\d+-of-\d+)"  # of the files of one checkpoint
_FILE = re.compile(rf"({re.escape(BASENAME)}-\d+){_SUFFIX}")
_MAX_DIGITS = 19  # of a global step, which is an int64
_MAX_NAME = 255  # characters that a file's name may have
_MAX_STATE_BYTES = 2**26

# TensorFlow's messages end with one of these reasons. Its error classes say less: a file that grows too large is an
# OutOfRangeError, as the end of the data is.
_DISK_REASONS = [
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
    """path: the prefix of its files. step: the global step at which it was saved."""

    path: str
    step: int

    @property
    def name(self) -> str:
        return os.path.basename(self.path)


def newest_intact(model_dir: str) -> Checkpoint | None:
    """Returns the newest intact Checkpoint of a model_dir, None where there are no checkpoints at all.

    The newest is the one that TensorFlow's state file names, then those with the highest steps. Each one that is
    skipped because of damage gets a log line.

    Raises:
      UserError: there are checkpoints and none is intact.
    """
    return _newest(model_dir, verify)


def complete_steps(model_dir: str) -> list[int]:
    """Returns the steps of the checkpoints that TensorFlow's state file names: those that are complete, in order."""
    return sorted({_number(os.path.basename(path)) for path in _state(model_dir)})


def reached_step(model_dir: str) -> int | None:
    """Returns the global step in the newest complete checkpoint, None where there is none.

    Where several tasks train, it may be a few higher than the checkpoint's name says.
    """
    steps = complete_steps(model_dir)
    if not steps:
        return None
    try:
        return verify(os.path.join(model_dir, f"{BASENAME}-{steps[-1]}")).step
    except UserError:  # deleted meanwhile, or damaged
        return steps[-1]


def has_checkpoints(model_dir: str) -> bool:
    """Returns whether there are checkpoints in a model_dir, intact or not."""
    return bool(_names(model_dir))


def verify(path: str) -> Checkpoint:
    """Returns the Checkpoint at a path once its index and the checksum of every tensor have been read.

    Raises:
      UserError: it is damaged, or not Estimator's; the message says what is wrong.
    """
    step = None
    try:
        names = checkpoint_index.read_names(path)
        reader = tf.train.load_checkpoint(path)
        for name in names:
            tensor = reader.get_tensor(name)  # which compares it with its CRC
            if name == tf.GraphKeys.GLOBAL_STEP:
                step = tensor
    except FileNotFoundError as error:
        raise UserError(f"{error.filename} is missing") from error
    except OSError as error:
        raise UserError(f"{path} is damaged: {error.filename} cannot be read: {error.strerror}") from error
    except (tf.errors.OpError, LookupError, ValueError, RuntimeError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise UserError(f"{path} is damaged: {reason}") from error
    if not isinstance(step, np.integer):
        raise UserError(f"{path} has no global_step, so Estimator did not write it")
    return Checkpoint(path, int(step))


@dataclasses.dataclass(frozen=True)
class Snapshot:
    """A verified copy of a checkpoint. original: the Checkpoint in its model_dir. copy: the one in a temporary folder.
    model_dir: the folder of the original, or the one that keeps it as its best."""

    original: Checkpoint
    copy: Checkpoint

    @property
    def model_dir(self) -> str:
        folder = os.path.dirname(self.original.path)
        parent, name = os.path.split(os.path.abspath(folder))
        return parent if name == evaluations.BEST_FOLDER else folder

    @property
    def step(self) -> int:
        return self.copy.step


_Found = TypeVar("_Found", Checkpoint, Snapshot)


@contextlib.contextmanager
def snapshot(model_dir: str, wanted: str | os.PathLike[str] | int | None = None) -> Iterator[Snapshot]:
    """Yields a Snapshot, which lasts while a trainer deletes its older checkpoints.

    Args:
      wanted: a global step, or the path of a checkpoint or of one of its files, whose folder then is the model_dir;
        "best" for the one that training kept as its best; None for the newest intact one.

    Raises:
      UserError: there is no such checkpoint, or it is not intact.
    """
    with contextlib.ExitStack() as stack:
        with writing("temporary folder"):  # there may be none
            temporary = tempfile.gettempdir()
        check_name(f"temporary folder {temporary!r}", temporary, "set TMPDIR to another one")
        with writing(f"temporary folder {temporary}"):
            folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="cnn_estimator-"))

            def take(path: str) -> Snapshot:
                return copy(path, folder)

            taken = _newest(model_dir, take) if wanted is None else _find(*_locate(model_dir, str(wanted)), take)
        if taken is None:
            raise UserError(
                f"model_dir {model_dir} holds no checkpoint", "train there first, or name another {model_dir}"
            )
        yield taken


def _newest(model_dir: str, take: Callable[[str], _Found]) -> _Found | None:
    """Returns take(path) of the newest checkpoint for which that raises no UserError; None where there are none."""
    while True:
        names = _names(model_dir)
        errors: list[UserError] = []
        for name in names:
            try:
                if len(name) > _MAX_NAME or "\0" in name:  # the state file may name anything
                    raise UserError(f"{os.path.join(model_dir, STATE_FILE)} names {reprlib.repr(name)}")
                taken = take(os.path.join(model_dir, name))
            except UserError as error:
                errors.append(error)
                continue
            for skipped in errors:
                log.warning("%s, skipped: %s is used", skipped, name)
            for other in names[len(errors) + 1 :]:
                if _number(other) > taken.step:
                    log.warning("%s exists, but %s names %s", other, os.path.join(model_dir, STATE_FILE), name)
            return taken
        if not names:
            return None
        if names == _names(model_dir):  # otherwise a trainer has saved new ones and deleted these meanwhile
            raise UserError(
                f"model_dir {model_dir}: none of its checkpoints is intact: {'; '.join(map(str, errors))}",
                "put a copy of one back, or archive this run and start over with {fresh}",
            )


def _locate(model_dir: str, wanted: str) -> tuple[str, str]:
    """Returns (folder, name) of a checkpoint that is named by its global step, its path, one of its files, or as the
    best."""
    if wanted == BEST:
        return os.path.join(model_dir, evaluations.BEST_FOLDER), evaluations.best_checkpoint(model_dir)
    if wanted.isdecimal():
        return model_dir, f"{BASENAME}-{wanted}"
    folder, file = os.path.split(os.path.expanduser(wanted))
    return folder or model_dir, re.sub(f"{_SUFFIX}$", "", file)


def _find(model_dir: str, name: str, take: Callable[[str], Snapshot]) -> Snapshot:
    """Returns take(path) of one checkpoint, by its name."""
    _refuse_model_dir(model_dir)
    path = os.path.join(model_dir, name)
    if os.path.exists(f"{path}.index"):
        check_name(f"checkpoint {name!r}", name, "rename its files")
        try:
            return take(path)
        except UserError:
            if os.path.exists(f"{path}.index"):  # otherwise a trainer has deleted it meanwhile
                raise
    found = ", ".join(reversed(_numbered(model_dir))) or "no checkpoint"
    raise UserError(f"model_dir {model_dir} holds no checkpoint {name}: it has {found}")


def copy(path: str, folder: str) -> Snapshot:
    """Copies a checkpoint into a folder and verifies the copy; raises UserError where it is not intact, or was deleted
    meanwhile."""
    copied = os.path.join(folder, os.path.basename(path))
    try:
        # The index last: a copy that has it is complete.
        for file in (*glob.glob(f"{glob.escape(path)}.data-*"), f"{path}.index"):
            _copy_file(file, folder)
    except FileNotFoundError as error:
        raise UserError(f"{error.filename} is missing") from error
    except OSError:
        verify(path)  # raises if the original cannot be read: otherwise it is the folder that cannot be written
        raise
    try:
        verified = verify(copied)
    except UserError as error:
        raise UserError(error.problem.replace(copied, path)) from error
    return Snapshot(Checkpoint(path, verified.step), verified)


def _copy_file(path: str, folder: str) -> None:
    with open_regular(path) as file, open(os.path.join(folder, os.path.basename(path)), "wb") as copy:
        shutil.copyfileobj(file, copy)


def rebuild_state(model_dir: str, newest: Checkpoint) -> None:
    """Makes TensorFlow's state file name the newest intact Checkpoint, and those before it, if it does not."""
    # Where several tasks train, a checkpoint may be some steps further than its name says.
    names = [name for name in reversed(_numbered(model_dir)) if name != newest.name]
    older = [name for name in names if _number(name) < newest.step]
    paths = [*(os.path.join(model_dir, name) for name in older), newest.path]
    state = _state(model_dir)
    if state[-1:] != [newest.path]:
        log.warning("%s: rebuilt from the files", os.path.join(model_dir, STATE_FILE))
    if state != paths:
        tf.train.update_checkpoint_state(model_dir, newest.path, paths)


@contextlib.contextmanager
def saving(what: str) -> Iterator[None]:
    """files.writing for what TensorFlow writes: its own errors become the UserError too."""
    with writing(what):
        try:
            yield
        except tf.errors.OpError as error:
            for reason in _DISK_REASONS:
                if reason in str(error):
                    raise cannot_be_written(what, reason) from error
            raise


def sync_checkpoint(model_dir: str, step: int) -> None:
    """Returns when the checkpoint of a step and TensorFlow's state file have reached the disk."""
    sync(os.path.join(model_dir, STATE_FILE))
    sync_files(os.path.join(model_dir, f"{BASENAME}-{step}"))


def sync_files(path: str) -> None:
    """Returns when the files of the checkpoint at a path have reached the disk."""
    for file in glob.glob(f"{glob.escape(path)}.*"):
        sync(file)
    sync(os.path.dirname(path))


def last_saved_step(model_dir: str) -> int:
    """Returns the highest step of the checkpoints in a model_dir, intact or not; 0 where there are none."""
    return max(map(_number, _numbered(model_dir)), default=0)


def remove_others(folder: str, steps: Collection[int]) -> None:
    """Removes the checkpoints in a folder whose steps are not among those given."""
    for file in os.listdir(folder):
        if (found := _FILE.fullmatch(file)) and _number(found[1]) not in steps:
            os.remove(os.path.join(folder, file))


def remove_unfinished(model_dir: str) -> None:
    """Removes what a process leaves when it is killed while it writes. Only for whoever holds the lock."""
    patterns = (f"{BASENAME}-*_temp", f"{BASENAME}-*.tempstate*", "*.tmp" + "[0-9a-f]" * 32, f"{UNFINISHED_PREFIX}*")
    for folder in (model_dir, os.path.join(model_dir, evaluations.BEST_FOLDER)):
        for path in (found for pattern in patterns for found in glob.glob(os.path.join(glob.escape(folder), pattern))):
            if os.path.isdir(path):
                shutil.rmtree(path)
            else:
                os.remove(path)


def _refuse_model_dir(model_dir: str) -> None:
    check_name(f"model_dir {model_dir!r}", model_dir, "choose another {model_dir}")


def check_name(what: str, name: str, advice: str) -> None:
    """Raises UserError for names under which TensorFlow saves checkpoints that it does not find again, or none."""
    if PATTERN_CHARACTERS & {*name}:
        raise UserError(f"{what}: TensorFlow reads *, ?, [ and \\ as patterns", advice)
    if name != name.encode(errors="replace").decode():
        raise UserError(f"{what}: TensorFlow needs names in UTF-8", advice)


def _names(model_dir: str) -> list[str]:
    """Returns the names of all checkpoints that exist or should exist, newest first."""
    _refuse_model_dir(model_dir)
    state = [os.path.basename(path) for path in reversed(_state(model_dir))]
    return list(dict.fromkeys([*state[:1], *_numbered(model_dir), *state]))


def _state(model_dir: str) -> list[str]:
    """Returns the paths that TensorFlow's state file names, newest last; none where it is missing or damaged."""
    path = os.path.join(model_dir, STATE_FILE)
    try:
        with open_regular(path) as file:
            if os.fstat(file.fileno()).st_size > _MAX_STATE_BYTES:
                return []
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror}", "fix that, or remove it") from error
    try:
        state = tf.train.get_checkpoint_state(model_dir)
    except ValueError:  # not UTF-8, or no path in it
        return []
    if state is None:
        return []
    older = [path for path in state.all_model_checkpoint_paths if path != state.model_checkpoint_path]
    return [*older, state.model_checkpoint_path]


def _numbered(model_dir: str) -> list[str]:
    """Returns the names of the checkpoints that have files, the highest step first."""
    try:
        files = os.listdir(model_dir) if os.path.isdir(model_dir) else []
    except OSError as error:
        raise UserError(f"model_dir {model_dir} cannot be read: {error.strerror}") from error
    names = {found[1] for found in map(_FILE.fullmatch, files) if found}
    return sorted(names, key=_number, reverse=True)


def _number(name: str) -> int:
    number = name.rpartition("-")[2]
    return int(number) if number.isdecimal() and len(number) <= _MAX_DIGITS else 0
