"""Names of tf.contrib.distributions that the package tensorflow-probability has now, with their old arguments.

Simple distributions remain TensorFlow's own, which draw the numbers of TensorFlow 1. The functions here accept them.
"""

import functools
from collections.abc import Callable
from types import ModuleType
from typing import Any

import tensorflow.compat.v1 as tf  # type: ignore[import-untyped]
import tensorflow_probability as tfp  # type: ignore[import-untyped]

from cnn_estimator.tf1.unavailable import module_getattr

_distributions = tfp.distributions
# Names that compute the numbers of TensorFlow 1.15. Others have been changed.
_SAME = """
    Binomial Cauchy Chi2 Deterministic ExpRelaxedOneHotCategorical Geometric HalfNormal InverseGamma Kumaraswamy
    Logistic MultivariateNormalDiagPlusLowRank MultivariateNormalFullCovariance MultivariateNormalTriL NegativeBinomial
    OneHotCategorical Poisson RelaxedBernoulli RelaxedOneHotCategorical SinhArcsinh VectorDeterministic
"""
_SAME_BIJECTORS = """
    AbsoluteValue Bijector Chain CholeskyOuterProduct Exp FillTriangular Identity Inline Invert
    MaskedAutoregressiveFlow Permute PowerTransform Reshape Sigmoid Softplus Softsign Square TransformDiagonal
"""
globals().update({name: getattr(_distributions, name) for name in _SAME.split()})
# In TensorFlow 1 all distributions were of this class.
tf.distributions.Distribution.register(_distributions.Distribution)


def _is_tensorflows(kind: type) -> bool:
    """Returns True for a class of distributions that TensorFlow itself still has."""
    return issubclass(kind, tf.distributions.Distribution) and not issubclass(kind, _distributions.Distribution)


def _convert(value: Any) -> Any:
    """Returns a distribution of TensorFlow as one of TensorFlow Probability. Other values stay as they are."""
    if _is_tensorflows(type(value)):
        return getattr(_distributions, type(value).__name__)(**value.parameters)
    return [_convert(each) for each in value] if isinstance(value, list | tuple) else value


def _of_distributions(make: Callable[..., Any]) -> Callable[..., Any]:
    """Returns a function that makes a distribution from other ones."""

    @functools.wraps(make, updated=())
    def made(*args: Any, **kwargs: Any) -> Any:
        return make(*map(_convert, args), **{name: _convert(value) for name, value in kwargs.items()})

    return made


BatchReshape = _of_distributions(_distributions.BatchReshape)
Independent = _of_distributions(_distributions.Independent)
Mixture = _of_distributions(_distributions.Mixture)
MixtureSameFamily = _of_distributions(_distributions.MixtureSameFamily)
QuantizedDistribution = _of_distributions(_distributions.QuantizedDistribution)


@_of_distributions
def TransformedDistribution(
    distribution: Any,
    bijector: Any = None,
    batch_shape: Any = None,
    event_shape: Any = None,
    validate_args: bool = False,
    name: str | None = None,
) -> Any:
    """Returns the distribution of bijector(x). event_shape: shape of x if the distribution is one of numbers."""
    if batch_shape is not None:
        raise NotImplementedError("TransformedDistribution(batch_shape=…) is not available: use tfp.distributions")
    base = distribution if event_shape is None else _distributions.Sample(distribution, event_shape)
    chosen = tfp.bijectors.Identity() if bijector is None else bijector
    return _distributions.TransformedDistribution(base, chosen, validate_args=validate_args, name=name)


def MultivariateNormalDiag(
    loc: Any = None,
    scale_diag: Any = None,
    scale_identity_multiplier: Any = None,
    validate_args: bool = False,
    allow_nan_stats: bool = True,
    name: str = "MultivariateNormalDiag",
) -> Any:
    """Returns the distribution with the standard deviations scale_diag + scale_identity_multiplier."""
    scale = scale_diag
    if scale_identity_multiplier is not None:
        multiplier = tf.convert_to_tensor(scale_identity_multiplier)[..., tf.newaxis]
        scale = multiplier + (tf.zeros_like(loc) if scale_diag is None else scale_diag)
    return _distributions.MultivariateNormalDiag(loc, scale, validate_args, allow_nan_stats, name=name)


def MultivariateNormalDiagWithSoftplusScale(loc: Any, scale_diag: Any, *args: Any, **kwargs: Any) -> Any:
    """Returns MultivariateNormalDiag(loc, softplus(scale_diag))."""
    return _distributions.MultivariateNormalDiag(loc, tf.nn.softplus(scale_diag), *args, **kwargs)


