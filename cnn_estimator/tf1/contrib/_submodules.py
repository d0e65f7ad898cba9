"""The submodules of tf.contrib's parts, such as tensorflow.contrib.rnn.python.ops.core_rnn_cell.

TensorFlow 2 lacks these files. Programs import them mostly for names that the part itself has. So each submodule has
the names of the modules that replaced it, and the names of its part.
"""

import importlib
from types import ModuleType

from cnn_estimator.tf1.aliases import keras_package
from cnn_estimator.tf1.unavailable import Unavailable, public_names

_KERAS = f"{keras_package()}.api._v1.keras"
_PREPROCESSING = "cnn_estimator.tf1.contrib.learn.preprocessing"
_ESTIMATOR = "tensorflow_estimator.python.estimator"
# Folders and files that moved: {path inside tf.contrib: modules}.
_MOVED = {
    "data.python.ops": ("tensorflow.python.data.experimental.ops", "tensorflow.python.data.ops"),
    "distribute.python": ("tensorflow.python.distribute",),
    "estimator.python.estimator": (_ESTIMATOR,),
    "framework.python.ops": ("tf_slim.ops",),
    "framework.python.ops.audio_ops": ("tensorflow.python.ops.gen_audio_ops",),
    "keras": (_KERAS,),
    "keras.api.keras": (_KERAS,),
    "keras.python.keras": (_KERAS,),
    "layers.python.layers": ("tf_slim.layers",),
    "learn.python.learn.preprocessing.categorical_vocabulary": (_PREPROCESSING,),
    "learn.python.learn.preprocessing.text": (_PREPROCESSING,),
    "losses.python.losses": ("tf_slim.losses",),
    "losses.python.metric_learning": ("tf_slim.losses",),
    "metrics.python.ops": ("tf_slim.metrics",),
    "slim.nets": ("tf_slim.nets",),
    "slim.python.slim": ("tf_slim",),
    "tensorboard.plugins": ("tensorboard.plugins",),
    "tpu.python.tpu": (f"{_ESTIMATOR}.tpu", "tensorflow.python.tpu"),
    "training.python.training": ("tf_slim.training",),
}


class _Submodule(ModuleType):
    """A submodule of a part of tf.contrib.

    An unknown name in it is another submodule, so that `from … import name` finds files as well as functions. A
    submodule that is called is an error: the program took it for a function.
    """

    _part: ModuleType

    def __init__(self, name: str, sources: list[ModuleType], part: ModuleType) -> None:
        """name: the full name; sources: modules whose names it gets. Earlier sources have precedence."""
        super().__init__(name)
        vars(self)["_part"] = part
        self.__path__: list[str] = []
        for module in reversed(sources):
            for key, value in vars(module).items():
                if not key.startswith("__"):
                    setattr(self, key, value)

    def __setattr__(self, name: str, value: object) -> None:
        """Keeps a function where Python would put the file of the same name, such as arg_scope."""
        if isinstance(value, ModuleType):
            before = vars(self).get(name, getattr(self._part, name, None))
            if not isinstance(before, ModuleType | Unavailable | None):
                return
        super().__setattr__(name, value)

    def __getattr__(self, name: str) -> object:
        if name == "__all__":
            return sorted({*public_names(self), *public_names(self._part)})
        if name.startswith("__"):  # Python's own look-ups, such as __wrapped__
            raise AttributeError(f"module {self.__name__!r} has no attribute {name!r}")
        if hasattr(self._part, name):
            return getattr(self._part, name)
        return importlib.import_module(f"{self.__name__}.{name}")

    def __call__(self, *args: object, **kwargs: object) -> object:
        instead = f"use the names of {self._part.__name__.replace('cnn_estimator.tf1', 'tf')}"
        return Unavailable(self.__name__.replace("tensorflow", "tf", 1), instead)()

    def __mro_entries__(self, bases: tuple[object, ...]) -> object:
        return self()


def _import_if_exists(name: str) -> ModuleType | None:
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name and name.startswith(error.name):
            return None
        raise


def find(part: ModuleType, package: str, path: str) -> ModuleType:
    """Returns a submodule of a part.

    Args:
      package: the package that has modules for the parts.
      path: the submodule's path inside tf.contrib, such as rnn.python.ops.
    """
    name, *inner = path.split(".")
    inner = inner[1:] if inner[0] == "python" else inner
    inner = inner[1:] if inner[:1] == [name] else inner  # learn.python.learn.utils is utils of the part learn
    names = [".".join([package, name, *inner])] if inner else []
    for folder, targets in _MOVED.items():
        if f"{path}.".startswith(f"{folder}."):
            names += [target + path[len(folder) :] for target in targets]
    sources = [module for module in map(_import_if_exists, names) if module]
    return _Submodule(f"tensorflow.contrib.{path}", sources, part)
