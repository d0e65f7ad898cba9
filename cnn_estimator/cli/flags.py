"""Every command-line flag, defined once. Imports no TensorFlow, so that --help answers at once."""

import math
import os

from absl import flags

from cnn_estimator import precision, recipes, rules

# --help lists a flag under the command that defines it, not under this module.
flags.disclaim_key_flags()

FLAGS = flags.FLAGS

DEFAULT_MODEL_DIR = "/tmp/fashion"
DEFAULT_ROOT = "/tmp/reproduce"
_OF_THE_ARITHMETIC = "Precision of the arithmetic; auto takes bfloat16 where the processor is faster in it."


class _PathParser(flags.ArgumentParser):
    syntactic_help = "a path"

    def parse(self, argument):
        path = os.path.expanduser(argument)  # the shell does not do that after a =
        rules.check_path(path)
        return path


class _FolderParser(_PathParser):
    syntactic_help = "a folder"

    def parse(self, argument):
        folder = super().parse(argument)
        if os.path.exists(folder) and not os.path.isdir(folder):
            raise ValueError("a file, name a folder")
        return folder


class _PlotParser(_PathParser):
    syntactic_help = "a file, NAME.png"

    def parse(self, argument):
        path = super().parse(argument)
        if not path.endswith(".png"):
            raise ValueError("plots are PNG files, name it NAME.png")
        return path


class _ChoiceParser(flags.ArgumentParser):
    """absl's EnumParser, with a suggestion for a misspelt name."""

    def __init__(self, rule):
        super().__init__()
        self._rule = rule
        self.syntactic_help = f"one of {', '.join(rule.names)}"

    def parse(self, argument):
        self._rule.check(argument)
        return argument


class _IntegerParser(flags.IntegerParser):
    """absl's, without the words of int()."""

    def convert(self, argument):
        try:
            return super().convert(argument)
        except ValueError:
            raise ValueError("cannot be read as an integer") from None


class _FloatParser(flags.FloatParser):
    """absl's, without the words of float(), and with NaN outside all bounds."""

    def convert(self, argument):
        try:
            return super().convert(argument)
        except ValueError:
            raise ValueError("cannot be read as a number") from None

    def is_outside_bounds(self, val):
        return math.isnan(val) or super().is_outside_bounds(val)


class _ListParser(flags.ArgumentParser):
    """Values of another parser, separated by commas."""

    def __init__(self, parser):
        super().__init__()
        self._parser = parser
        self.syntactic_help = f"{parser.syntactic_help}, or several separated by commas"

    def parse(self, argument):
        return [self._parser.parse(value) for value in argument.split(",")]


def define_train() -> None:
    """Defines the flags of the verb train."""
    _define_model_dir()
    _define_data_dir()
    _define(_recipe_parser(), "recipe", recipes.DEFAULT, "The tutorial to repeat.")
    for name in recipes.HELP:
        _define_setting(name)
    _define_precision(None, f"{_OF_THE_ARITHMETIC} Without it: the model_dir's own, or the recipe's.")
    _define_argument("steps", None, "Steps to train, counted from the newest checkpoint in the model_dir.")
    _define_argument(
        "max_steps", None, "Global step to train to. With neither --steps nor --max_steps: the recipe's total."
    )
    _define_argument("log_every", 50, "Steps between two log lines, and two points in TensorBoard.")
    flags.DEFINE_list("log_tensors", [], "Further tensors to log, e.g. probabilities=softmax_tensor.")
    _define_argument("save_every", 500, "Steps between two checkpoints.")
    _define_argument(
        "keep_checkpoints",
        5,
        "How many checkpoints to keep: an older one is deleted when a new one is written.",
    )
    _define_argument("eval_every", None, "Steps between two evaluations during training; the last step has one too.")
    flags.DEFINE_bool("eval_on_test", False, "Evaluate on the test set during training, for the curves alone.")
    flags.DEFINE_bool("keep_best", False, "Keep the checkpoint with the best validation accuracy, in model_dir/best.")
    _define_argument("early_stopping", None, "Stop after so many evaluations in a row that brought nothing better.")
    _define_argument(
        "strategy",
        None,
        "How to share each batch out: mirrored, among several devices; multi_worker, among the tasks in TF_CONFIG.",
    )
    _define_argument(
        "devices", None, "How many devices mirrored takes, of the GPUs or as parts of the CPU; otherwise every GPU."
    )
    _define_argument("cluster_timeout", 300, "Seconds that the tasks of a cluster wait for each other.")
    flags.DEFINE_bool("fresh", False, "Start over: the run in the model_dir is archived as model_dir.1, .2, …")


