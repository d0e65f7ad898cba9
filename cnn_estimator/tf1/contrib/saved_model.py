"""tf.contrib.saved_model, which saved and loaded Keras models: all names are errors."""

from cnn_estimator.tf1.unavailable import Unavailable, module_getattr

save_keras_model = Unavailable("tf.contrib.saved_model.save_keras_model", "use tf.keras.models.save_model")
load_keras_model = Unavailable("tf.contrib.saved_model.load_keras_model", "use tf.keras.models.load_model")

__getattr__ = module_getattr("tf.contrib.saved_model", (), "use tf.saved_model", names="")
