"""tf.contrib.tensorboard: the projector, from the package tensorboard."""

from tensorboard import plugins
from tensorboard.plugins import projector  # noqa: F401 - the import sets plugins.projector

__all__ = ["plugins"]
