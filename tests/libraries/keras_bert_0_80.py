# pip: keras-bert==0.80.0 keras-transformer==0.33.0 keras-pos-embd==0.11.0 keras-multi-head==0.27.0
# pip: keras-layer-normalization==0.14.0 keras-position-wise-feed-forward==0.6.0 keras-embed-sim==0.8.0
# pip: keras-self-attention==0.46.0
# prints: loss [01]\.\d+, after 5 epochs 0\.\d+, accuracy 1\.0, restored: 0 of 39 weights differ
"""Finetunes a small BERT to tell two kinds of sentences apart, with warmup, and restores the model from a file."""

import os

import numpy as np
from tensorflow.python import keras

os.environ["TF_KERAS"] = "1"  # keras_bert reads it
from keras_bert import AdamWarmup, Tokenizer, calc_train_steps, get_custom_objects, get_model

WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "good", "nice", "bad", "poor", "film", "##s", "the"]
SENTENCES = ["the good films", "nice film", "the nice films", "bad film", "the poor films", "the bad films"] * 8
LABELS = np.array([1, 1, 1, 0, 0, 0] * 8)

tokenizer = Tokenizer({word: number for number, word in enumerate(WORDS)})
encoded = [tokenizer.encode(sentence, max_len=8) for sentence in SENTENCES]
inputs = [np.array(column) for column in zip(*encoded)]
sizes = {"head_num": 2, "transformer_num": 2, "embed_dim": 16, "feed_forward_dim": 32, "seq_len": 8, "pos_num": 8}
bert_inputs, features = get_model(len(WORDS), training=False, trainable=True, dropout_rate=0, **sizes)
first_token = keras.layers.Lambda(lambda tokens: tokens[:, 0])(features)
model = keras.models.Model(bert_inputs, keras.layers.Dense(2, activation="softmax")(first_token))
decay_steps, warmup_steps = calc_train_steps(num_example=len(LABELS), batch_size=8, epochs=5)
optimizer = AdamWarmup(decay_steps, warmup_steps, lr=0.01, weight_decay=0.01)
model.compile(optimizer, loss="sparse_categorical_crossentropy", metrics=["sparse_categorical_accuracy"])
before = model.evaluate(inputs, LABELS, verbose=0)[0]
model.fit(inputs, LABELS, batch_size=8, epochs=5, shuffle=False, verbose=0)
after, accuracy = model.evaluate(inputs, LABELS, verbose=0)
model.save("model.h5")
restored = keras.models.load_model("model.h5", custom_objects=get_custom_objects())
different = sum(not np.array_equal(*pair) for pair in zip(model.get_weights(), restored.get_weights()))
print(
    f"loss {before:.4f}, after 5 epochs {after:.4f}, accuracy {accuracy}, "
    f"restored: {different} of {len(model.get_weights())} weights differ"
)
