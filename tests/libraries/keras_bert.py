# pip: keras-bert==0.89.0 keras-transformer==0.40.0 keras-pos-embd==0.13.0 keras-multi-head==0.29.0
# pip: keras-layer-normalization==0.16.0 keras-position-wise-feed-forward==0.8.0 keras-embed-sim==0.10.0
# pip: keras-self-attention==0.51.0
# prints: loss [1-4]\.\d+, after 3 epochs [0-1]\.\d+
"""Pretrains a small BERT on three pairs of sentences."""

import random

import numpy as np
import tensorflow as tf
from keras_bert import compile_model, gen_batch_inputs, get_base_dict, get_model

SENTENCE_PAIRS = [
    [["all", "work", "and", "no", "play"], ["makes", "jack", "a", "dull", "boy"]],
    [["from", "the", "day", "forth"], ["my", "arm", "changed"]],
    [["and", "a", "voice", "echoed"], ["power", "give", "me", "more", "power"]],
]
token_dict = get_base_dict()
for pair in SENTENCE_PAIRS:
    for token in pair[0] + pair[1]:
        token_dict.setdefault(token, len(token_dict))


def batches():
    while True:
        yield gen_batch_inputs(SENTENCE_PAIRS, token_dict, list(token_dict), seq_len=20, mask_rate=0.3)


random.seed(1)
np.random.seed(1)
tf.set_random_seed(1)
model = get_model(
    token_num=len(token_dict), head_num=5, transformer_num=2, embed_dim=25, feed_forward_dim=100, seq_len=20, pos_num=20
)
compile_model(model, learning_rate=1e-3, decay_steps=1000, warmup_steps=10)
before = model.evaluate_generator(batches(), steps=5)[0]
model.fit_generator(batches(), steps_per_epoch=50, epochs=3, verbose=0)
after = model.evaluate_generator(batches(), steps=5)[0]
print(f"loss {before:.4f}, after 3 epochs {after:.4f}")
