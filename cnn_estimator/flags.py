"""Every command-line flag, defined once. Imports no TensorFlow, so that --help answers at once."""

import os

from absl import flags

from cnn_estimator import recipes

# --help lists a flag under the command that defines it, not under this module.
flags.disclaim_key_flags()

FLAGS = flags.FLAGS


class _FolderParser(flags.ArgumentParser):
    syntactic_help = "a folder"

    def parse(self, argument):
        if not argument:
            raise ValueError("name a folder")
        return os.path.expanduser(argument)  # which the shell does not do behind a =


def define_train():
    """The flags of run_train.py."""
    _define_common()
    flags.DEFINE_string("recipe", "fashion_cnn", f"The tutorial to repeat: {', '.join(recipes.RECIPES)}.")
    flags.DEFINE_string("optimizer", None, f"Instead of the recipe's: {', '.join(recipes.OPTIMIZERS)}.")
    flags.DEFINE_float("learning_rate", None, "Instead of the recipe's.")
    flags.DEFINE_integer(
        "steps", None, "Steps to train, counted from the newest checkpoint in the model_dir.", lower_bound=1
    )
    flags.DEFINE_integer(
        "max_steps",
        None,
        "Global step to train to. With neither --steps nor --max_steps: the recipe's total.",
        lower_bound=1,
    )
    flags.DEFINE_integer("seed", None, "Of weights, shuffle and dropout; drawn where it is not given.", lower_bound=0)
    flags.DEFINE_integer("log_every", 50, "Steps between two log lines, and two points in TensorBoard.", lower_bound=1)
    flags.DEFINE_list("log_tensors", [], "Further tensors to log, e.g. probabilities=softmax_tensor.")
    flags.DEFINE_integer("save_every", 500, "Steps between two checkpoints.", lower_bound=1)
    flags.DEFINE_integer("keep_checkpoints", 5, "How many of the newest checkpoints stay.", lower_bound=1)


def define_eval():
    """The flags of run_eval.py."""
    _define_common()
    flags.DEFINE_string("recipe", None, "What the model_dir holds, where it has no settings of its own.")


def _define_common():
    _define_folder("model_dir", "/tmp/fashion", "Folder of the checkpoints and TensorBoard's event files.")
    _define_folder("data_dir", None, "Folder with the four IDX files; otherwise they are found or fetched.")
    flags.DEFINE_integer("batch_size", None, "Images a batch, instead of the recipe's.", lower_bound=1)


def _define_folder(name, default, help_text):
    flags.DEFINE(_FolderParser(), name, default, help_text, serializer=flags.ArgumentSerializer())
