"""Every option, declared once: its type, its rule, its default and its help text. Imports no TensorFlow.

A field of Hyperparameters, Settings or TrainOptions is an option of `train`. Its flag, its check, its line in the
settings file and in the log follow from the declaration. The options of the other verbs are in OTHER_OPTIONS.
"""

import dataclasses
import difflib
import math
import numbers
import os
import re
import reprlib
from collections.abc import Iterable, Mapping
from typing import Annotated, Any, ClassVar, get_type_hints

from cnn_estimator.errors import UserError
from cnn_estimator.hardware import MAX_THREADS, PRECISIONS, available_threads
from cnn_estimator.recipes import DEFAULT, RECIPES, Recipe

OPTIMIZERS = ("adam", "sgd", "momentum")
SCHEDULES = ("constant", "linear", "cosine", "one_cycle")
AUGMENTATIONS = ("none", "flips", "shifts", "flips_and_shifts")
STRATEGIES = ("mirrored", "multi_worker")
EXPORT_FORMATS = ("saved_model", "tflite", "keras", "onnx")

MAX_BATCH_SIZE = 60_000  # the whole of a public training set
EVALUATION_BATCH_SIZE = 500  # the fastest for most networks; it changes the loss by no more than rounding
MAX_IMAGES = 10**9
MAX_SEED = 2**31 - 1  # TensorFlow takes a graph's seed modulo this number
MIN_LEARNING_RATE = 1.2e-38  # float32 holds little less
MAX_LEARNING_RATE = 3.4e38  # float32 holds little more
MAX_DECAY = 0.99999
MAX_STEPS = 10**9  # a year and a half at 20 steps a second
MAX_EPOCHS = 10_000  # of 60,000 single images they are fewer steps than MAX_STEPS
MAX_CLASS_NAME_LENGTH = 40
MAX_CLASSES = 1000


class Rule:
    """What an option's values must be."""

    @property
    def syntax(self) -> str:
        """What to write, for the help text of a flag."""
        raise NotImplementedError

    def check(self, value: object) -> Any:
        """Returns the value as this package uses it; raises ValueError, with the reason, for a value that breaks it."""
        raise NotImplementedError

    def read(self, text: str) -> Any:
        """Returns what check() returns, for the text on a command line."""
        return self.check(text)


@dataclasses.dataclass(frozen=True)
class Choice(Rule):
    """One of several names."""

    names: tuple[str, ...]

    @property
    def syntax(self) -> str:
        return f"one of {', '.join(self.names)}"

    def check(self, value: object) -> str:
        if value not in self.names:
            raise ValueError(f"no such name, {suggestion(str(value), self.names)}")
        return value


@dataclasses.dataclass(frozen=True)
class Number(Rule):
    """A real number within bounds, also one of NumPy's."""

    min: float
    max: float
    _type: ClassVar[Any] = float
    _accepted: ClassVar[type] = numbers.Real

    @property
    def syntax(self) -> str:
        return f"a number from {self.min:g} to {self.max:g}"

    def check(self, value: object) -> Any:
        number: Any = value if isinstance(value, self._accepted) and not isinstance(value, bool) else math.nan
        if not self.min <= number <= self.max:
            raise ValueError(f"not {self.syntax}")
        return self._type(number)

    def read(self, text: str) -> Any:
        try:
            number = self._type(text)
        except ValueError:
            number = math.nan
        return self.check(number)


@dataclasses.dataclass(frozen=True)
class Integer(Number):
    """An integer within bounds, also one of NumPy's."""

    _type = int
    _accepted = numbers.Integral

    @property
    def syntax(self) -> str:
        return f"an integer from {self.min} to {self.max}"


@dataclasses.dataclass(frozen=True)
class Switch(Rule):
    """True or False."""

    syntax = "true or false"  # type: ignore[assignment]

    def check(self, value: object) -> bool:
        if not isinstance(value, bool):
            raise ValueError("not True or False")
        return value


@dataclasses.dataclass(frozen=True)
class Path(Rule):
    """A path of a local file or folder, which TensorFlow can open.

    Attributes:
      folder: whether something else than a folder is refused there.
      suffix: what the name must end with.
    """

    folder: bool = False
    suffix: str = ""

    @property
    def syntax(self) -> str:
        if self.folder:
            return "a folder"
        return f"a file, NAME{self.suffix}" if self.suffix else "a path"

    def check(self, value: object) -> str:
        path = os.fspath(value) if isinstance(value, os.PathLike) else value
        if not isinstance(path, str) or not path or "\0" in path:
            raise ValueError("not a path")
        if path != path.encode(errors="replace").decode():
            raise ValueError("not UTF-8, which TensorFlow needs")
        scheme = re.match(r"[A-Za-z][A-Za-z0-9+.-]*://", path)
        if scheme:
            raise ValueError(f"paths that begin with {scheme[0]} are not supported, name a local one")
        if not path.endswith(self.suffix):
            raise ValueError(f"name it NAME{self.suffix}")
        if self.folder and os.path.exists(path) and not os.path.isdir(path):
            raise ValueError("a file, name a folder")
        return path

    def read(self, text: str) -> str:
        return self.check(os.path.expanduser(text))  # the shell does not do that after a =


