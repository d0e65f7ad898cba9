"""tf.contrib.tensorboard: the projector, from the package tensorboard."""

from tensorboard import plugins
from tensorboard.plugins import projector  # noqa: F401 - makes it an attribute of plugins

__all__ = ["plugins"]
