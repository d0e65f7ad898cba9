"""The tutorials as data, the settings of a run, and the bounds of all arguments. Imports no TensorFlow.

A hyperparameter is declared once, as a field of Hyperparameters: its type, the rule for its values and its help text.
Recipes, settings files, checks, the log line of a run and the command line follow from that.
"""

import dataclasses
import os
from collections.abc import Iterable, Mapping
from typing import Annotated, Any, get_type_hints

from cnn_estimator.errors import UserError
from cnn_estimator.rules import Choice, ClassNames, Integer, Number, Path, Rule, check_value, local_path

OPTIMIZERS = ("adam", "sgd", "momentum")
PRECISIONS = ("float32", "bfloat16")
SCHEDULES = ("constant", "linear", "cosine", "one_cycle")
AUGMENTATIONS = ("none", "flips", "shifts", "flips_and_shifts")
MAX_BATCH = 60_000  # the whole of a public training set
MAX_IMAGES = 10**9  # in a split of data of one's own
MAX_THREADS = 1024
MAX_SEED = 2**31 - 1  # TensorFlow takes a graph's seed modulo this
MIN_LEARNING_RATE, MAX_LEARNING_RATE = 1.2e-38, 3.4e38  # float32 holds little more
MAX_DECAY = 0.99999  # of a moving average: over a hundred thousand steps
MAX_STEPS = 10**9  # a year and a half at 20 steps a second
MAX_CHECKPOINTS = 10**6
MAX_SAMPLES = 400  # images in one plot
STRATEGIES = ("mirrored", "multi_worker")
MAX_DEVICES = 64
MAX_CLUSTER_TIMEOUT = 86400  # seconds
INVERT = ("yes", "no", "auto")
EXPORT_FORMATS = ("saved_model", "tflite", "keras", "onnx")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Hyperparameters:
    """What a recipe chooses and a run may override. After each rule comes its help text."""

    optimizer: Annotated[str, Choice(OPTIMIZERS), "Instead of the recipe's."] = "adam"
    learning_rate: Annotated[float, Number(MIN_LEARNING_RATE, MAX_LEARNING_RATE), "Instead of the recipe's."] = 0.001
    adam_beta2: Annotated[
        float,
        Number(0, MAX_DECAY),
        "Decay of Adam's moving averages of squared gradients, instead of the recipe's. Other optimizers have none.",
    ] = 0.999
    batch_size: Annotated[int, Integer(1, MAX_BATCH), "Images per batch, instead of the recipe's."] = 100
    schedule: Annotated[
        str, Choice(SCHEDULES), "How the learning rate falls from its peak to 0, instead of the recipe's."
    ] = "constant"
    warmup_steps: Annotated[
        int, Integer(0, MAX_STEPS), "Steps in which the learning rate rises from 0, instead of the recipe's."
    ] = 0
    augment: Annotated[
        str, Choice(AUGMENTATIONS), "Random changes of the training images, instead of the recipe's."
    ] = "none"
    average_decay: Annotated[
        float,
        Number(0, MAX_DECAY),
        "Decay of the weights' moving averages, which are evaluated then; 0 for none. Instead of the recipe's.",
    ] = 0.0


