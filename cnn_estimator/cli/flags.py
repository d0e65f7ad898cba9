"""Every command-line flag, declared for each verb. Imports no TensorFlow.

The flags of train follow from the options in settings.py. All flags take their rules from there.
"""

import dataclasses
from collections.abc import Iterable
from typing import Any

from absl import flags

from cnn_estimator.recipes import DEFAULT
from cnn_estimator.settings import (
    EVALUATION_BATCH_SIZE,
    HELP,
    RULES,
    SETTING_OPTIONS,
    TRAIN_OPTIONS,
    Number,
    Rule,
    Switch,
    TrainOptions,
)

# --help lists a flag under the command that defines it, not under this module.
flags.disclaim_key_flags()

FLAGS = flags.FLAGS

DEFAULT_MODEL_DIR = "/tmp/fashion"


@dataclasses.dataclass(frozen=True)
class Flag:
    """The declaration of a flag.

    Attributes:
      name: the flag is --name.
      default: its value on a command line without it.
      help: what it does, for --help and the documentation.
      rule: what its values must be; None for any text.
      several: whether it takes several values, separated by commas.
      old_name: a name that earlier versions gave the flag, which still works.
    """

    name: str
    default: Any
    help: str
    rule: Rule | None
    several: bool = False
    old_name: str | None = None

    @property
    def syntax(self) -> str:
        """What to write after --name=."""
        syntax = self.rule.syntax if self.rule else "a text"
        return f"{syntax}, or several separated by commas" if self.several else syntax


class _Parser(flags.ArgumentParser):
    """Reads values by a flag's rule, so that a flag and a Python argument are refused with the same text."""

    def __init__(self, flag: Flag, rule: Rule) -> None:
        super().__init__()
        self.syntactic_help = flag.syntax
        self._several = flag.several
        self._rule = rule

    def parse(self, argument: Any) -> Any:
        if not isinstance(argument, str):
            return argument  # the default value
        if self._several:
            return [self._rule.read(value) for value in argument.split(",")]
        return self._rule.read(argument)


class _Serializer(flags.ArgumentSerializer):
    def serialize(self, value: object) -> str:
        return serialize(value)


def serialize(value: object) -> str:
    """Returns a flag's value as the text that its parser reads."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, dict):
        return ",".join(f"{label}={name}" for label, name in value.items())
    return ",".join(map(str, value)) if isinstance(value, list) else str(value)


def define(declarations: tuple[Flag, ...]) -> None:
    """Defines the flags of a verb, with which its command line is parsed."""
    for flag in declarations:
        if flag.rule is None:
            flags.DEFINE_string(flag.name, flag.default, flag.help)
        elif isinstance(flag.rule, Switch):
            flags.DEFINE_bool(flag.name, flag.default, flag.help)
        else:
            parser = _Parser(flag, flag.rule)
            flags.DEFINE(parser, flag.name, flag.default, flag.help, serializer=_Serializer())
        if flag.old_name:
            flags.DEFINE_alias(flag.old_name, flag.name)


def flag_texts(names: Iterable[str]) -> list[str]:
    """Returns the flags of these names as a command line has them, except those that have their default value."""
    given = [FLAGS[name] for name in names if FLAGS[name].value != FLAGS[name].default]
    return [flag.serialize() for flag in given]


def _flag(name: str, default: object, help: str, *, option: str | None = None, **attributes: Any) -> Flag:
    """Returns the Flag of an option in settings.RULES, whose name is the flag's unless it is named."""
    return Flag(name, default, help, RULES[option or name], **attributes)


def _train_flag(field: dataclasses.Field[Any]) -> Flag:
    """Returns the Flag of a field of TrainOptions."""
    default = None if field.default is dataclasses.MISSING else field.default
    return _flag(field.name, default, HELP[field.name])


_PRECISION = "Precision of the arithmetic; auto is bfloat16 where the processor is faster in it."
_MODEL_DIR = _flag("model_dir", DEFAULT_MODEL_DIR, "Folder of the checkpoints and TensorBoard's event files.")
_DATA_DIR = "Folder with a folder of pictures for each class, or with the four IDX files."
_TRAINED_MODEL = (
    _MODEL_DIR,
    _flag("data_dir", None, f"{_DATA_DIR} Without it: the data of the training."),
    _flag("recipe", None, "The recipe that was trained, for a model_dir without a settings file."),
    Flag("checkpoint", None, "A global step, a checkpoint's path, or best. Without it: the newest intact one.", None),
)
_EVALUATED_PRECISION = _flag("precision", "float32", _PRECISION)


