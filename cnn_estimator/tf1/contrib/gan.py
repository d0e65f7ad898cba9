"""tf.contrib.gan, which TensorFlow 1.14 had last: names of the package tensorflow-gan if it is installed."""

import importlib
import importlib.util
import inspect

from cnn_estimator.tf1.unavailable import module_getattr

_sources: tuple[object, ...] = ()
if not importlib.util.find_spec("tensorflow_gan"):
    _instead = "pip install tensorflow-gan, which has it"
elif not hasattr(inspect, "getargspec"):
    _instead = "the package tensorflow-gan needs old names of Python: run the program by `cnn-estimator run`"
else:
    _sources = (importlib.import_module("cnn_estimator.tf1.contrib._tensorflow_gan"),)
    _instead = "use the package tensorflow-gan"

__getattr__ = module_getattr(
    "tf.contrib.gan",
    _sources,
    _instead,
    names="ACGANModel CycleGANLoss CycleGANModel GANLoss GANModel GANTrainOps GANTrainSteps InfoGANModel "
    "RunTrainOpsHook StarGANModel acgan_model cyclegan_loss cyclegan_model estimator eval features gan_loss gan_model "
    "gan_train gan_train_ops get_joint_train_hooks get_sequential_train_hooks get_sequential_train_steps "
    "infogan_model losses stargan_loss stargan_model",
)
