"""Every command-line flag, defined once. Imports no TensorFlow, so that --help answers at once."""

import os

from absl import flags

from cnn_estimator import checks, recipes

# --help lists a flag under the command that defines it, not under this module.
flags.disclaim_key_flags()

FLAGS = flags.FLAGS

DEFAULT_MODEL_DIR = "/tmp/fashion"


class _PathParser(flags.ArgumentParser):
    syntactic_help = "a path"

    def parse(self, argument):
        path = os.path.expanduser(argument)  # which the shell does not do behind a =
        checks.path(path)
        return path


class _FolderParser(_PathParser):
    syntactic_help = "a folder"

    def parse(self, argument):
        folder = super().parse(argument)
        if os.path.exists(folder) and not os.path.isdir(folder):
            raise ValueError("a file, name a folder")
        return folder


class _PictureParser(_PathParser):
    syntactic_help = "a file, NAME.png"

    def parse(self, argument):
        path = super().parse(argument)
        if not path.endswith(".png"):
            raise ValueError("pictures are PNG files, name it NAME.png")
        return path


class _NameParser(flags.ArgumentParser):
    def __init__(self, names):
        super().__init__()
        self._names = names
        self.syntactic_help = f"one of {', '.join(names)}"

    def parse(self, argument):
        checks.name(argument, self._names)
        return argument


class _WholeNumberParser(flags.ArgumentParser):
    def __init__(self, least, most):
        super().__init__()
        self._bounds = least, most
        self.syntactic_help = f"a whole number from {least} to {most}"

    def flag_type(self):
        return "int"

    def parse(self, argument):
        return _checked(int, argument, checks.whole_number, *self._bounds)


class _LearningRateParser(flags.ArgumentParser):
    def flag_type(self):
        return "float"

    def parse(self, argument):
        return _checked(float, argument, checks.learning_rate)


class _ListParser(flags.ArgumentParser):
    def __init__(self, parser):
        super().__init__()
        self._parser = parser
        self.syntactic_help = f"{parser.syntactic_help}, or several with commas between them"

    def parse(self, argument):
        return [self._parser.parse(value) for value in argument.split(",")]


def _checked(convert, text, check, *bounds):
    try:
        value = convert(text)
    except ValueError:
        value = text  # of the wrong type: the check says what it must be
    check(value, *bounds)
    return value


def define_train():
    """The flags of the verb train."""
    _define_model_dir()
    _define_data_dir()
    _define_batch_size()
    flags.DEFINE_string("recipe", "fashion_cnn", f"The tutorial to repeat: {', '.join(recipes.RECIPES)}.")
    flags.DEFINE_string("optimizer", None, f"Instead of the recipe's: {', '.join(recipes.OPTIMIZERS)}.")
    _define(_LearningRateParser(), "learning_rate", None, "Instead of the recipe's.")
    _define_steps("steps", None, "Steps to train, counted from the newest checkpoint in the model_dir.")
    _define_steps(
        "max_steps", None, "Global step to train to. With neither --steps nor --max_steps: the recipe's total."
    )
    _define(
        _WholeNumberParser(0, checks.LARGEST_SEED),
        "seed",
        None,
        "Of weights, shuffle and dropout; otherwise the model_dir's own, or a drawn one.",
    )
    _define_steps("log_every", 50, "Steps between two log lines, and two points in TensorBoard.")
    flags.DEFINE_list("log_tensors", [], "Further tensors to log, e.g. probabilities=softmax_tensor.")
    _define_steps("save_every", 500, "Steps between two checkpoints.")
    _define(
        _WholeNumberParser(1, checks.MOST_CHECKPOINTS),
        "keep_checkpoints",
        5,
        "How many checkpoints to keep: an older one goes when a new one comes.",
    )
    flags.DEFINE_bool("fresh", False, "Begin anew: the run in the model_dir is set aside as model_dir.1, .2, …")


def define_eval():
    """The flags of the verb eval."""
    _define_trained()
    _define_batch_size()
    flags.DEFINE_bool("figures", False, "Draw the results: PNG files in model_dir/figures, and for TensorBoard.")


def define_samples():
    """The flags of the verb samples."""
    _define_data_dir()
    flags.DEFINE_string("recipe", "fashion_cnn", f"Whose data to draw: {', '.join(recipes.RECIPES)}.")
    _define(_WholeNumberParser(1, checks.MOST_DRAWN), "count", 20, "How many images.")
    _define_figure("samples.png")


def define_curves():
    """The flags of the verb curves."""
    _define(_ListParser(_FolderParser()), "model_dir", DEFAULT_MODEL_DIR, "Where training went on.")
    _define_figure("curves.png")


def define_predict():
    """The flags of the verb predict."""
    _define_trained()
    _define(
        _ListParser(_WholeNumberParser(0, checks.MOST_IMAGES)),
        "test_index",
        None,
        "Images of the test set to answer for, counted from 0.",
    )
    flags.DEFINE_bool("json", False, "Answer in JSON, a line an image, instead of a table.")
    _define(
        _NameParser(checks.INVERT),
        "invert",
        "auto",
        "Whether an image's bright becomes dark, as a white ground needs it; auto: where it has one.",
    )
    _define_figure(None)


def define_export():
    """The flags of the verb export."""
    _define_trained()
    _define(_NameParser(checks.EXPORT_FORMATS), "format", "saved_model", "What to write.")
    _define(_PathParser(), "output", None, "Where to: a new folder for a saved_model, a new file otherwise.")


def define_doctor():
    """The verb doctor has no flags of its own."""


def _define_trained():
    """The flags that choose a model which was trained."""
    _define_model_dir()
    _define_data_dir()
    flags.DEFINE_string("recipe", None, "What the model_dir holds, where it has no settings of its own.")
    flags.DEFINE_string("checkpoint", None, "A global step, or a checkpoint's path; otherwise the newest intact one.")


def _define_model_dir():
    _define(_FolderParser(), "model_dir", DEFAULT_MODEL_DIR, "Folder of the checkpoints and TensorBoard's event files.")


def _define_data_dir():
    _define(_FolderParser(), "data_dir", None, "Folder with the four IDX files; otherwise they are found or fetched.")


def _define_batch_size():
    _define(_WholeNumberParser(1, checks.MOST_IMAGES), "batch_size", None, "Images a batch, instead of the recipe's.")


def _define_figure(default):
    _define(_PictureParser(), "figure", default, "The PNG file to draw into.")


def _define_steps(name, default, help_text):
    _define(_WholeNumberParser(1, checks.MOST_STEPS), name, default, help_text)


def _define(parser, name, default, help_text):
    flags.DEFINE(parser, name, default, help_text, serializer=flags.ArgumentSerializer())