@dataclasses.dataclass(frozen=True, kw_only=True)
class Recipe(Hyperparameters):
    """One tutorial's choices, or this package's own.

    Attributes:
      precision: of a new run; "auto" for bfloat16 where the processor is faster in it.
      reported: the accuracy that the tutorial reports on the test set, "" for none.
      reported_in_training: that on its training set, likewise.
    """

    name: str
    dataset: str = "fashion_mnist"
    network: str
    steps: int
    precision: str = "float32"
    reported: str = ""
    reported_in_training: str = ""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Settings(Hyperparameters):
    """What a run trains and how: a recipe with its overrides. model_fn's `params`, kept in the model_dir.

    Attributes:
      recipe: the name of a recipe, which also says what `dataset` and `network` are.
      seed: of the initial weights, the order of the images and the dropout masks.
      threads: how many of them share an operation: sums are split among them, so another number rounds differently.
      precision: of the arithmetic, which the bits depend on; variables are float32 in any case.
      schedule_steps: the step at which the schedule ends, however far the run goes; None where it has no end.
      validation: how many training images are held out, not trained on; the seed chooses them.
      data_dir: see datasets.load.
      class_names: ten str.

    Raises:
      UserError: a value that nothing can be trained with; the message names the field.
    """

    recipe: str
    seed: Annotated[
        int, Integer(0, MAX_SEED), "Of weights, shuffle and dropout; otherwise the model_dir's own, or a random one."
    ]
    threads: Annotated[
        int,
        Integer(1, MAX_THREADS),
        "Of an operation, which its bits depend on; otherwise the model_dir's own, or one for each CPU.",
    ]
    precision: Annotated[str, Choice(PRECISIONS)]
    schedule_steps: Annotated[
        int | None,
        Integer(1, MAX_STEPS, optional=True),
        "Step at which the schedule ends; otherwise the model_dir's own, or the step to train to.",
    ] = None
    validation: Annotated[
        int,
        Integer(0, MAX_IMAGES),
        "Training images to hold out for evaluations on the way; otherwise the model_dir's own number, or 0.",
    ]
    data_dir: Annotated[str | None, Path(optional=True)]
    class_names: Annotated[tuple[str, ...], ClassNames()]

    def __post_init__(self) -> None:
        find(self.recipe)
        check({name: getattr(self, name) for name in SETTINGS})
        if self.decays and self.schedule_steps is None:
            raise UserError(f"schedule {self.schedule} has no end", "say with {schedule_steps} where it ends")

    @property
    def decays(self) -> bool:
        """Whether the learning rate falls, to 0 at schedule_steps."""
        return self.schedule != "constant"

    @property
    def dataset(self) -> str:
        return RECIPES[self.recipe].dataset

    @property
    def network(self) -> str:
        return RECIPES[self.recipe].network

    def overrides(self) -> dict[str, Any]:
        """Returns {name: value} of the hyperparameters that differ from the recipe's."""
        recipe = RECIPES[self.recipe]
        return {name: getattr(self, name) for name in HYPERPARAMETERS if getattr(self, name) != getattr(recipe, name)}

    def differences(self, other: "Settings", names: Iterable[str]) -> list[tuple[str, Any, Any]]:
        """Returns [(name, own value, the other's)] of those of the names whose values differ."""
        pairs = [(name, getattr(self, name), getattr(other, name)) for name in names]
        return [(name, own, others) for name, own, others in pairs if own != others]

    def __str__(self) -> str:
        overrides = ", ".join(f"{name}={value}" for name, value in self.overrides().items())
        plain = Hyperparameters()
        hyperparameters = ", ".join(
            f"{name} {getattr(self, name)}"
            for name in HYPERPARAMETERS
            if name in _ALWAYS_LOGGED or getattr(self, name) != getattr(plain, name)
        )
        return (
            f"recipe {self.recipe}{overrides and ' with ' + overrides}: network {self.network}, {hyperparameters}, "
            f"seed {self.seed}, threads {self.threads}"
            + (f", schedule_steps {self.schedule_steps}" if self.decays else "")
            + (f", precision {self.precision}" if self.precision != "float32" else "")
            + (f", validation {self.validation}" if self.validation else "")
        )


_ANNOTATIONS = {
    name: hint.__metadata__
    for name, hint in get_type_hints(Settings, include_extras=True).items()
    if hasattr(hint, "__metadata__")
}
_ALWAYS_LOGGED = ("optimizer", "learning_rate", "batch_size")
HYPERPARAMETERS = tuple(field.name for field in dataclasses.fields(Hyperparameters))
_ARGUMENTS: dict[str, Rule] = {  # of the verbs, as Python functions and as flags
    "steps": Integer(1, MAX_STEPS),
    "max_steps": Integer(1, MAX_STEPS),
    "log_every": Integer(1, MAX_STEPS),
    "save_every": Integer(1, MAX_STEPS),
    "keep_checkpoints": Integer(1, MAX_CHECKPOINTS),
    "eval_every": Integer(1, MAX_STEPS),
    "early_stopping": Integer(1, MAX_STEPS),
    "strategy": Choice(STRATEGIES),
    "devices": Integer(1, MAX_DEVICES),
    "cluster_timeout": Integer(1, MAX_CLUSTER_TIMEOUT),
    "test_indices": Integer(0, MAX_IMAGES),
    "count": Integer(1, MAX_SAMPLES),
    "invert": Choice(INVERT),
    "format": Choice(EXPORT_FORMATS),
    "scale": Number(1e-6, 1),
}
SETTINGS = tuple(_ANNOTATIONS)
RULES: dict[str, Rule] = {name: metadata[0] for name, metadata in _ANNOTATIONS.items()} | _ARGUMENTS
HELP: dict[str, str] = {name: metadata[1] for name, metadata in _ANNOTATIONS.items() if len(metadata) > 1}