@dataclasses.dataclass(frozen=True)
class ClassNames(Rule):
    """The names of the classes."""

    syntax = f"2 to {MAX_CLASSES} different names"  # type: ignore[assignment]

    def check(self, value: object) -> tuple[str, ...]:
        names = tuple(value) if isinstance(value, list | tuple) else ()
        different = {name for name in names if isinstance(name, str)}
        if len(different) != len(names) or not 2 <= len(names) <= MAX_CLASSES:
            raise ValueError(f"not 2 to {MAX_CLASSES} different class names")
        for name in names:
            if not name.isprintable() or not 1 <= len(name) <= MAX_CLASS_NAME_LENGTH:
                raise ValueError(f"a class name must have 1 to {MAX_CLASS_NAME_LENGTH} printable characters")
        return names


@dataclasses.dataclass(frozen=True)
class Tensors(Rule):
    """{label: name of a tensor}, or LABEL=TENSOR texts on a command line."""

    syntax = "LABEL=TENSOR, or several separated by commas"  # type: ignore[assignment]

    def check(self, value: object) -> dict[str, str]:
        if not isinstance(value, Mapping):
            raise ValueError("not {label: tensor name}")
        for label in ("accuracy", "loss", "step"):
            if label in value:
                raise ValueError(f"the line has a {label!r} already, choose another label")
        return dict(value)

    def read(self, text: str) -> dict[str, str]:
        tensors: dict[str, str] = {}
        for pair in text.split(",") if text else ():
            label, equals, name = pair.strip().partition("=")
            if not (label and equals and name):
                raise ValueError(f"{pair!r} is not LABEL=TENSOR: try probabilities=softmax_tensor")
            if label in tensors:
                raise ValueError(f"the line has a {label!r} already, choose another label")
            tensors[label] = name
        return self.check(tensors)


def suggestion(name: str, names: Iterable[str]) -> str:
    """Returns advice for an unknown name: the closest match, or all names."""
    names = list(names)
    matches = difflib.get_close_matches(name, names, n=1)
    return f"did you mean {matches[0]}?" if matches else f"choose one of {', '.join(names)}"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Hyperparameters:
    """What a recipe chooses and a run may override."""

    optimizer: Annotated[str, Choice(OPTIMIZERS), "The optimizer. Without it: the recipe's."] = "adam"
    learning_rate: Annotated[
        float,
        Number(MIN_LEARNING_RATE, MAX_LEARNING_RATE),
        "The learning rate, or its peak under a schedule. Without it: the recipe's.",
    ] = 0.001
    adam_beta2: Annotated[
        float,
        Number(0, MAX_DECAY),
        "Decay of Adam's moving averages of squared gradients; other optimizers have none. Without it: the recipe's.",
    ] = 0.999
    batch_size: Annotated[int, Integer(1, MAX_BATCH_SIZE), "Images per batch. Without it: the recipe's."] = 100
    schedule: Annotated[
        str, Choice(SCHEDULES), "How the learning rate falls from its peak to 0. Without it: the recipe's."
    ] = "constant"
    warmup_steps: Annotated[
        int, Integer(0, MAX_STEPS), "Steps in which the learning rate rises from 0. Without it: the recipe's."
    ] = 0
    augment: Annotated[
        str, Choice(AUGMENTATIONS), "Random changes of the training images. Without it: the recipe's."
    ] = "none"
    average_decay: Annotated[
        float,
        Number(0, MAX_DECAY),
        "Decay of the weights' moving averages, which evaluation then uses; 0 for none. Without it: the recipe's.",
    ] = 0.0


