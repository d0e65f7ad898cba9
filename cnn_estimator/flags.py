"""Every command-line flag, defined once. Imports no TensorFlow, so that --help answers at once."""

import os

from absl import flags

from cnn_estimator import checks, recipes

# --help lists a flag under the command that defines it, not under this module.
flags.disclaim_key_flags()

FLAGS = flags.FLAGS


class _FolderParser(flags.ArgumentParser):
    syntactic_help = "a folder"

    def parse(self, argument):
        folder = os.path.expanduser(argument)  # which the shell does not do behind a =
        checks.path(folder)
        if os.path.exists(folder) and not os.path.isdir(folder):
            raise ValueError("a file, name a folder")
        return folder


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


def _checked(convert, text, check, *bounds):
    try:
        value = convert(text)
    except ValueError:
        value = text  # of the wrong type: the check says what it must be
    check(value, *bounds)
    return value


def define_train():
    """The flags of run_train.py."""
    _define_common()
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
    """The flags of run_eval.py."""
    _define_common()
    flags.DEFINE_string("recipe", None, "What the model_dir holds, where it has no settings of its own.")
    flags.DEFINE_string("checkpoint", None, "A global step, or a checkpoint's path; otherwise the newest intact one.")


def _define_common():
    _define(_FolderParser(), "model_dir", "/tmp/fashion", "Folder of the checkpoints and TensorBoard's event files.")
    _define(_FolderParser(), "data_dir", None, "Folder with the four IDX files; otherwise they are found or fetched.")
    _define(_WholeNumberParser(1, checks.MOST_IMAGES), "batch_size", None, "Images a batch, instead of the recipe's.")


def _define_steps(name, default, help_text):
    _define(_WholeNumberParser(1, checks.MOST_STEPS), name, default, help_text)


def _define(parser, name, default, help_text):
    flags.DEFINE(parser, name, default, help_text, serializer=flags.ArgumentSerializer())
