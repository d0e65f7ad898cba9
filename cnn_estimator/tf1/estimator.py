"""What TensorFlow 2.16 removed and the tensorflow-estimator library still needs.

tensorflow-estimator 2.15.0, the last release, is pure Python and runs on TensorFlow 2.16 to 2.21 once the names below
are back. Only the package's __init__ imports this module, and never on TensorFlow 2.15, which still has them all.
"""

import functools
import sys
from collections.abc import Callable
from types import ModuleType
from typing import Any, NoReturn

from tensorflow.python.training import server_lib
from tensorflow.python.util import tf_export


def load_estimator() -> ModuleType:
    """Imports the library and returns its TF 1 API, the module that TensorFlow 2.15 calls tf.compat.v1.estimator."""
    # estimator_export, the decorator on every public class of the library, files them under this API name.
    tf_export.ESTIMATOR_API_NAME = "estimator"
    tf_export.API_ATTRS["estimator"] = tf_export._Attributes("_estimator_api_names", "_estimator_api_constants")
    tf_export.API_ATTRS_V1["estimator"] = tf_export._Attributes(
        "_estimator_api_names_v1", "_estimator_api_constants_v1"
    )
    # run_config.py, estimator.py and training.py call it for distribution strategies.
    training = _EstimatorTraining("tensorflow.python.distribute.estimator_training")
    # tpu_estimator.py and _tpu_estimator_embedding.py import them, but use them only with a TPU.
    tpu_modules = [
        _RemovedModule(f"tensorflow.python.tpu.{name}")
        for name in ("session_support", "tpu_embedding", "tpu_embedding_gradient")
    ]
    for module in (training, *tpu_modules):
        sys.modules.setdefault(module.__name__, module)

    from tensorflow_estimator._api.v1 import estimator

    estimator.tpu.TPUEstimator.__init__ = _refuse_tpu(estimator.tpu.TPUEstimator.__init__)
    return estimator


def _not_available(name: str, *args: object, **kwargs: object) -> NoReturn:
    raise NotImplementedError(
        f"{name} is not available: TensorFlow 2.16 removed the code that it runs on. TensorFlow 2.15 still has it."
    )


def _refuse_tpu(init: Callable[..., None]) -> Callable[..., None]:
    # With use_tpu=False a TPUEstimator is an Estimator on CPU or GPU, and uses none of the removed modules.
    @functools.wraps(init)
    def checked_init(self, model_fn=None, model_dir=None, config=None, params=None, use_tpu=True, *args, **kwargs):
        if use_tpu:
            _not_available("TPUEstimator(use_tpu=True)")
        init(self, model_fn, model_dir, config, params, use_tpu, *args, **kwargs)

    return checked_init


class _RemovedModule(ModuleType):
    """A removed TPU module: every name can be imported from it, and raises NotImplementedError when it is called."""

    def __getattr__(self, name: str) -> Callable[..., NoReturn]:
        if name.startswith("__"):  # the import system asks for these
            raise AttributeError(name)
        return functools.partial(_not_available, f"{self.__name__}.{name}")


class _EstimatorTraining(ModuleType):
    """tensorflow.python.distribute.estimator_training without the distribute coordinator."""

    @staticmethod
    def init_run_config(config: Any, tf_config: dict[str, Any]) -> None:
        """Completes a RunConfig that has a distribution strategy; RunConfig.__init__ calls it.

        Supported are a strategy over the devices of one process, and a TF_CONFIG cluster (chief, workers, parameter
        servers) without a strategy. A strategy across a cluster needs the distribute coordinator.
        """
        experimental = config._experimental_distribute
        for kind in ("train_distribute", "eval_distribute"):
            strategy = getattr(experimental, kind, None)
            if strategy and getattr(config, f"_{kind}"):
                raise ValueError(f"Set {kind} or experimental_distribute.{kind}, not both.")
            if strategy:
                setattr(config, f"_{kind}", strategy)
        cluster = server_lib.ClusterSpec(tf_config.get("cluster", {}))
        across_cluster = getattr(experimental, "remote_cluster", None) or (cluster and "master" not in cluster.jobs)
        if config._train_distribute and across_cluster:
            _not_available("The distribute coordinator, which runs a distribution strategy across a cluster,")
        config._distribute_coordinator_mode = None
        config._init_distributed_setting_from_environment_var(tf_config)
        config._maybe_overwrite_session_config_for_distributed_training()

    @staticmethod
    def should_run_distribute_coordinator(config: Any) -> bool:
        return False

    # Called only where a RunConfig chose the distribute coordinator, which init_run_config refuses.
    train_and_evaluate = estimator_train = estimator_evaluate = functools.partial(
        _not_available, "The distribute coordinator"
    )
