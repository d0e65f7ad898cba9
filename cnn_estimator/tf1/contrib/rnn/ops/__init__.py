"""The files of tensorflow.contrib.rnn.python.ops, under the names that programs import them by."""
