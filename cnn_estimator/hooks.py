"""What watches training: log lines and the progress bar."""

from cnn_estimator.errors import UserError
from cnn_estimator.model import BATCH_ACCURACY, BATCH_LOSS
from cnn_estimator.tf1 import tf


class LogTensors(tf.train.LoggingTensorHook):
    """LoggingTensorHook for loss, accuracy, the step and the tensors that the user named.

    Args:
      every: steps between two lines.
      named: {label: tensor name}. A name that is no tensor's raises UserError when training begins.
    """

    def __init__(self, *, every, named):
        super().__init__(
            {"loss": BATCH_LOSS, "accuracy": BATCH_ACCURACY, "step": tf.GraphKeys.GLOBAL_STEP, **named},
            every_n_iter=every,
        )

    def begin(self):
        try:
            super().begin()
        except (KeyError, ValueError) as error:
            raise UserError(f"log_tensors: {error.args[0]} Try probabilities=softmax_tensor") from error


class Progress(tf.train.SessionRunHook):
    """Moves a tqdm bar, and keeps the last loss and the steps that were run.

    Attributes:
      loss: the last batch's, a float; None before the first step.
      steps: how many steps this session ran.
    """

    def __init__(self, bar):
        self._bar = bar
        self.loss = None
        self.steps = 0

    def before_run(self, run_context):
        return tf.train.SessionRunArgs(f"{BATCH_LOSS}:0")

    def after_run(self, run_context, run_values):
        self.loss = float(run_values.results)
        self.steps += 1
        self._bar.update()
