"""tf.contrib.tfprof: the profiler of tf.profiler."""

from tensorflow.python.profiler import tfprof_logger

from cnn_estimator.tf1.contrib.tfprof import model_analyzer
from cnn_estimator.tf1.unavailable import module_getattr

__all__ = ["model_analyzer", "tfprof_logger"]

__getattr__ = module_getattr(
    "tf.contrib.tfprof", (), "use tf.profiler", {"ProfileContext": "use tf.profiler.Profiler"}, names=""
)
