"""Every command-line flag, defined from the declarations in settings.py. Imports no TensorFlow."""

import dataclasses
from typing import Any

from absl import flags

from cnn_estimator import settings
from cnn_estimator.recipes import DEFAULT

# --help lists a flag under the command that defines it, not under this module.
flags.disclaim_key_flags()

FLAGS = flags.FLAGS

DEFAULT_MODEL_DIR = "/tmp/fashion"
DEFAULT_ROOT = "/tmp/reproduce"
DEFAULT_EVAL_BATCH_SIZE = 500
DEFAULT_SAMPLES = 20
_PRECISION = "Precision of the arithmetic; auto is bfloat16 where the processor is faster in it."


class _Parser(flags.ArgumentParser):
    """Reads values by an option's rule, so that a flag and a Python argument are refused with one text."""

    def __init__(self, rule: settings.Rule) -> None:
        super().__init__()
        self._rule = rule
        self.syntactic_help = rule.syntax

    def parse(self, argument: object) -> Any:
        return self._rule.read(argument) if isinstance(argument, str) else self._rule.check(argument)


class _ListParser(_Parser):
    """Reads several values, separated by commas."""

    def __init__(self, rule: settings.Rule) -> None:
        super().__init__(rule)
        self.syntactic_help = f"{rule.syntax}, or several separated by commas"

    def parse(self, argument: object) -> list[Any]:
        values = argument.split(",") if isinstance(argument, str) else list(argument)  # type: ignore[call-overload]
        return [super(_ListParser, self).parse(value) for value in values]


class _Serializer(flags.ArgumentSerializer):
    """Writes a value as the text that its parser reads."""

    def serialize(self, value: object) -> str:
        if isinstance(value, dict):
            return ",".join(f"{label}={name}" for label, name in value.items())
        return ",".join(map(str, value)) if isinstance(value, list) else str(value)


def define_train() -> None:
    """Defines the flags of the verb train."""
    _define_model_dir()
    defaults = {field.name: field.default for field in dataclasses.fields(settings.TrainOptions)}
    defaults["log_tensors"] = None  # a mapping has no single default object
    for name in settings.TRAIN_OPTIONS:
        _define(name, defaults[name], settings.HELP[name])
    for name in settings.SETTING_OPTIONS:
        _define(name, None, settings.HELP[name])


def define_eval() -> None:
    """Defines the flags of the verb eval."""
    _define_trained_model()
    _define("batch_size", DEFAULT_EVAL_BATCH_SIZE, "Images per batch, which changes no result but for rounding.")
    _define("precision", "float32", _PRECISION)
    flags.DEFINE_bool("plot", False, "Plot the results: PNG files in model_dir/plots, and images for TensorBoard.")
    flags.DEFINE_alias("figures", "plot")


def define_samples() -> None:
    """Defines the flags of the verb samples."""
    _define("data_dir", None, settings.HELP["data_dir"])
    _define("recipe", DEFAULT, "The recipe with the data to plot.")
    _define("count", DEFAULT_SAMPLES, "How many images.")
    _define_plot("samples.png")


def define_curves() -> None:
    """Defines the flags of the verb curves."""
    _define("model_dir", [DEFAULT_MODEL_DIR], "Folder of a training run.", several=True)
    _define_plot("curves.png")


def define_predict() -> None:
    """Defines the flags of the verb predict."""
    _define_trained_model()
    _define("precision", "float32", _PRECISION)
    _define("test_indices", None, "Images of the test set to predict, counted from 0.", several=True)
    flags.DEFINE_alias("test_index", "test_indices")
    flags.DEFINE_bool("json", False, "Print JSON, a line per image, instead of a table.")
    _define(
        "invert",
        "auto",
        "Whether to exchange bright and dark, as a white background needs it; auto: where the image has one.",
    )
    _define_plot(None)


def define_export() -> None:
    """Defines the flags of the verb export."""
    _define_trained_model()
    _define("format", "saved_model", "The format to write.")
    _define("output", None, "A new folder for a saved_model, a new file for the other formats.")


def define_reproduce() -> None:
    """Defines the flags of the verb reproduce."""
    _define("root", DEFAULT_ROOT, "Folder of the results and of the runs, each in its own model_dir.")
    _define("data_dir", None, settings.HELP["data_dir"])
    _define("recipes", None, "The tutorials to repeat. Without it: all of them.", option="recipe", several=True)
    _define("seeds", [1, 2, 3], "The seeds, a run of each recipe with each.", option="seed", several=True)
    _define("scale", 1.0, "The fraction of each recipe's steps to train: 0.01 is a quick rehearsal.")
    _define("precision", None, f"{_PRECISION} Without it: as the runs in the root have it, or each recipe's.")


def define_doctor() -> None:
    """The verb doctor has no flags."""


def _define_model_dir() -> None:
    _define("model_dir", DEFAULT_MODEL_DIR, "Folder of the checkpoints and TensorBoard's event files.")


def _define_trained_model() -> None:
    """Defines the flags that choose a trained model."""
    _define_model_dir()
    _define("data_dir", None, settings.HELP["data_dir"])
    _define("recipe", None, "The recipe in the model_dir, where it has no settings file.")
    flags.DEFINE_string(
        "checkpoint", None, "A global step, a checkpoint's path, or best. Without it: the newest intact checkpoint."
    )


def _define_plot(default: str | None) -> None:
    _define("plot", default, "The PNG file to write.")
    flags.DEFINE_alias("figure", "plot")


def _define(name: str, default: object, help_text: str, *, option: str | None = None, several: bool = False) -> None:
    """Defines the flag of an option that settings.RULES has a rule for.

    Args:
      option: the option's name in settings.RULES; None where it is the flag's.
      several: whether the flag takes several values, separated by commas.
    """
    rule = settings.RULES[option or name]
    if isinstance(rule, settings.Switch):
        flags.DEFINE_bool(name, bool(default), help_text)
        return
    parser = _ListParser(rule) if several else _Parser(rule)
    flags.DEFINE(parser, name, default, help_text, serializer=_Serializer())
