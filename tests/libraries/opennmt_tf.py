# pip: OpenNMT-tf==1.25.3 rouge==0.3.1 sacrebleu==1.5.1 portalocker==4.4.2
# run: --api=1
# prints: loss at first [23]\.\d+, after 200 steps 0\.\d+, (1\d|20) of 20 test lines right
"""Trains a Transformer to write letters as capitals, and translates with beam search."""

import glob
import os
import random

import opennmt
import tensorflow as tf

LETTERS = "abcdefgh"


def write_lines(name, count):
    """Writes NAME.src with letters and NAME.tgt with the same capitals."""
    with open(f"{name}.src", "w") as source, open(f"{name}.tgt", "w") as target:
        for _ in range(count):
            line = " ".join(random.choice(LETTERS) for _ in range(random.randint(3, 5)))
            source.write(line + "\n")
            target.write(line.upper() + "\n")


def write_vocabulary(path, letters):
    vocabulary = opennmt.utils.Vocab(special_tokens=["<blank>", "<s>", "</s>"])
    for letter in letters:
        vocabulary.add(letter)
    vocabulary.serialize(path)


def embedder(key):
    return opennmt.inputters.WordEmbedder(vocabulary_file_key=key, embedding_size=32)


tf.logging.set_verbosity(tf.logging.ERROR)
random.seed(1)
os.makedirs("model")
write_lines("train", 400)
write_lines("test", 20)
write_vocabulary("src.vocab", LETTERS)
write_vocabulary("tgt.vocab", LETTERS.upper())
model = opennmt.models.Transformer(
    source_inputter=embedder("source_words_vocabulary"),
    target_inputter=embedder("target_words_vocabulary"),
    num_layers=2,
    num_units=32,
    num_heads=2,
    ffn_inner_dim=64,
    dropout=0.1,
)
config = {
    "model_dir": "model",
    "data": {
        "train_features_file": "train.src",
        "train_labels_file": "train.tgt",
        "eval_features_file": "test.src",
        "eval_labels_file": "test.tgt",
        "source_words_vocabulary": "src.vocab",
        "target_words_vocabulary": "tgt.vocab",
    },
    "params": {"optimizer": "AdamOptimizer", "learning_rate": 0.003, "beam_width": 3},
    "train": {"batch_size": 32, "train_steps": 200, "save_checkpoints_steps": 200, "sample_buffer_size": 400},
}
runner = opennmt.Runner(model, config, seed=1)
runner.train()
loss = runner.evaluate()["loss"]
runner.infer("test.src", predictions_file="translated.txt")
with open("translated.txt") as file, open("test.tgt") as target:
    right = sum(line == expected for line, expected in zip(file, target))
events = [event for path in glob.glob("model/events*") for event in tf.train.summary_iterator(path)]
losses = [value.simple_value for event in events for value in event.summary.value if value.tag == "loss"]
print(f"loss at first {losses[0]:.4f}, after 200 steps {loss:.4f}, {right} of 20 test lines right")