RECIPES = {
    recipe.name: recipe
    for recipe in (
        Recipe(name="fashion_cnn", network="three_conv_dropout", steps=1500, reported="0.89 to 0.90"),
        Recipe(name="fashion_ladder_1", network="two_conv", optimizer="sgd", steps=1000, reported="0.29"),
        Recipe(name="fashion_ladder_2", network="two_conv", steps=1000, reported="0.69"),
        Recipe(name="fashion_ladder_3", network="three_conv", steps=1000, reported="0.73"),
        Recipe(name="fashion_ladder_4", network="three_conv", steps=1500, reported="0.82"),
        Recipe(name="fashion_dense", network="dense_128", batch_size=32, steps=9375, reported="0.8754"),
        Recipe(name="fashion_cnn_3x3", network="conv_32_64", batch_size=32, steps=18750, reported_in_training="0.9745"),
        Recipe(
            name="fashion_cnn_64",
            network="conv_64_64",
            batch_size=32,
            steps=93750,
            reported="0.9060",
            reported_in_training="0.9945",
        ),
        Recipe(name="fashion_cnn_64_linear", network="conv_64_64_linear", batch_size=64, steps=9380, reported="0.9006"),
        Recipe(
            name="mnist_cnn", dataset="mnist", network="two_conv", optimizer="sgd", steps=20000, reported="(cut off)"
        ),
        # This package's own: as good as fashion_cnn sooner, and the best of its network in a quarter of an hour.
        Recipe(
            name="fashion_fast",
            network="three_conv_dropout",
            learning_rate=0.003,
            adam_beta2=0.99,
            batch_size=64,
            schedule="linear",
            warmup_steps=60,
            steps=1500,
            precision="auto",
        ),
        Recipe(
            name="fashion_best",
            network="three_conv_dropout",
            learning_rate=0.002,
            schedule="linear",
            warmup_steps=500,
            augment="flips",
            average_decay=0.999,
            steps=12000,
            precision="auto",
        ),
    )
}
DEFAULT = "fashion_cnn"


def find(name: object) -> Recipe:
    """Returns the Recipe of that name; raises UserError, with the nearest name, where there is none."""
    check_value("recipe", Choice(tuple(RECIPES)), name)
    return RECIPES[str(name)]


def check(values: Mapping[str, object]) -> None:
    """Raises UserError for the first of {name of a setting or an argument: value} that breaks its rule."""
    for name, value in values.items():
        check_value(name, RULES[name], value)


def given(**values: object) -> dict[str, object]:
    """Returns {name: value} of those that are not None."""
    return {name: value for name, value in values.items() if value is not None}


def settings(
    recipe: str,
    *,
    seed: int,
    threads: int | None = None,
    precision: str = "float32",
    schedule_steps: int | None = None,
    validation: int = 0,
    data_dir: str | os.PathLike[str] | None = None,
    class_names: tuple[str, ...],
    **overrides: Any,
) -> Settings:
    """Returns the Settings of a recipe; a hyperparameter that is given and not None overrides the recipe's.

    Without `threads` there is one for each CPU that this process may use. Without `schedule_steps` a schedule that has
    an end has it at the recipe's last step.

    Raises UserError for a value that nothing can be trained with.
    """
    if data_dir is not None:
        data_dir = os.path.abspath(local_path("data_dir", data_dir))
    found = find(recipe)
    chosen = {name: getattr(found, name) for name in HYPERPARAMETERS}
    chosen |= given(**overrides)
    threads = available_threads() if threads is None else threads
    if schedule_steps is None and chosen["schedule"] != "constant":
        schedule_steps = found.steps
    return Settings(
        recipe=recipe,
        seed=seed,
        threads=threads,
        precision=precision,
        schedule_steps=schedule_steps,
        validation=validation,
        data_dir=data_dir,
        class_names=class_names,
        **chosen,
    )


def available_threads() -> int:
    """Returns how many CPUs this process may use, which is how many threads TensorFlow takes by itself."""
    cpus = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(cpus, MAX_THREADS)
