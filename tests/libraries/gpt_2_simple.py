# pip: gpt-2-simple==0.7.2 toposort==1.5 tqdm==4.70.1 regex==2026.11.19
# prints: loss 5\.\d+, after 30 steps [0-4]\.\d+, generated \d+ letters
"""Finetunes a small model with the files of GPT-2's 124M model, and generates a text from its checkpoint."""

import contextlib
import io
import json
import os
import re

import gpt_2_simple
import tensorflow as tf
from gpt_2_simple.src import encoder, model

MODEL = os.path.join("models", "124M")


def write_model():
    """Writes a model with random weights, whose tokens are bytes."""
    os.makedirs(MODEL)
    letters = list(encoder.bytes_to_unicode().values())
    tokens = {token: number for number, token in enumerate([*letters, "th", "<|endoftext|>"])}
    sizes = {"n_vocab": len(tokens), "n_ctx": 1024, "n_embd": 32, "n_head": 2, "n_layer": 2}
    for name, content in ("encoder.json", json.dumps(tokens)), ("hparams.json", json.dumps(sizes)):
        with open(os.path.join(MODEL, name), "w") as file:
            file.write(content)
    with open(os.path.join(MODEL, "vocab.bpe"), "w") as file:
        file.write("#version: 0.2\nt h\n")
    hparams = model.default_hparams()
    hparams.override_from_dict(sizes)
    model.model(hparams=hparams, X=tf.placeholder(tf.int32, [1, None]))
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        tf.train.Saver().save(session, os.path.join(MODEL, "model.ckpt"))
    tf.reset_default_graph()


tf.logging.set_verbosity(tf.logging.ERROR)
write_model()
with open("text.txt", "w") as file:
    file.write("the quick brown fox jumps over the lazy dog. " * 50)
session = gpt_2_simple.start_tf_sess()
with contextlib.redirect_stdout(io.StringIO()) as output:
    gpt_2_simple.finetune(
        session, "text.txt", steps=30, learning_rate=0.01, accumulate_gradients=2, sample_length=20, sample_every=20
    )
losses = re.findall(r"loss=(\S+)", output.getvalue())
session = gpt_2_simple.reset_session(session)
gpt_2_simple.load_gpt2(session)
text = gpt_2_simple.generate(session, length=40, prefix="the", seed=1, return_as_list=True)[0]
print(f"loss {losses[0]}, after 30 steps {losses[-1]}, generated {len(text)} letters")
