"""Names of tf.contrib.gan that the package tensorflow-gan has now, with their arguments and numbers of TensorFlow 1.14.

Names whose numbers have changed are errors.
"""

import functools
import inspect
from collections.abc import Callable
from types import ModuleType
from typing import Any

import tensorflow.compat.v1 as tf
import tensorflow_gan as tfgan
from tensorflow_gan.python.estimator import gan_estimator

from cnn_estimator.tf1.unavailable import module_getattr

_FUNCTIONS = """
    ACGANModel CycleGANLoss CycleGANModel GANLoss GANModel GANTrainOps GANTrainSteps InfoGANModel RunTrainOpsHook
    StarGANModel acgan_model cyclegan_loss cyclegan_model gan_loss gan_model gan_train gan_train_ops
    get_joint_train_hooks get_sequential_train_hooks get_sequential_train_steps infogan_model stargan_loss stargan_model
"""
_SUMMARIES_AND_IMAGES = """
    add_cyclegan_image_summaries add_gan_model_image_summaries add_gan_model_summaries add_image_comparison_summaries
    add_regularization_loss_summaries add_stargan_image_summaries image_grid image_reshaper sliced_wasserstein_distance
"""
_FEATURES = """
    VBN clip_discriminator_weights clip_variables condition_tensor condition_tensor_from_onehot
    spectral_normalization_custom_getter tensor_pool
"""
globals().update({name: getattr(tfgan, name) for name in _FUNCTIONS.split()})
losses = tfgan.losses

# {argument of TensorFlow 1.14: argument of tensorflow-gan 2}
_RENAMED = {
    "generated_activations": "activations2",
    "generated_images": "input_tensor2",
    "images": "input_tensor",
    "num_classifier_batches": "num_batches",
    "real_activations": "activations1",
    "real_images": "input_tensor1",
}
_CLASSIFIER_METRICS = """
    classifier_score classifier_score_from_logits diagonal_only_frechet_classifier_distance_from_activations
    frechet_classifier_distance frechet_classifier_distance_from_activations kernel_classifier_distance
    kernel_classifier_distance_and_std kernel_classifier_distance_and_std_from_activations
    kernel_classifier_distance_from_activations mean_only_frechet_classifier_distance_from_activations
"""


class GANEstimator(tf.estimator.Estimator):
    """An Estimator that trains a GAN. Its loss is the sum of both losses, without regularization losses.

    The package's GANEstimator reports the loss of the discriminator alone, and trains with regularization losses.
    """

    def __init__(
        self,
        model_dir: str | None = None,
        generator_fn: Callable[..., Any] | None = None,
        discriminator_fn: Callable[..., Any] | None = None,
        generator_loss_fn: Any = None,
        discriminator_loss_fn: Any = None,
        generator_optimizer: Any = None,
        discriminator_optimizer: Any = None,
        get_hooks_fn: Callable[..., Any] | None = None,
        get_eval_metric_ops_fn: Callable[..., Any] | None = None,
        add_summaries: Any = None,
        use_loss_summaries: bool | None = True,
        config: Any = None,
        warm_start_from: Any = None,
        is_chief: bool = True,
    ) -> None:
        """The arguments are the ones of the package's GANEstimator.

        Raises:
          ValueError: a loss function is not callable.
        """
        loss_fns = (generator_loss_fn, discriminator_loss_fn)
        if not all(callable(loss_fn) for loss_fn in loss_fns):
            raise ValueError("generator_loss_fn and discriminator_loss_fn must be functions")

        def model_fn(features: Any, labels: Any, mode: str) -> Any:
            model = gan_estimator.get_gan_model(mode, generator_fn, discriminator_fn, labels, features, add_summaries)
            if mode == tf.estimator.ModeKeys.PREDICT:
                return gan_estimator.get_predict_estimator_spec(model)
            loss = tfgan.GANLoss(*(loss_fn(model, add_summaries=use_loss_summaries) for loss_fn in loss_fns))
            if mode == tf.estimator.ModeKeys.EVAL:
                spec = gan_estimator.get_eval_estimator_spec(model, loss, get_eval_metric_ops_fn)
            else:
                optimizers = gan_estimator.Optimizers(generator_optimizer, discriminator_optimizer)
                spec = gan_estimator.get_train_estimator_spec(model, loss, optimizers, get_hooks_fn, is_chief=is_chief)
            return spec._replace(loss=loss.generator_loss + loss.discriminator_loss)

        super().__init__(model_fn, model_dir, config, warm_start_from=warm_start_from)


def _with_old_arguments(function: Callable[..., Any]) -> Callable[..., Any]:
    """Returns a function that also takes the names that its arguments had in TensorFlow 1.14."""
    parameters = inspect.signature(function).parameters

    @functools.wraps(function)
    def call(*arguments: Any, **keywords: Any) -> Any:
        renamed = {_RENAMED.get(name, name) if name not in parameters else name: keywords[name] for name in keywords}
        return function(*arguments, **renamed)

    return call


def _compute_spectral_norm(w_tensor: Any, power_iteration_rounds: int = 1, name: str | None = None) -> Any:
    return tfgan.features.compute_spectral_norm(w_tensor, power_iteration_rounds, name=name)


def _spectral_normalize(w: Any, power_iteration_rounds: int = 1, name: str | None = None) -> Any:
    return tfgan.features.spectral_normalize(w, power_iteration_rounds, name=name)


def _spectral_norm_regularizer(scale: Any, power_iteration_rounds: int = 1, scope: Any = None) -> Any:
    return tfgan.features.spectral_norm_regularizer(scale, power_iteration_rounds, scope=scope)


def _submodule(name: str, values: dict[str, Any], instead: str, errors: str) -> ModuleType:
    """Returns a module of tf.contrib.gan. The names in `errors` raise errors with the advice `instead`."""
    module = ModuleType(f"tf.contrib.gan.{name}")
    vars(module).update(values)
    vars(module)["__getattr__"] = module_getattr(module.__name__, (), instead, names=errors)
    return module


estimator = _submodule(
    "estimator",
    {
        "GANEstimator": GANEstimator,
        "StarGANEstimator": tfgan.estimator.StarGANEstimator,
        "SummaryType": tfgan.estimator.SummaryType,
        "get_latent_gan_estimator": tfgan.estimator.get_latent_gan_estimator,
    },
    "use tf.contrib.gan.estimator.GANEstimator",
    "GANHead TPUGANEstimator gan_head",
)
eval = _submodule(
    "eval",
    {name: _with_old_arguments(getattr(tfgan.eval, name)) for name in _CLASSIFIER_METRICS.split()}
    | {name: getattr(tfgan.eval, name) for name in _SUMMARIES_AND_IMAGES.split()},
    "the package tensorflow-gan loads another copy of Inception, use its tensorflow_gan.eval",
    "INCEPTION_DEFAULT_IMAGE_SIZE frechet_inception_distance get_graph_def_from_disk get_graph_def_from_resource "
    "get_graph_def_from_url_tarball inception_score kernel_inception_distance kernel_inception_distance_and_std "
    "preprocess_image run_image_classifier run_inception",
)
features = _submodule(
    "features",
    {name: getattr(tfgan.features, name) for name in _FEATURES.split()}
    | {
        "compute_spectral_norm": _compute_spectral_norm,
        "spectral_norm_regularizer": _spectral_norm_regularizer,
        "spectral_normalize": _spectral_normalize,
    },
    "use tf.contrib.gan.features.spectral_normalization_custom_getter",
    "keras_spectral_normalization",
)