TRAIN = (
    _MODEL_DIR,
    *(_train_flag(field) for field in dataclasses.fields(TrainOptions) if field.name in TRAIN_OPTIONS),
    *(_flag(name, None, HELP[name]) for name in SETTING_OPTIONS),
)
EVAL = (
    *_TRAINED_MODEL,
    _flag("batch_size", EVALUATION_BATCH_SIZE, "Images per batch; it changes no result but for rounding."),
    _EVALUATED_PRECISION,
    Flag("plot", False, "Plot the results, in model_dir/plots and in TensorBoard.", Switch(), old_name="figures"),
)
PREDICT = (
    *_TRAINED_MODEL,
    _EVALUATED_PRECISION,
    _flag("test_indices", None, "Test images to predict; the first is 0.", several=True, old_name="test_index"),
    Flag("json", False, "Print a line of JSON for each image instead of a table.", Switch()),
    _flag("invert", "auto", "Exchange bright and dark; auto does so for images with a bright background."),
    _flag("plot", None, "The PNG file to write the images and their predictions to.", old_name="figure"),
)
SUMMARY = (
    _flag("model_dir", None, "Folder of a training run, whose network is printed."),
    _flag("recipe", None, f"The recipe whose network is printed. With neither: {DEFAULT}."),
    _flag("data_dir", None, f"{_DATA_DIR} Without it: the data of the training, or the public dataset."),
)
EXPLAIN = (
    *_TRAINED_MODEL,
    _EVALUATED_PRECISION,
    _flag("test_indices", None, "Test images to explain; the first is 0.", several=True),
    Flag("json", False, "Print a line of JSON for each image, with its heat map, instead of a table.", Switch()),
    _flag("invert", "auto", "Exchange bright and dark; auto does so for images with a bright background."),
    _flag("method", "occlusion", "How the heat maps are made; grad_cam is faster, and says less."),
    Flag("class_name", None, "The class to explain. Without it: the predicted class of each image.", None),
    _flag("plot", None, "The PNG file to write. Without it: explain.png in model_dir/plots."),
)
DEMO = (
    *_TRAINED_MODEL,
    _flag("port", 7860, "The port of the page, on this machine alone."),
)
SAMPLES = (
    _flag("data_dir", None, f"{_DATA_DIR} Without it: the public dataset, which is found or downloaded."),
    _flag("recipe", DEFAULT, "The recipe whose data is plotted."),
    _flag(
        "crop", False, "Cut the object out of the pictures in the class folders, as the training does with this flag."
    ),
    _flag("count", 20, "How many images to plot."),
    _flag("plot", "samples.png", "The PNG file to write.", old_name="figure"),
)
LR_FIND = (
    _flag("recipe", DEFAULT, "The recipe whose network and data are tried."),
    _flag("data_dir", None, f"{_DATA_DIR} Without it: the public dataset, which is found or downloaded."),
    *(_flag(name, None, HELP[name]) for name in ("crop", "optimizer", "adam_beta2", "batch_size", "augment")),
    _flag("precision", None, f"{_PRECISION} Without it: the recipe's."),
    _flag("seed", None, "Seed of weights, shuffle and dropout. Without it: a random one."),
    _flag("batches", 100, "How many batches to train on, each with a higher learning rate."),
    _flag("lowest_rate", 1e-7, "The learning rate of the first batch."),
    _flag("highest_rate", 10.0, "The learning rate of the last batch."),
    _flag("plot", "lr_find.png", "The PNG file to write."),
)
CURVES = (
    _flag("model_dir", [DEFAULT_MODEL_DIR], "Folder of a training run.", several=True),
    _flag("plot", "curves.png", "The PNG file to write.", old_name="figure"),
)
EXPORT = (
    *_TRAINED_MODEL,
    _flag("format", "saved_model", "The format to write."),
    _flag("output", None, "The new folder of a saved_model, or the new file of another format."),
)
REPRODUCE = (
    _flag("root", "/tmp/reproduce", "Folder of the results; each run has its model_dir in it."),
    _flag("data_dir", None, f"{_DATA_DIR} Without it: as the runs in the root have it, or the public datasets."),
    _flag("recipes", None, "The tutorials to repeat. Without it: all of them.", option="recipe", several=True),
    _flag("seeds", [1, 2, 3], "The seeds; each recipe is trained once with each.", option="seed", several=True),
    _flag("scale", 1.0, "The fraction of each recipe's steps to train: 0.01 is a quick rehearsal."),
    _flag("precision", None, f"{_PRECISION} Without it: as the runs in the root have it, or the recipe's."),
)
SCAN = (Flag("json", False, "Print one JSON object instead of tables.", Switch()),)
KERAS_WEIGHTS = (
    Flag("checkpoint", None, "The checkpoint of TensorFlow 1, or a model_dir, for its newest one.", None),
    Flag("model", None, "The Keras model: module:function, a function without arguments that returns it.", None),
    Flag("names", None, "A JSON file, {layer or weight of the model: scope or variable of the checkpoint}.", None),
    Flag("forget_bias", 1.0, "What the checkpoint's LSTM cells add to their forget gates.", Number(0, 100)),
    _flag("output", None, "The new .keras file."),
)
