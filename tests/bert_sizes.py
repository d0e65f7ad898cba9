"""The sizes of the small BERT in test_keras_weights.py, which must not import Keras, and in keras_models.py."""

HIDDEN, HEADS, LAYERS, VOCABULARY, LENGTH = 8, 2, 3, 20, 6