def WishartCholesky(
    df: Any,
    scale: Any,
    cholesky_input_output_matrices: bool = False,
    **kwargs: Any,
) -> Any:
    """Returns the Wishart distribution for the Cholesky factor of its scale."""
    return _distributions.WishartTriL(df, scale, input_output_cholesky=cholesky_input_output_matrices, **kwargs)


def WishartFull(df: Any, scale: Any, **kwargs: Any) -> Any:
    """Returns the Wishart distribution for its scale matrix."""
    return WishartCholesky(df, tf.linalg.cholesky(scale), **kwargs)


def kl_divergence(
    distribution_a: Any, distribution_b: Any, allow_nan_stats: bool = True, name: str | None = None
) -> tf.Tensor:
    """Returns the KL divergence of two distributions. Raises NotImplementedError if no formula is registered."""
    pair = (distribution_a, distribution_b)
    if all(_is_tensorflows(type(each)) for each in pair):
        return tf.distributions.kl_divergence(*pair, allow_nan_stats=allow_nan_stats, name=name)
    return _distributions.kl_divergence(*map(_convert, pair), allow_nan_stats=allow_nan_stats, name=name)


def RegisterKL(dist_cls_a: type, dist_cls_b: type) -> Any:
    """Returns the decorator of a function that kl_divergence calls for two classes of distributions."""
    pair = (dist_cls_a, dist_cls_b)
    of_tensorflow = [_is_tensorflows(each) for each in pair]
    if all(of_tensorflow):
        return tf.distributions.RegisterKL(*pair)
    converted = [
        getattr(_distributions, each.__name__) if old else each for each, old in zip(pair, of_tensorflow, strict=True)
    ]
    return _distributions.RegisterKL(*converted)


def _shifted(shift: Any, scale: Any, name: str) -> Any:
    """Returns the bijector shift + scale(x). Both may be None."""
    shifts = [] if shift is None else [tfp.bijectors.Shift(shift)]
    return tfp.bijectors.Chain([*shifts, *([] if scale is None else [scale])], name=name)


def _affine_scalar(
    shift: Any = None, scale: Any = None, validate_args: bool = False, name: str = "affine_scalar"
) -> Any:
    """Returns the bijector shift + scale * x of numbers."""
    return _shifted(shift, None if scale is None else tfp.bijectors.Scale(scale, validate_args=validate_args), name)


def _affine(
    shift: Any = None,
    scale_identity_multiplier: Any = None,
    scale_diag: Any = None,
    scale_tril: Any = None,
    validate_args: bool = False,
    name: str = "affine",
) -> Any:
    """Returns the bijector shift + scale @ x of vectors. Raises ValueError if more than one scale is given."""
    scales = {
        tfp.bijectors.Scale: scale_identity_multiplier,
        tfp.bijectors.ScaleMatvecDiag: scale_diag,
        tfp.bijectors.ScaleMatvecTriL: scale_tril,
    }
    given = [make(scale, validate_args=validate_args) for make, scale in scales.items() if scale is not None]
    if len(given) > 1:
        raise ValueError("bijectors.Affine: give one scale, or use tfp.bijectors")
    return _shifted(shift, given[0] if given else tfp.bijectors.Identity(), name)


def _real_nvp(num_masked: int, shift_and_log_scale_fn: Any, is_constant_jacobian: bool = False, **kwargs: Any) -> Any:
    return tfp.bijectors.RealNVP(
        num_masked,
        shift_and_log_scale_fn=shift_and_log_scale_fn,
        is_constant_jacobian=is_constant_jacobian,
        **kwargs,
    )


bijectors = ModuleType("tf.contrib.distributions.bijectors")
vars(bijectors).update({name: getattr(tfp.bijectors, name) for name in _SAME_BIJECTORS.split()})
vars(bijectors).update(
    {
        "Affine": _affine,
        "AffineScalar": _affine_scalar,
        "Gumbel": tfp.bijectors.GumbelCDF,
        "RealNVP": _real_nvp,
        "ScaleTriL": tfp.bijectors.FillScaleTriL,
        "__getattr__": module_getattr(
            bijectors.__name__,
            (),
            "the results of tensorflow_probability.bijectors are other ones, adapt the program to them",
            names="AffineLinearOperator BatchNormalization ConditionalBijector Kumaraswamy MatrixInverseTriL Ordered "
            "SinhArcsinh SoftmaxCentered masked_autoregressive_default_template masked_dense "
            "real_nvp_default_template",
        ),
    }
)
