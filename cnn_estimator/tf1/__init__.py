"""The bridge to TensorFlow: `from cnn_estimator.tf1 import tf` is the TF 1 API with tf.estimator.

That import changes the whole process. It switches off eager execution and the rest of TensorFlow 2's behaviour. It
silences the deprecation warnings that TF 1 code cannot avoid. It limits the log of TensorFlow's C++ side to errors,
unless TF_CPP_MIN_LOG_LEVEL is set. It lets each session's configuration set that session's number of threads, which
TensorFlow would otherwise take from the first session.

For TensorFlow 2 code there is cnn_estimator.tf2.
"""

from typing import TYPE_CHECKING

from cnn_estimator.tf1.loading import InstallationError

__all__ = ["OWN_THREADS", "InstallationError", "tf"]

if TYPE_CHECKING:
    from cnn_estimator.tf1.api import OWN_THREADS, tf
else:

    def __getattr__(name):  # so that cnn_estimator.tf2 can import parts of this package
        if name not in __all__:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        from cnn_estimator.tf1 import api

        return getattr(api, name)
