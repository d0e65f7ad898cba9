# pip: nltk==3.2.5 pandas==3.1.1 pytz==2026.6 resampy==0.4.3 python_speech_features==0.6 sentencepiece==0.2.3
# pip: librosa==1.0.0 lazy-loader==0.6 numba==0.68.1 llvmlite==0.50.0 soundfile==0.14.0 soxr==1.1.0 cffi==2.1.1
# pip: pycparser==3.12 msgpack==1.2.4 audioread==3.1.0 audioop-lts==0.2.2 standard-aifc==3.13.0
# pip: standard-chunk==3.13.0 standard-sunau==3.13.0
# git: NVIDIA/OpenSeq2Seq 8681d381ed404fde516e2c1b823de5a213c59aba
# run: --api=1
# prints: validation loss \d\d\.\d+, after 40 steps \d\d\.\d+
"""Trains the example that reverses sequences, with attention, and evaluates it."""

import contextlib
import io
import os
import re
import sys

import run
from open_seq2seq.test_utils.create_reversed_examples import create_data

EXAMPLE = os.path.join(os.path.dirname(run.__file__), "example_configs", "text2text", "toy-reversal")
OPTIONS = "--mode=train_eval --max_steps=40 --eval_steps=20 --batch_size_per_gpu=16 --logdir=log"

create_data(train_corpus_size=500, dev_corpus_size=32, test_corpus_size=10, data_path="toy_text_data")
sys.argv[1:] = [f"--config_file={os.path.join(EXAMPLE, 'nmt-reversal-RR.py')}", *OPTIONS.split()]
output = io.StringIO()
with contextlib.redirect_stdout(output):
    run.main()
losses = re.findall(r"Validation loss: (\S+)", output.getvalue())
print(f"validation loss {losses[0]}, after 40 steps {losses[-1]}")
