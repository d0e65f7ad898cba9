"""The files of tensorflow.contrib.seq2seq.python.ops, under the names that programs import them by."""