@dataclasses.dataclass(frozen=True, kw_only=True)
class Settings(Hyperparameters):
    """What a run trains and how: a recipe with its overrides. The `params` of model_fn, kept in the model_dir.

    Attributes:
      precision: of the arithmetic; variables are float32 in any case.
      schedule_steps: the step at which the schedule ends; None where the learning rate is constant.
      validation: the number of training images that are held out; the seed chooses them.
      data_dir: see data.datasets.load.
      crop: see data.datasets.load; prediction reads image files in the same way.
      init_from: the model_dir of another run, whose weights this run began with.
      class_names: 2 to 1,000 str, the names of the classes.

    Raises:
      UserError: a value breaks its rule; the message names the field.
    """

    recipe: Annotated[str, Choice(tuple(RECIPES))]
    seed: Annotated[
        int,
        Integer(0, MAX_SEED),
        "Seed of weights, shuffle and dropout. Without it: the seed of the run in the model_dir, or a random one.",
    ]
    threads: Annotated[
        int,
        Integer(1, MAX_THREADS),
        "Threads that share an operation; the bits of the result depend on it. Without it: as the run in the model_dir "
        "has it, or one for each CPU.",
    ]
    precision: Annotated[
        str,
        Choice(PRECISIONS),
        "Precision of the arithmetic; auto is bfloat16 where the processor is faster in it. Without it: as the run in "
        "the model_dir has it, or the recipe's.",
    ] = "float32"
    schedule_steps: Annotated[
        int | None,
        Integer(1, MAX_STEPS),
        "Step at which the schedule ends. Without it: as the run in the model_dir has it, or the step to train to.",
    ] = None
    validation: Annotated[
        int,
        Integer(0, MAX_IMAGES),
        "Training images to hold out for evaluation while training. Without it: as the run in the model_dir has it, "
        "or 0.",
    ] = 0
    data_dir: Annotated[
        str | None,
        Path(folder=True),
        "Folder with a folder of pictures for each class, or with the four IDX files. Without it: as the run in the "
        "model_dir has it, or the public dataset, which is found or downloaded.",
    ] = None
    crop: Annotated[
        bool,
        Switch(),
        "Cut the object out of pictures, in training and in prediction. Without it: as the run in the model_dir has "
        "it, or true except for folders of pictures.",
    ] = True
    init_from: Annotated[
        str | None,
        Path(folder=True),
        "Begin a new run with the trained weights of the run in this model_dir, or of its folder best/.",
    ] = None
    class_names: Annotated[tuple[str, ...], ClassNames()]

    def __post_init__(self) -> None:
        _check_fields(self)
        if self.falls_to_zero and self.schedule_steps is None:
            raise UserError(f"schedule {self.schedule} has no end", "say with {schedule_steps} where it ends")

    @property
    def falls_to_zero(self) -> bool:
        """Whether the learning rate ends at 0, at the global step schedule_steps: with every schedule but constant."""
        return self.schedule != "constant"

    @property
    def dataset(self) -> str:
        return RECIPES[self.recipe].dataset

    @property
    def network(self) -> str:
        return RECIPES[self.recipe].network

    @property
    def classes(self) -> int:
        """The number of classes."""
        return len(self.class_names)

    def overrides(self) -> dict[str, Any]:
        """Returns {name: value} of the hyperparameters that differ from the recipe's."""
        recipe = hyperparameters(RECIPES[self.recipe])
        return {name: value for name, value, _ in self.differences(recipe, HYPERPARAMETERS)}

    def differences(self, other: Hyperparameters, names: Iterable[str]) -> list[tuple[str, Any, Any]]:
        """Returns [(name, value here, value in other)] of the names whose values differ."""
        rows = [(name, getattr(self, name), getattr(other, name)) for name in names]
        return [row for row in rows if row[1] != row[2]]

    def __str__(self) -> str:
        overrides = ", ".join(f"{name}={value}" for name, value in self.overrides().items())
        values = ", ".join(
            f"{field.name} {getattr(self, field.name)}"
            for field in dataclasses.fields(self)
            if field.name not in _NEVER_LOGGED
            and (field.name in _ALWAYS_LOGGED or getattr(self, field.name) != field.default)
        )
        return f"recipe {self.recipe}{overrides and ' with ' + overrides}: network {self.network}, {values}"


