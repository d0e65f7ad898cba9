"""tf.contrib.factorization: k-means clustering."""

from typing import Any

from tensorflow.python.ops import clustering_ops  # type: ignore[import-untyped]

# The library itself: tf.estimator has other names on other releases of TensorFlow.
from tensorflow_estimator._api.v1 import estimator  # type: ignore[import-untyped]

from cnn_estimator.tf1.unavailable import module_getattr


class KMeansClustering(estimator.experimental.KMeans):
    """tf.estimator.experimental.KMeans with the argument random_seed, whose default is a random value."""

    def __init__(
        self,
        num_clusters: Any,
        model_dir: str | None = None,
        initial_clusters: Any = clustering_ops.RANDOM_INIT,
        distance_metric: str = clustering_ops.SQUARED_EUCLIDEAN_DISTANCE,
        random_seed: int | None = 0,
        *args: Any,
        **kwargs: Any,
    ) -> None:
        super().__init__(num_clusters, model_dir, initial_clusters, distance_metric, random_seed, *args, **kwargs)


__getattr__ = module_getattr(
    "tf.contrib.factorization",
    (clustering_ops,),
    "no library replaces it, only KMeans and KMeansClustering are available",
    names="GMM GmmAlgorithm WALSMatrixFactorization WALSModel gmm",
)
