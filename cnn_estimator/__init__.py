"""The TensorFlow 1 Estimator tutorials on convolutional networks, alive on TensorFlow 2.15 to 2.21."""