@dataclasses.dataclass(frozen=True, kw_only=True)
class TrainOptions:
    """What the caller of train() chooses for one call.

    Attributes:
      overrides: {setting: value} of the settings that the caller chose.

    Raises:
      UserError: a value breaks its rule, or two options exclude each other.
    """

    recipe: Annotated[str, Choice(tuple(RECIPES)), "The tutorial to repeat."] = DEFAULT
    steps: Annotated[int | None, Integer(1, MAX_STEPS), "Steps to train, counted from the newest checkpoint."] = None
    epochs: Annotated[
        int | None,
        Integer(1, MAX_EPOCHS),
        "Steps to train, as passes over the training images that are not held out, counted from the newest checkpoint.",
    ] = None
    max_steps: Annotated[
        int | None,
        Integer(1, MAX_STEPS),
        "Global step to train to. Without steps, epochs and max_steps: the recipe's total.",
    ] = None
    fresh: Annotated[
        bool, Switch(), "Start over: the run in the model_dir is archived as model_dir.1, model_dir.2 and so on."
    ] = False
    log_every: Annotated[
        int, Integer(1, MAX_STEPS), "Steps between two log lines and between two points of TensorBoard's curves."
    ] = 50
    log_tensors: Annotated[
        Mapping[str, str], Tensors(), "More tensors to log, for example probabilities=softmax_tensor."
    ] = dataclasses.field(default_factory=dict)
    histograms: Annotated[
        bool, Switch(), "Write histograms of the weights for TensorBoard, at every point of its curves."
    ] = False
    save_every: Annotated[
        int, Integer(1, MAX_STEPS), "Steps between two checkpoints; one more is written at the end."
    ] = 500
    save_minutes: Annotated[
        float | None, Number(0.001, 10**6), "Save also when this many minutes have passed since the last checkpoint."
    ] = None
    keep_checkpoints: Annotated[
        int, Integer(1, 10**6), "How many checkpoints to keep: an older one is deleted when a new one is written."
    ] = 5
    eval_every: Annotated[
        int | None,
        Integer(1, MAX_STEPS),
        "Steps between two evaluations while training; the last step is evaluated too.",
    ] = None
    eval_on_test: Annotated[bool, Switch(), "Evaluate on the test set while training, for the curves alone."] = False
    keep_best: Annotated[
        bool, Switch(), "From now on, keep the checkpoint with the highest validation accuracy, in model_dir/best."
    ] = False
    early_stopping: Annotated[
        int | None,
        Integer(1, MAX_STEPS),
        "Stop after this many evaluations in a row without a higher validation accuracy.",
    ] = None
    strategy: Annotated[
        str | None,
        Choice(STRATEGIES),
        "How to share each batch: mirrored, among devices of this machine; multi_worker, among the tasks in TF_CONFIG.",
    ] = None
    devices: Annotated[
        int | None,
        Integer(1, 64),
        "How many devices mirrored uses: GPUs, or parts of the CPU where there is no GPU. Without it: every GPU.",
    ] = None
    cluster_timeout: Annotated[int, Integer(1, 86400), "Seconds that the tasks of a cluster wait for each other."] = 300
    overrides: Mapping[str, Any] = dataclasses.field(default_factory=dict)

    def __post_init__(self) -> None:
        _check_fields(self)
        object.__setattr__(self, "overrides", {name: check(name, value) for name, value in self.overrides.items()})
        ends = given(steps=self.steps, epochs=self.epochs, max_steps=self.max_steps)
        if len(ends) > 1:
            named = " and ".join(f"{name} {value}" for name, value in ends.items())
            raise UserError(f"{named} exclude each other", "give one")
        for name in ("eval_on_test", "keep_best", "early_stopping"):
            if getattr(self, name) and self.eval_every is None:
                raise UserError(f"{name} needs evaluations while training", "say with {eval_every} how often")

    def check_held_out(self, images: int) -> None:
        """Raises UserError unless the evaluations while training can be made with that many images held out."""
        if self.eval_every is None or images:
            return
        if self.keep_best or self.early_stopping:
            raise UserError(
                f"{'keep_best' if self.keep_best else 'early_stopping'} chooses by images that are neither trained on "
                "nor tested with, and none are held out",
                "hold some out with {validation}, 5000 for example",
            )
        if not self.eval_on_test:
            raise UserError(
                f"eval_every {self.eval_every}: no images are held out to evaluate on",
                "hold some out with {validation}, 5000 for example, or name {eval_on_test}",
            )


@dataclasses.dataclass(frozen=True, kw_only=True)
class Start:
    """Where a call of train() begins, and where it is to end.

    Attributes:
      settings: what is trained, and how.
      checkpoint: the name of the checkpoint to continue from; None for a new run.
      initial: whether that checkpoint is yet to be written, with the weights of settings.init_from.
      first_step, max_steps: the global steps to begin after and to train to.
      stopped_early: whether early_stopping has ended the run.
    """

    settings: Settings
    checkpoint: str | None
    first_step: int
    max_steps: int
    initial: bool = False
    stopped_early: bool = False

    @property
    def finished(self) -> bool:
        """Whether there is nothing to train."""
        return self.first_step >= self.max_steps or self.stopped_early


