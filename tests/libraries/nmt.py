# git: tensorflow/nmt 0be864257a76c151eef20ea689755f08bc1faf4e
# run: --api=1
# prints: perplexity [1-9]\d?\.\d\d, after 300 steps 1\.\d\d, (1\d|20) of 20 test lines right
"""Trains GNMT's network with attention to write letters as capitals, and translates with beam search."""

import argparse
import contextlib
import io
import random
import re

from nmt import nmt

LETTERS = "abcdefgh"


def write_lines(name, count):
    """Writes NAME.src with letters and NAME.tgt with the same capitals."""
    with open(f"{name}.src", "w") as source, open(f"{name}.tgt", "w") as target:
        for _ in range(count):
            line = " ".join(random.choice(LETTERS) for _ in range(random.randint(3, 5)))
            source.write(line + "\n")
            target.write(line.upper() + "\n")


random.seed(1)
for name, count in (("train", 400), ("dev", 20), ("test", 20)):
    write_lines(name, count)
for name, letters in (("src", LETTERS), ("tgt", LETTERS.upper())):
    with open(f"vocab.{name}", "w") as file:
        file.write("\n".join(["<unk>", "<s>", "</s>", *letters]) + "\n")
arguments = """
    --src=src --tgt=tgt --vocab_prefix=vocab --train_prefix=train --dev_prefix=dev --test_prefix=test --out_dir=model
    --encoder_type=gnmt --attention=scaled_luong --attention_architecture=gnmt_v2 --num_layers=2 --num_units=32
    --num_train_steps=300 --steps_per_stats=20 --batch_size=32 --optimizer=adam --learning_rate=0.01 --dropout=0.0
    --random_seed=1 --infer_mode=beam_search --beam_width=3 --num_buckets=2 --src_max_len=10 --tgt_max_len=10
"""
parser = argparse.ArgumentParser()
nmt.add_arguments(parser)
nmt.FLAGS = parser.parse_args(arguments.split())
output = io.TextIOWrapper(io.BytesIO(), "utf-8")  # nmt writes bytes too
with contextlib.redirect_stdout(output):
    nmt.main([])
output.seek(0)
perplexities = re.findall(r"eval dev: perplexity (\d+\.\d+)", output.read())
with open("model/output_test") as translated, open("test.tgt") as target:
    right = sum(line == expected for line, expected in zip(translated, target))
print(f"perplexity {perplexities[0]}, after 300 steps {perplexities[-1]}, {right} of 20 test lines right")
