"""Trains a tutorial's network: python run_train.py --steps=1500 --optimizer=adam

It goes on from the newest intact checkpoint in the model_dir. SIGTERM or Ctrl-C end it at the
next step, which is saved.
"""

from cnn_estimator import command, flags, recipes
from cnn_estimator.errors import UserError
from cnn_estimator.flags import FLAGS


def main(stop):
    settings = recipes.settings(
        recipes.find(FLAGS.recipe),
        optimizer=FLAGS.optimizer,
        learning_rate=FLAGS.learning_rate,
        batch_size=FLAGS.batch_size,
        seed=FLAGS.seed,
        data_dir=FLAGS.data_dir,
    )
    if FLAGS.steps and FLAGS.max_steps:
        raise UserError(f"--steps={FLAGS.steps} and --max_steps={FLAGS.max_steps} exclude each other: give one")
    log_tensors = _log_tensors(FLAGS.log_tensors)
    from cnn_estimator import training  # after the checks above: it loads TensorFlow

    training.train(
        settings,
        FLAGS.model_dir,
        steps=FLAGS.steps,
        max_steps=FLAGS.max_steps,
        fresh=FLAGS.fresh,
        log_every=FLAGS.log_every,
        log_tensors=log_tensors,
        save_every=FLAGS.save_every,
        keep_checkpoints=FLAGS.keep_checkpoints,
        stop=stop,
    )


def _log_tensors(texts):
    """Returns {label: tensor name} of the texts label=name."""
    named = {}
    for text in texts:
        label, equals, name = text.partition("=")
        if not (label and equals and name):
            raise UserError(f"--log_tensors={text} is not LABEL=TENSOR: try probabilities=softmax_tensor")
        if label in {"accuracy", "loss", "step", *named}:
            raise UserError(f"--log_tensors={text}: the line has a {label!r} already, choose another label")
        named[label] = name
    return named


if __name__ == "__main__":
    flags.define_train()
    command.run(main)