def _declared(options: type) -> dict[str, tuple[Any, ...]]:
    """Returns {field: (rule, help text)} of a dataclass; a field without a flag has no help text."""
    hints = get_type_hints(options, include_extras=True)
    return {name: hint.__metadata__ for name, hint in hints.items() if hasattr(hint, "__metadata__")}


_ALWAYS_LOGGED = ("optimizer", "learning_rate", "batch_size")
_NEVER_LOGGED = ("recipe", "data_dir", "class_names")  # the recipe begins the line
HYPERPARAMETERS = tuple(field.name for field in dataclasses.fields(Hyperparameters))
SETTINGS = tuple(_declared(Settings))
TRAIN_OPTIONS = tuple(_declared(TrainOptions))
# The settings that the caller of train() may choose, beside TRAIN_OPTIONS.
SETTING_OPTIONS = tuple(name for name, metadata in _declared(Settings).items() if len(metadata) > 1)
OTHER_OPTIONS: dict[str, Rule] = {
    "model_dir": Path(folder=True),
    "root": Path(folder=True),
    "output": Path(),
    "plot": Path(suffix=".png"),
    "dataset": Choice(("fashion_mnist", "mnist")),
    "split": Choice(("train", "test")),
    "test_indices": Integer(0, MAX_IMAGES),
    "count": Integer(1, 400),
    "invert": Choice(("yes", "no", "auto")),
    "format": Choice(EXPORT_FORMATS),
    "scale": Number(1e-6, 1),
    "method": Choice(("occlusion", "grad_cam")),
    "batches": Integer(10, 10_000),
    "lowest_rate": Number(MIN_LEARNING_RATE, MAX_LEARNING_RATE),
    "highest_rate": Number(MIN_LEARNING_RATE, MAX_LEARNING_RATE),
    "precision": Choice((*PRECISIONS, "auto")),
    "port": Integer(1, 65535),
}
_DECLARED = _declared(Settings) | _declared(TrainOptions)
RULES: dict[str, Rule] = {name: metadata[0] for name, metadata in _DECLARED.items()} | OTHER_OPTIONS
HELP: dict[str, str] = {name: metadata[1] for name, metadata in _DECLARED.items() if len(metadata) > 1}


def check(name: str, value: object, rule: Rule | None = None) -> Any:
    """Returns the value of an option as this package uses it; raises UserError where it breaks the option's rule."""
    try:
        return (rule or RULES[name]).check(value)
    except ValueError as error:
        raise UserError(f"{name} {reprlib.repr(value)}: {error}") from None


def check_path(name: str, value: str | os.PathLike[str]) -> str:
    """Returns the path that an option gives, as a str; raises UserError where it breaks the option's rule."""
    path: str = check(name, value)
    return path


def check_optional_path(name: str, value: str | os.PathLike[str] | None) -> str | None:
    """Returns None for None, otherwise what check_path() returns."""
    return None if value is None else check_path(name, value)


def _check_fields(options: Any) -> None:
    """Checks the fields of a frozen dataclass by their rules, and replaces each by what its rule makes of it.

    A field whose default is None may be None.
    """
    declared = _declared(type(options))
    for field in dataclasses.fields(options):
        value = getattr(options, field.name)
        if field.name in declared and not (value is None and field.default is None):
            object.__setattr__(options, field.name, check(field.name, value, declared[field.name][0]))


def given(**values: object) -> dict[str, Any]:
    """Returns {name: value} of the values that are not None."""
    return {name: value for name, value in values.items() if value is not None}


def find_recipe(name: object) -> Recipe:
    """Returns the Recipe of that name; raises UserError, with the closest name, where there is none."""
    return RECIPES[check("recipe", name)]


def hyperparameters(recipe: Recipe) -> Hyperparameters:
    """Returns the hyperparameters of a recipe."""
    return Hyperparameters(**recipe.hyperparameters)  # type: ignore[arg-type]


def make_settings(recipe: str, **values: Any) -> Settings:
    """Returns the Settings of a recipe.

    Args:
      values: fields of Settings. A field that is missing or None takes the recipe's value or the field's default;
        `threads` takes one for each CPU that this process may use, and `schedule_steps` the recipe's last step.

    Raises:
      UserError: a value breaks its rule.
    """
    found = find_recipe(recipe)
    fields = {"threads": available_threads()} | dataclasses.asdict(hyperparameters(found)) | given(**values)
    if fields["schedule"] != "constant":
        fields.setdefault("schedule_steps", found.steps)
    for name in ("data_dir", "init_from"):
        if name in fields:
            fields[name] = os.path.abspath(check_path(name, fields[name]))
    return Settings(recipe=recipe, **fields)
