"""tf.contrib.learn.monitors, which hooks replaced: all names are errors."""

from cnn_estimator.tf1.unavailable import module_getattr

__getattr__ = module_getattr(
    "tf.contrib.learn.monitors",
    (),
    "use a tf.train.SessionRunHook",
    {
        "CheckpointSaver": "use tf.train.CheckpointSaverHook",
        "NanLoss": "use tf.train.NanTensorHook",
        "PrintTensor": "use tf.train.LoggingTensorHook",
        "StepCounter": "use tf.train.StepCounterHook",
        "StopAtStep": "use tf.train.StopAtStepHook",
        "SummarySaver": "use tf.train.SummarySaverHook",
        "ValidationMonitor": "use tf.contrib.learn.Experiment or tf.estimator.train_and_evaluate",
    },
    "BaseMonitor CaptureVariable EveryN ExportMonitor GraphDump LoggingTrainable RunHookAdapterForMonitors SessionLog "
    "get_default_monitors replace_monitors_with_hooks",
)