def define_eval() -> None:
    """Defines the flags of the verb eval."""
    _define_trained()
    _define_argument("batch_size", 500, "Images per batch, which changes no result but for rounding.")
    _define_precision("float32", _OF_THE_ARITHMETIC)
    flags.DEFINE_bool("figures", False, "Plot the results: PNG files in model_dir/figures, and for TensorBoard.")


def define_samples() -> None:
    """Defines the flags of the verb samples."""
    _define_data_dir()
    _define(_recipe_parser(), "recipe", recipes.DEFAULT, "The recipe with the data to plot.")
    _define_argument("count", 20, "How many images.")
    _define_figure("samples.png")


def define_curves() -> None:
    """Defines the flags of the verb curves."""
    _define(_ListParser(_FolderParser()), "model_dir", DEFAULT_MODEL_DIR, "Folder of a training run.")
    _define_figure("curves.png")


def define_predict() -> None:
    """Defines the flags of the verb predict."""
    _define_trained()
    _define_precision("float32", _OF_THE_ARITHMETIC)
    _define(
        _ListParser(_parser("test_indices")),
        "test_index",
        None,
        "Images of the test set to predict, counted from 0.",
    )
    flags.DEFINE_bool("json", False, "Print JSON, a line per image, instead of a table.")
    _define_argument(
        "invert",
        "auto",
        "Whether to exchange bright and dark, as a white background needs it; auto: where the image has one.",
    )
    _define_figure(None)


def define_export() -> None:
    """Defines the flags of the verb export."""
    _define_trained()
    _define_argument("format", "saved_model", "The format to write.")
    _define(_PathParser(), "output", None, "A new folder for a saved_model, a new file for the other formats.")


def define_reproduce() -> None:
    """Defines the flags of the verb reproduce."""
    _define(
        _FolderParser(), "root", DEFAULT_ROOT, "Folder of the results and of the runs, each in a model_dir of its own."
    )
    _define_data_dir()
    _define(_ListParser(_recipe_parser()), "recipes", None, "The tutorials to repeat; otherwise all of them.")
    _define(_ListParser(_parser("seed")), "seeds", "1,2,3", "The seeds, a run of each recipe with each.")
    _define_argument("scale", 1.0, "The fraction of each recipe's steps to train: 0.01 is a quick rehearsal.")
    _define_precision(None, f"{_OF_THE_ARITHMETIC} Of training; without it: the root's own, or each recipe's.")


def define_doctor() -> None:
    """The verb doctor has no flags of its own."""


def _define_trained() -> None:
    """Defines the flags that choose a trained model."""
    _define_model_dir()
    _define_data_dir()
    _define(_recipe_parser(), "recipe", None, "The recipe in the model_dir, where it has no settings file.")
    flags.DEFINE_string(
        "checkpoint", None, "A global step, a checkpoint's path, or best; otherwise the newest intact one."
    )


def _define_model_dir() -> None:
    _define(_FolderParser(), "model_dir", DEFAULT_MODEL_DIR, "Folder of the checkpoints and TensorBoard's event files.")


def _define_data_dir() -> None:
    _define(
        _FolderParser(), "data_dir", None, "Folder with the four IDX files; otherwise they are found or downloaded."
    )


def _define_precision(default: str | None, help_text: str) -> None:
    _define(_ChoiceParser(rules.Choice(precision.CHOICES)), "precision", default, help_text)


def _define_figure(default: str | None) -> None:
    _define(_PlotParser(), "figure", default, "The PNG file to write.")


def _define_argument(name: str, default: str | float | None, help_text: str) -> None:
    """Defines the flag of an argument that has a rule in recipes.py."""
    _define(_parser(name), name, default, help_text)


def _define_setting(name: str) -> None:
    """Defines the flag of a setting from its declaration in recipes.py."""
    _define_argument(name, None, recipes.HELP[name])


def _parser(name: str) -> flags.ArgumentParser:
    rule = recipes.RULES[name]
    if isinstance(rule, rules.Choice):
        return _ChoiceParser(rule)
    if isinstance(rule, rules.Integer):
        return _IntegerParser(rule.min, rule.max)
    if isinstance(rule, rules.Number):
        return _FloatParser(rule.min, rule.max)
    raise TypeError(f"setting {name}: no flag can be made of {rule}")


def _recipe_parser() -> flags.ArgumentParser:
    return _ChoiceParser(rules.Choice(tuple(recipes.RECIPES)))


def _define(parser: flags.ArgumentParser, name: str, default: str | float | None, help_text: str) -> None:
    serializer: flags.ArgumentSerializer = flags.ArgumentSerializer()
    if isinstance(parser, _ListParser):
        serializer = flags.ListSerializer(",")
    flags.DEFINE(parser, name, default, help_text, serializer=serializer)
