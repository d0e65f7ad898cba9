"""tf.contrib.learn.RunConfig."""

import tensorflow.compat.v1 as tf  # type: ignore[import-untyped]

# The library itself: tf.estimator has other names on other releases of TensorFlow.
from tensorflow_estimator._api.v1 import estimator  # type: ignore[import-untyped]

_TEN_MINUTES = 600


class RunConfig(estimator.RunConfig):
    """tf.estimator.RunConfig with the arguments of tf.contrib.learn.RunConfig."""

    def __init__(
        self,
        master: str | None = None,
        num_cores: int = 0,
        log_device_placement: bool = False,
        gpu_memory_fraction: float = 1,
        tf_random_seed: int | None = None,
        save_summary_steps: int = 100,
        save_checkpoints_secs: int | None = 0,
        save_checkpoints_steps: int | None = None,
        keep_checkpoint_max: int = 5,
        keep_checkpoint_every_n_hours: float = 10000,
        log_step_count_steps: int = 100,
        protocol: str | None = None,
        evaluation_master: str = "",
        model_dir: str | None = None,
        session_config: object = None,
        session_creation_timeout_secs: int = 7200,
    ) -> None:
        """Args as in tf.estimator.RunConfig, except for these.

        Args:
          save_checkpoints_secs: 0 means every 600 s, unless save_checkpoints_steps is given.
          num_cores, log_device_placement, gpu_memory_fraction: used unless session_config is given.

        Raises:
          ValueError: master or evaluation_master is given, or a value is invalid. TF_CONFIG must name the cluster.
        """
        if master or evaluation_master:
            raise ValueError(f"master {master or evaluation_master!r} is not supported: set TF_CONFIG")
        if save_checkpoints_secs == 0:
            save_checkpoints_secs = None if save_checkpoints_steps is not None else _TEN_MINUTES
        if session_config is None:
            session_config = tf.ConfigProto(
                inter_op_parallelism_threads=num_cores,
                intra_op_parallelism_threads=num_cores,
                log_device_placement=log_device_placement,
                gpu_options=tf.GPUOptions(per_process_gpu_memory_fraction=gpu_memory_fraction),
            )
        super().__init__(
            model_dir=model_dir,
            tf_random_seed=tf_random_seed,
            save_summary_steps=save_summary_steps,
            save_checkpoints_secs=save_checkpoints_secs,
            save_checkpoints_steps=save_checkpoints_steps,
            session_config=session_config,
            keep_checkpoint_max=keep_checkpoint_max,
            keep_checkpoint_every_n_hours=keep_checkpoint_every_n_hours,
            log_step_count_steps=log_step_count_steps,
            protocol=protocol,
            session_creation_timeout_secs=session_creation_timeout_secs,
        )

    @property
    def tf_config(self) -> object:
        """The configuration of the session."""
        return self.session_config
