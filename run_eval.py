"""Evaluates a checkpoint, the newest intact one, on the test set: python run_eval.py --model_dir=/tmp/fashion

The last line on stdout is one JSON object: accuracy, loss, global_step, images, checkpoint.
"""

import json

from cnn_estimator import command, flags, recipes
from cnn_estimator.flags import FLAGS


def main(stop):
    recipe = recipes.find(FLAGS.recipe) if FLAGS.recipe is not None else None
    from cnn_estimator import evaluation  # after the check above: it loads TensorFlow

    result = evaluation.evaluate(
        FLAGS.model_dir,
        checkpoint=FLAGS.checkpoint,
        recipe=recipe,
        batch_size=FLAGS.batch_size,
        data_dir=FLAGS.data_dir,
        stop=stop,
    )
    print(json.dumps(result))


if __name__ == "__main__":
    flags.define_eval()
    command.run(main)
