"""What TensorBoard's HParams tab knows of a run: its hyperparameters, in an event file of its folder."""

import time
from collections.abc import Mapping

from cnn_estimator.tf1 import tf

# Names that TensorBoard looks for.
_PLUGIN, _TAG = "hparams", "_hparams_/session_start_info"


def write(folder: str, values: Mapping[str, str | float], step: int) -> None:
    """Writes {hyperparameter: value} of a run that begins at a step, by TensorFlow's own writer for the folder.

    TensorBoard shows what it reads first of a run.
    """
    # Here, as only training needs it.
    from tensorboard.plugins.hparams import plugin_data_pb2

    now = time.time()
    data = plugin_data_pb2.HParamsPluginData()
    data.session_start_info.start_time_secs = now
    for name, value in values.items():
        field = data.session_start_info.hparams[name]
        if isinstance(value, str):
            field.string_value = value
        else:
            field.number_value = value
    plugin_data = tf.SummaryMetadata.PluginData(plugin_name=_PLUGIN, content=data.SerializeToString())
    summary = tf.Summary()
    summary.value.add(
        tag=_TAG,
        metadata=tf.SummaryMetadata(plugin_data=plugin_data),
        tensor=tf.make_tensor_proto([], tf.float32, [0]),
    )
    # Not add_summary: for a second run in a folder, it would leave out the metadata, as its tag is known.
    writer = tf.summary.FileWriterCache.get(folder)
    writer.add_event(tf.Event(wall_time=now, step=step, summary=summary))
