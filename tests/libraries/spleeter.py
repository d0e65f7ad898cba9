# pip: spleeter==1.5.4 ffmpeg-python==0.2.0 future==1.0.0 pandas==3.1.1 pytz==2026.6 librosa==1.0.0 lazy-loader==0.6
# pip: numba==0.68.1 llvmlite==0.50.0 soundfile==0.14.0 soxr==1.1.0 cffi==2.1.1 pycparser==3.12 msgpack==1.2.4
# pip: audioread==3.1.0 audioop-lts==0.2.2 standard-aifc==3.13.0 standard-chunk==3.13.0 standard-sunau==3.13.0
# run: --api=1
# prints: mix like the voice 0\.7\d, separated with TensorFlow 0\.[89]\d, with librosa 0\.[89]\d
"""Trains the U-Net for two stems on made-up songs, and separates the voice of one of them."""

import argparse
import csv
import json
import os

import numpy as np
import scipy.io.wavfile
from spleeter.audio.adapter import AudioAdapter

RATE = 8000
SECONDS = 16
STEMS = ("vocals", "accompaniment")
PARAMS = {
    "train_csv": "songs.csv",
    "validation_csv": "songs.csv",
    "model_dir": os.path.abspath("model"),
    "mix_name": "mix",
    "instrument_list": list(STEMS),
    "sample_rate": RATE,
    "frame_length": 256,
    "frame_step": 128,
    "T": 64,
    "F": 64,
    "n_channels": 2,
    "n_chunks_per_song": 1,
    "chunk_duration": 10.0,
    "separation_exponent": 2,
    "mask_extension": "zeros",
    "learning_rate": 1e-3,
    "batch_size": 2,
    "train_max_steps": 60,
    "throttle_secs": 600,
    "random_seed": 3,
    "save_checkpoints_steps": 100,
    "save_summary_steps": 100,
    "model": {
        "type": "unet.unet",
        "params": {
            "conv_activation": "ELU",
            "deconv_activation": "ELU",
            "conv_n_filters": [4, 8, 16, 32, 64, 128],
        },
    },
}


class WaveFiles(AudioAdapter):
    """Reads files with SciPy, because Spleeter's own adapter starts the program ffmpeg."""

    def load(self, audio_descriptor, offset=0.0, duration=1800.0, sample_rate=RATE, dtype=np.float32):
        path = audio_descriptor.decode() if isinstance(audio_descriptor, bytes) else audio_descriptor
        rate, samples = scipy.io.wavfile.read(path)
        first = int(offset * rate)
        return samples[first : first + int(duration * rate)], rate

    def save(self, path, data, sample_rate, codec=None, bitrate=None):
        scipy.io.wavfile.write(path, sample_rate, data)


def write_songs():
    """Writes two songs of a high voice, a low drum and noise, and the list of their files."""
    random = np.random.RandomState(0)
    times = np.arange(RATE * SECONDS)[:, None] / RATE
    with open("songs.csv", "w") as file:
        writer = csv.writer(file)
        writer.writerow([*(f"{name}_path" for name in ("mix", *STEMS)), "duration"])
        for song in range(2):
            voice = 0.4 * np.sin(2 * np.pi * (1500 + 200 * song) * times) * np.ones((1, 2))
            drum = 0.4 * np.sin(2 * np.pi * 150 * times) + 0.02 * random.randn(len(times), 2)
            paths = [f"{name}{song}.wav" for name in ("mix", *STEMS)]
            for path, track in zip(paths, (voice + drum, voice, drum)):
                scipy.io.wavfile.write(path, RATE, track.astype(np.float32))
            writer.writerow([*paths, SECONDS])


AudioAdapter.DEFAULT = WaveFiles()  # Spleeter reads it when it is imported
from spleeter.commands import train  # noqa: E402
from spleeter.separator import Separator  # noqa: E402

write_songs()
train.entrypoint(argparse.Namespace(audio_adapter=None, audio_path=os.getcwd()), dict(PARAMS))
with open("params.json", "w") as file:
    json.dump(PARAMS, file)
mix, _ = AudioAdapter.DEFAULT.load("mix0.wav")
voice, _ = AudioAdapter.DEFAULT.load("vocals0.wav")


def likeness(sound):
    """Returns the correlation of a sound with the voice, without the ends, which librosa makes louder."""
    middle = slice(RATE, RATE * (SECONDS - 1))
    return np.corrcoef(sound[middle, 0], voice[middle, 0])[0, 1]


separated = []
for backend in ("tensorflow", "librosa"):
    separator = Separator("params.json", stft_backend=backend, multiprocess=False)
    separated.append(likeness(separator.separate(mix, "mix0")["vocals"]))
print(
    "mix like the voice {:.2f}, separated with TensorFlow {:.2f}, with librosa {:.2f}".format(likeness(mix), *separated)
)
