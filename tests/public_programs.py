"""Runs the public programs that the bridge was built with: python tests/public_programs.py [NAMES…]

Each program runs unmodified by `cnn-estimator run`, in a copy of its repository at one commit, with the repository's
own data, the public MNIST or small made-up data. A program ran if it came to its end, or if it printed the text that
its row names, such as a later step of a long training; then it is stopped.
NAMES are parts of OWNER/NAME/PATH and select programs. Some programs read files that earlier rows of the repository
have written: select them together. Without --sources the repositories are cloned from GitHub.
The programs need more packages: pip install fire h5py matplotlib pandas regex scikit-learn scipy six tensorflow-gan
git+https://github.com/guillaumegenthial/tf_metrics
"""

import argparse
import dataclasses
import gzip
import json
import os
import pathlib
import random
import re
import shlex
import shutil
import signal
import site
import struct
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable

import numpy as np

PROJECT = pathlib.Path(__file__).resolve().parent.parent
LAST_LINE_WIDTH = 100
# The home folder of the programs, in the copy of a repository. It shares the cache of data with the user's.
HOME = ".home"
KERAS_DATASETS = ".home/.keras/datasets"


@dataclasses.dataclass(frozen=True)
class Program:
    """A program of a repository.

    Attributes:
      path: its file in the repository.
      arguments: its command line.
      until: a regular expression. The program ran when its output matches, and is stopped.
      module: its name for `run -m`, if it is run so. It runs in the folder that the name starts from.
    """

    path: str
    arguments: str = ""
    until: str = ""
    module: str = ""


@dataclasses.dataclass(frozen=True)
class Repository:
    """Programs of a repository of GitHub, in the order in which they run.

    Attributes:
      name: OWNER/NAME.
      data: writes made-up data for the programs. It gets the folder of the repository's copy.
      only: the folders of a large repository that its programs need. Empty means all.
      at_root: True if the programs run in the repository's root and import from there.
    """

    name: str
    commit: str
    programs: tuple[Program, ...]
    data: Callable[[pathlib.Path], None] | None = None
    only: tuple[str, ...] = ()
    at_root: bool = False


def write(path: pathlib.Path, text: str) -> None:
    """Writes a text file and the folders that it needs."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def iris_rows() -> str:
    """Returns the text of an iris file: the first line has the number of rows and columns."""
    rows = [f"{5 + kind},{3 + kind},{1 + 2 * kind},{kind + 0.1 * row},{kind}" for row in range(10) for kind in range(3)]
    return "\n".join([f"{len(rows)},4,setosa,versicolor,virginica", *rows]) + "\n"


def census_rows(separator: str) -> str:
    """Returns the text of a census file."""
    rows = [
        [
            20 + row,
            "Private",
            226802,
            "11th",
            7,
            "Divorced",
            "Sales",
            "Wife",
            "White",
            "Female",
            0,
            0,
            40,
            "Cuba",
            income,
        ]
        for row in range(40)
        for income in ("<=50K", ">50K")
    ]
    return "\n".join(separator.join(map(str, row)) for row in rows) + "\n"


def random_bytes(count: int) -> bytes:
    """Returns bytes that are the same in each run."""
    return random.Random(1).randbytes(count)


def idx_files(folder: pathlib.Path, images: int = 300) -> None:
    """Writes the four files of MNIST in the IDX format, compressed and not."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("train", "t10k"):
        pixels = struct.pack(">4i", 2051, images, 28, 28) + random_bytes(images * 28 * 28)
        labels = struct.pack(">2i", 2049, images) + bytes(number % 10 for number in range(images))
        for file_name, data in ((f"{name}-images-idx3-ubyte", pixels), (f"{name}-labels-idx1-ubyte", labels)):
            (folder / file_name).write_bytes(data)
            (folder / f"{file_name}.gz").write_bytes(gzip.compress(data, 1))


def cifar_files(folder: pathlib.Path, images: int = 40) -> None:
    """Writes CIFAR-10's binary files: a label and 32 x 32 x 3 pixels per image."""
    folder.mkdir(parents=True)
    for name in [*(f"data_batch_{number}" for number in range(1, 6)), "test_batch"]:
        records = (bytes([number % 10]) + random_bytes(3072) for number in range(images))
        (folder / f"{name}.bin").write_bytes(b"".join(records))


def records_file(path: pathlib.Path, examples: int, features: Callable[[int], dict[str, list]]) -> None:
    """Writes a file of tf.train.Example. features(number) returns the features of an example."""
    import tensorflow as tf  # late: most programs need no records

    path.parent.mkdir(parents=True, exist_ok=True)
    with tf.io.TFRecordWriter(str(path)) as writer:
        for number in range(examples):
            example = tf.train.Example()
            for name, values in features(number).items():
                kinds = {int: "int64_list", float: "float_list", bytes: "bytes_list"}
                getattr(example.features.feature[name], kinds[type(values[0])]).value.extend(values)
            writer.write(example.SerializeToString())


def png(width: int, height: int) -> bytes:
    """Returns a grey picture."""
    import tensorflow as tf  # late: most programs need no pictures

    return tf.io.encode_png(np.full([height, width, 1], 128, np.uint8)).numpy()


VOCABULARY_SIZE = 300
SENTENCES = ["The quick brown fox jumps over the lazy dog .", "A small cat sleeps in the warm sun .", "It rains ."]


def vocabulary(text: str) -> str:
    """Returns the lines of a vocabulary of BERT: special tokens, the words of a text and unused ones."""
    words = sorted(set(re.findall(r"\w+|[^\w\s]", text.lower())))
    tokens = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *words][:VOCABULARY_SIZE]
    unused = [f"[unused{number}]" for number in range(VOCABULARY_SIZE - len(tokens))]
    return "\n".join(tokens + unused) + "\n"


TINY_BERT = {
    "vocab_size": VOCABULARY_SIZE,
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 64,
    "max_position_embeddings": 64,
    "type_vocab_size": 2,
}

ELECTRA_SETTINGS = {
    "debug": True,
    "vocab_size": VOCABULARY_SIZE,
    "max_seq_length": 32,
    "model_hparam_overrides": {
        "hidden_size": 32,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "intermediate_size": 64,
    },
}
ELECTRA = json.dumps(ELECTRA_SETTINGS | {"num_train_steps": 4})
ELECTRA_SST = json.dumps(ELECTRA_SETTINGS | {"task_names": ["sst"]})

AYMERICDAMIEN = "tensorflow_v1/examples"
DEEPDIVE = "courses/machine_learning/deepdive"
LEARN = "tensorflow/examples/learn"
TUTORIALS = "tensorflow/examples/tutorials"
CENSUS = "--train-files=train.csv --eval-files=eval.csv --job-dir=job --train-steps=20 --eval-steps=2"
TPU_TEMPLATE = "--model-dir=model --max-steps=20 --save-checkpoints-steps=10"


def cloudml_files(copy: pathlib.Path) -> None:
    """Writes the data of the samples for Cloud ML: census, iris, Boston's houses and images."""
    for folder in ("customestimator", "estimator", "tensorflowcore"):
        for name in ("train.csv", "eval.csv"):
            write(copy / "census" / folder / name, census_rows(", "))
    standard = copy / "tensorflow" / "standard"
    write(standard / "iris" / "iris.csv", iris_rows())
    idx_files(standard / "mnist")
    houses = np.arange(100 * 13, dtype=np.float64).reshape(100, 13)
    np.savez(standard / "boston" / "boston_housing.npz", x=houses, y=houses[:, 0])


def tutorial_files(copy: pathlib.Path) -> None:
    """Writes iris, the sizes and ages of abalones, and articles with their class, title and text."""
    for name in ("iris_training.csv", "iris_test.csv"):
        write(copy / LEARN / name, iris_rows())
    rows = [",".join([f"{row / 100 + column / 10:.3f}" for column in range(7)] + [str(row % 20)]) for row in range(100)]
    write(copy / TUTORIALS / "estimators" / "abalone.csv", "\n".join(rows) + "\n")
    articles = [f"{1 + row % 14},title {row},an article about word{row % 14} and word{row % 5}" for row in range(140)]
    for name in ("train.csv", "test.csv"):
        write(copy / LEARN / "dbpedia_data" / "dbpedia_csv" / name, "\n".join(articles) + "\n")


def bert_files(copy: pathlib.Path) -> None:
    """Writes a vocabulary, the configuration of a small model, sentences with labels, and questions."""
    write(copy / "vocab.txt", vocabulary((copy / "sample_text.txt").read_text()))
    write(copy / "config.json", json.dumps(TINY_BERT))
    write(copy / "input.txt", "\n".join(SENTENCES))
    rows = [f"id\t{number % 2}\t*\t{sentence}" for number, sentence in enumerate(SENTENCES * 4)]
    for name in ("train.tsv", "dev.tsv"):
        write(copy / "cola" / name, "\n".join(rows))
    answer = {"text": "fox", "answer_start": SENTENCES[0].index("fox")}
    questions = [{"id": str(number), "question": "What jumps ?", "answers": [answer]} for number in range(8)]
    paragraphs = [{"context": SENTENCES[0], "qas": questions}]
    write(copy / "squad.json", json.dumps({"data": [{"title": "fox", "paragraphs": paragraphs}]}))


def electra_files(copy: pathlib.Path) -> None:
    """Writes a vocabulary, a text and sentences with labels."""
    write(copy / "data" / "vocab.txt", vocabulary(" ".join(SENTENCES)))
    write(copy / "corpus" / "text.txt", "\n".join(SENTENCES * 200))
    rows = ["sentence\tlabel", *(f"{sentence}\t{number % 2}" for number, sentence in enumerate(SENTENCES * 8))]
    for name in ("train.tsv", "dev.tsv"):
        write(copy / "data" / "finetuning_data" / "sst" / name, "\n".join(rows))


def albert_files(copy: pathlib.Path) -> None:
    """Writes records of masked sentences, the configuration of a small model and the package's name."""

    def features(number: int) -> dict[str, list]:
        words = [5 + (number + position) % 100 for position in range(32)]
        return {
            "input_ids": words,
            "input_mask": [1] * 32,
            "segment_ids": [0] * 32,
            "next_sentence_labels": [number % 2],
            "masked_lm_positions": [1, 2, 3, 4, 5],
            "masked_lm_ids": words[1:6],
            "masked_lm_weights": [1.0] * 5,
        }

    records_file(copy / "examples.tfrecord", 32, features)
    write(copy / "config.json", json.dumps(TINY_BERT | {"embedding_size": 16}))
    (copy / "albert").symlink_to(copy)  # the program imports its folder as a package


def gpt2_files(copy: pathlib.Path) -> None:
    """Writes the checkpoint and the vocabulary of a small GPT-2."""
    import tensorflow.compat.v1 as tf  # late: most programs need no checkpoint

    tokens = [*map(chr, range(ord("!"), ord("~") + 1)), "<|endoftext|>"]
    shapes = {"wpe": [16, 8], "wte": [len(tokens), 8], "ln_f/g": [8], "ln_f/b": [8]}
    for name in ("ln_1", "ln_2"):
        shapes |= {f"h0/{name}/g": [8], f"h0/{name}/b": [8]}
    for name, inputs, outputs in (
        ("attn/c_attn", 8, 24),
        ("attn/c_proj", 8, 8),
        ("mlp/c_fc", 8, 32),
        ("mlp/c_proj", 32, 8),
    ):
        shapes |= {f"h0/{name}/w": [1, inputs, outputs], f"h0/{name}/b": [outputs]}
    folder = copy / "models" / "tiny"
    sizes = {"n_vocab": len(tokens), "n_ctx": 16, "n_embd": 8, "n_head": 2, "n_layer": 1}
    write(folder / "hparams.json", json.dumps(sizes))
    write(folder / "encoder.json", json.dumps({token: number for number, token in enumerate(tokens)}))
    write(folder / "vocab.bpe", "#version\na b\n")
    with tf.Graph().as_default(), tf.Session() as session:
        for name, shape in shapes.items():
            tf.get_variable(f"model/{name}", shape, initializer=tf.random_normal_initializer(seed=1))
        session.run(tf.global_variables_initializer())
        tf.train.Saver().save(session, str(folder / "model.ckpt"))


def models_files(copy: pathlib.Path) -> None:
    """Writes the data of TensorFlow's models: images, census, cars, iris, a text, and images as records."""
    idx_files(copy / "digits")
    cifar_files(copy / "cifar" / "cifar-10-batches-bin")
    for name in ("adult.data", "adult.test"):
        write(copy / "census" / name, census_rows(","))
    for name in ("iris_training.csv", "iris_test.csv"):
        write(copy / KERAS_DATASETS / name, iris_rows())
    car = "3,90,alfa,gas,std,two,sedan,fwd,front,88.6,168.8,64.1,48.8,{},dohc,four,130,mpfi,3.4,2.6,9,111,5000,21,27,{}"
    write(
        copy / KERAS_DATASETS / "imports-85.data", "\n".join(car.format(2000 + i, 10000 + 50 * i) for i in range(200))
    )
    for name in ("train", "valid", "test"):
        write(copy / "ptb" / f"ptb.{name}.txt", "\n".join(SENTENCES * 40))
    image = png(28, 28)
    for name in ("train", "test"):
        records_file(
            copy / "digits" / f"mnist_{name}.tfrecord",
            32,
            lambda number: {"image/encoded": [image], "image/format": [b"png"], "image/class/label": [number % 10]},
        )
    higgs = np.random.RandomState(1).rand(200, 29).astype(np.float32)
    higgs[:, 0] = higgs[:, 0] > 0.5
    (copy / "higgs").mkdir()
    np.savez(copy / "higgs" / "HIGGS.csv.gz.npz", data=higgs)


def cs230_files(copy: pathlib.Path) -> None:
    """Makes the vocabulary of the repository's own sentences, and pictures whose names start with the class."""
    import tensorflow as tf  # late: most programs need no pictures

    command = [sys.executable, "build_vocab.py", "--data_dir=data/small"]
    subprocess.run(command, cwd=copy / "tensorflow" / "nlp", stdout=subprocess.DEVNULL, check=True)
    picture = tf.io.encode_jpeg(np.full([64, 64, 3], 128, np.uint8)).numpy()
    for name in ("train_signs", "dev_signs"):
        folder = copy / "tensorflow" / "vision" / "data" / "signs" / name
        folder.mkdir(parents=True)
        for number in range(36):
            (folder / f"{number % 6}_{number}.jpg").write_bytes(picture)


def few_ratings(copy: pathlib.Path) -> None:
    """Leaves the ratings of four users in the repository's own data."""
    for name in ("train", "test"):
        path = copy / "recommendation" / "Basic-IRGAN-Demo" / "ml-100k" / f"movielens-100k-{name}.txt"
        rows = [line for line in path.read_text().splitlines(keepends=True) if int(line.split()[0]) < 4]
        path.write_text("".join(rows))


def taxi_files(copy: pathlib.Path) -> None:
    """Writes the fares of taxis."""
    rows = [f"{5 + row % 20},-73.{row},40.7{row},-73.9,40.7,{1 + row % 4},key{row}" for row in range(100)]
    write(copy / DEEPDIVE / "03_tensorflow" / "taxifare" / "taxi.csv", "\n".join(rows) + "\n")


REPOSITORIES = (
    Repository(
        "aymericdamien/TensorFlow-Examples",
        "6dcbe14649163814e72a22a999f20c5e247ce988",
        (
            Program(f"{AYMERICDAMIEN}/1_Introduction/basic_eager_api.py"),
            Program(f"{AYMERICDAMIEN}/2_BasicModels/linear_regression.py"),
            Program(f"{AYMERICDAMIEN}/2_BasicModels/linear_regression_eager_api.py"),
            Program(f"{AYMERICDAMIEN}/2_BasicModels/logistic_regression.py"),
            Program(f"{AYMERICDAMIEN}/2_BasicModels/logistic_regression_eager_api.py"),
            Program(f"{AYMERICDAMIEN}/3_NeuralNetworks/autoencoder.py", until="Step 1000:"),
            Program(f"{AYMERICDAMIEN}/3_NeuralNetworks/bidirectional_rnn.py", until="Step 200,"),
            Program(f"{AYMERICDAMIEN}/3_NeuralNetworks/convolutional_network.py"),
            Program(f"{AYMERICDAMIEN}/3_NeuralNetworks/convolutional_network_raw.py", until="Step 50,"),
            Program(f"{AYMERICDAMIEN}/3_NeuralNetworks/dcgan.py", until="Step 100:"),
            Program(f"{AYMERICDAMIEN}/3_NeuralNetworks/dynamic_rnn.py", until="Step 25600,"),
            Program(f"{AYMERICDAMIEN}/3_NeuralNetworks/gan.py", until="Step 1000:"),
            Program(f"{AYMERICDAMIEN}/3_NeuralNetworks/multilayer_perceptron.py", until="Epoch: 0002"),
            Program(f"{AYMERICDAMIEN}/3_NeuralNetworks/neural_network.py"),
            Program(f"{AYMERICDAMIEN}/3_NeuralNetworks/neural_network_eager_api.py"),
            Program(f"{AYMERICDAMIEN}/3_NeuralNetworks/neural_network_raw.py"),
            Program(f"{AYMERICDAMIEN}/3_NeuralNetworks/recurrent_network.py", until="Step 200,"),
            Program(f"{AYMERICDAMIEN}/3_NeuralNetworks/variational_autoencoder.py", until="Step 1000,"),
            Program(f"{AYMERICDAMIEN}/5_DataManagement/tensorflow_dataset_api.py", until="Step 200,"),
        ),
    ),
    Repository(
        "hadusam/tensorflow",
        "c169282cfe03e146350d2e17f79be4bf759c4146",
        (
            Program(f"{TUTORIALS}/layers/cnn_mnist.py", until=r"\(\d+\.\d+ sec\)"),
            Program(f"{TUTORIALS}/mnist/mnist_softmax.py", "--data_dir=MNIST_data"),
            Program(f"{TUTORIALS}/mnist/mnist_softmax_xla.py", "--data_dir=MNIST_data --xla="),
            Program(f"{TUTORIALS}/mnist/mnist_deep.py", "--data_dir=MNIST_data", until="step 200,"),
            Program(
                f"{TUTORIALS}/mnist/mnist_with_summaries.py", "--data_dir=MNIST_data --log_dir=log --max_steps=111"
            ),
            Program(
                f"{TUTORIALS}/mnist/fully_connected_feed.py",
                "--input_data_dir=MNIST_data --log_dir=log --max_steps=200",
            ),
            Program("tensorflow/examples/how_tos/reading_data/convert_to_records.py", "--directory=."),
            Program(
                f"{TUTORIALS}/estimators/abalone.py",
                "--train_data=abalone.csv --test_data=abalone.csv --predict_data=abalone.csv",
                until=r"step = 201\b",
            ),
            Program(f"{TUTORIALS}/input_fn/boston.py", until=r"step = 201\b"),
            Program(f"{LEARN}/iris.py"),
            Program(f"{LEARN}/iris_custom_model.py"),
            Program(f"{LEARN}/iris_custom_decay_dnn.py"),
            Program(f"{LEARN}/iris_run_config.py"),
            Program(f"{LEARN}/mnist.py", until=r"step = 101\b"),
            Program(f"{LEARN}/multiple_gpu.py"),
            Program(f"{LEARN}/hdf5_classification.py"),
            Program(f"{LEARN}/text_classification.py"),
            Program(f"{LEARN}/text_classification_cnn.py"),
            Program(f"{LEARN}/text_classification_character_rnn.py", until=r"step = 1\b"),
            Program(f"{LEARN}/text_classification_character_cnn.py"),
        ),
        data=tutorial_files,
        only=("tensorflow/examples",),
    ),
    Repository(
        "guillaumegenthial/tf_ner",
        "e9bca45c7a3d73e1b7ee5ce12ff4f33e4598f9d9",
        (
            Program("models/lstm_crf/main.py"),
            Program("models/lstm_crf/interact.py"),
            Program("models/lstm_crf/export.py"),
            Program("models/lstm_crf/serve.py"),
            Program("models/lstm_crf_ema/main.py"),
            Program("models/chars_conv_lstm_crf/main.py"),
            Program("models/chars_conv_lstm_crf/interact.py"),
            Program("models/chars_conv_lstm_crf/export.py"),
            Program("models/chars_conv_lstm_crf/serve.py"),
            Program("models/chars_conv_lstm_crf_ema/main.py"),
            Program("models/chars_lstm_lstm_crf/main.py"),
            Program("models/chars_lstm_lstm_crf_ema/main.py"),
        ),
    ),
    Repository(
        "GoogleCloudPlatform/cloudml-samples",
        "efddc4a9898127e55edc0946557aca4bfaf59705",
        (
            Program("census/customestimator/trainer/task.py", CENSUS, module="trainer.task"),
            Program("census/estimator/trainer/task.py", CENSUS, module="trainer.task"),
            Program("census/tensorflowcore/trainer/task.py", CENSUS, module="trainer.task"),
            Program("tpu/templates/tpu_estimator/trainer.py", TPU_TEMPLATE),
            Program("tpu/templates/tpu_cnn_estimator/trainer.py", TPU_TEMPLATE),
            Program("tpu/templates/tpu_film_estimator/trainer.py", TPU_TEMPLATE),
            Program("tpu/templates/tpu_grl_estimator/trainer.py", TPU_TEMPLATE),
            Program("tpu/templates/tpu_lstm_estimator/trainer.py", TPU_TEMPLATE),
            Program("tpu/templates/tpu_gan_estimator/trainer.py", TPU_TEMPLATE),
            Program("tpu/templates/tpu_gan_estimator/trainer_single.py", TPU_TEMPLATE),
            Program(
                "tensorflow/standard/mnist/trainer/task.py",
                "--job-dir=job --num-epochs=1 --train-file=train-images-idx3-ubyte.gz"
                " --train-labels-file=train-labels-idx1-ubyte.gz --test-file=t10k-images-idx3-ubyte.gz"
                " --test-labels-file=t10k-labels-idx1-ubyte.gz",
                module="trainer.task",
            ),
            Program(
                "tensorflow/standard/iris/trainer/task.py",
                "--job-dir=job --train-files=iris.csv --eval-files=iris.csv --train-steps=20",
                module="trainer.task",
            ),
            Program(
                "tensorflow/standard/boston/trainer/task.py",
                "--job-dir=job --train-file=boston_housing.npz --num-epochs=2",
                module="trainer.task",
            ),
        ),
        data=cloudml_files,
        only=("census", "tensorflow/standard", "tpu/templates"),
    ),
    Repository(
        "MorvanZhou/Tensorflow-Tutorial",
        "42dc32de532d146725aeef965d87871142a542d6",
        (
            Program("tutorial-contents/306_dataset.py"),
            Program("tutorial-contents/402_RNN_classification.py"),
            Program("tutorial-contents/403_RNN_regression.py"),
            Program("tutorial-contents/502_batch_normalization.py"),
        ),
    ),
    Repository(
        "nlintz/TensorFlow-Tutorials",
        "d6bdab7df46492446c48537fcf37e20ba44e8168",
        (Program("04_modern_net.py", until="^1 "), Program("07_lstm.py", until="^1 ")),
    ),
    Repository(
        "pkmital/tensorflow_tutorials",
        "c3eefe59979cdde7b8cb59d2c52da8ebebe43254",
        (
            Program("python/05_basic_convnet.py", until=r"^0\.\d"),
            Program("python/11_variational_autoencoder.py", until=r"^\(20, 784\)"),
        ),
    ),
    Repository(
        "golbin/TensorFlow-Tutorials",
        "c8ac1e45ca27cccd228f316dd4f66afbc22f9016",
        (
            Program("07 - CNN/02 - tf.layers.py", until="Epoch: 0001"),
            Program("09 - GAN/02 - GAN2.py", until="Epoch: 0001"),
            Program("10 - RNN/03 - Seq2Seq.py"),
        ),
    ),
    Repository(
        "caicloud/tensorflow-tutorial",
        "8c7c82a10c51e40778518cd4445bfb7638f3a98e",
        (
            Program(
                "Deep_Learning_with_TensorFlow/1.4.0/Chapter05/5. MNIST最佳实践/mnist_train.py",
                until="After 1001 training",
            ),
        ),
        only=("Deep_Learning_with_TensorFlow/1.4.0/Chapter05",),
    ),
    Repository(
        "sherjilozair/char-rnn-tensorflow",
        "4bff62d34ba6d536f052145cd3f8f79b6fa11365",
        (Program("train.py", until="^100/"),),
    ),
    Repository(
        "dennybritz/cnn-text-classification-tf",
        "18762b459e21d9c70e5c242f8d43fc4e6db37a0d",
        (
            Program(
                "train.py",
                "--embedding_dim=16 --num_filters=8 --evaluate_every=50 --checkpoint_every=50",
                until="Saved model checkpoint",
            ),
        ),
    ),
    Repository(
        "brightmart/text_classification",
        "091ff9910839ba5053302383af99762c0c91a992",
        (
            Program("a03_TextRNN/p8_TextRNN_model.py"),
            Program("a06_Seq2seqWithAttention/a1_seq2seq_attention_model.py", until="^200 loss"),
        ),
        only=("a03_TextRNN", "a06_Seq2seqWithAttention"),
    ),
    Repository(
        "jdavidagudelo/tensorflow-models",
        "6f019beec73b01861363bf717706e27f4210b979",
        (
            Program(
                "official/mnist/mnist.py",
                "--data_dir=digits --model_dir=mnist --train_epochs=1",
            ),
            Program(
                "official/resnet/cifar10_main.py",
                "--data_dir=cifar --model_dir=cifar10 --resnet_size=8 --batch_size=20 --train_epochs=1",
            ),
            Program(
                "official/wide_deep/census_main.py",
                "--data_dir=census --model_dir=wide_deep --train_epochs=1 --epochs_between_evals=1",
            ),
            Program(
                "official/boosted_trees/train_higgs.py",
                "--data_dir=higgs --model_dir=trees --train_count=100 --eval_count=50 --n_trees=2",
            ),
            *(
                Program(
                    f"samples/{path}.py",
                    "--train_steps=50",
                    module=f"samples.{path.replace('/', '.')}",
                )
                for path in (
                    "core/get_started/premade_estimator",
                    "core/get_started/custom_estimator",
                    "cookbook/regression/linear_regression",
                    "cookbook/regression/linear_regression_categorical",
                    "cookbook/regression/dnn_regression",
                    "cookbook/regression/custom_regression",
                )
            ),
            Program(
                "research/slim/train_image_classifier.py",
                "--train_dir=slim --dataset_name=mnist --dataset_split_name=train --dataset_dir=digits"
                " --model_name=lenet --max_number_of_steps=5 --batch_size=8 --clone_on_cpu --log_every_n_steps=1",
            ),
            Program(
                "research/slim/eval_image_classifier.py",
                "--checkpoint_path=slim --eval_dir=slim_eval --dataset_name=mnist --dataset_split_name=test"
                " --dataset_dir=digits --model_name=lenet --max_num_batches=2 --batch_size=8",
            ),
            Program(
                "tutorials/rnn/ptb/ptb_word_lm.py",
                "--data_path=ptb --model=test --num_gpus=0",
                module="tutorials.rnn.ptb.ptb_word_lm",
            ),
        ),
        data=models_files,
        only=("official", "research/slim", "samples", "tutorials"),
        at_root=True,
    ),
    Repository(
        "Sunnykumar125/model",
        "b16b5e2f73d63adeaba0c45c0d9d774e9a9b147e",
        (
            Program(
                "official/r1/resnet/cifar10_main.py",
                "--data_dir=cifar/cifar-10-batches-bin --model_dir=cifar10 --resnet_size=8 --batch_size=20"
                " --train_epochs=1",
            ),
            Program(
                "official/r1/wide_deep/census_main.py",
                "--data_dir=census --model_dir=wide_deep --train_epochs=1 --epochs_between_evals=1",
            ),
            Program(
                "official/r1/mnist/mnist.py",
                "--data_dir=digits --model_dir=mnist --train_epochs=1 --export_dir=export",
            ),
            Program(
                "official/r1/mnist/mnist_eager.py",
                "--data_dir=digits --model_dir=eager --train_epochs=1 --output_dir=eager_events",
            ),
            Program(
                "official/r1/resnet/imagenet_main.py",
                "--use_synthetic_data --model_dir=imagenet --resnet_size=18 --batch_size=2 --train_epochs=1"
                " --max_train_steps=2 --num_gpus=0",
            ),
            Program(
                "official/r1/boosted_trees/train_higgs.py",
                "--data_dir=higgs --model_dir=trees --train_count=100 --eval_count=50 --n_trees=2",
            ),
        ),
        data=models_files,
        only=("official",),
        at_root=True,
    ),
    Repository(
        "google-research/bert",
        "eedf5716ce1268e56f0a50264a88cafad334ac61",
        (
            Program(
                "create_pretraining_data.py",
                "--input_file=sample_text.txt --output_file=examples.tfrecord --vocab_file=vocab.txt"
                " --max_seq_length=32 --max_predictions_per_seq=5 --dupe_factor=2",
            ),
            Program(
                "run_pretraining.py",
                "--input_file=examples.tfrecord --output_dir=pretrained --bert_config_file=config.json --do_train"
                " --do_eval --train_batch_size=4 --max_seq_length=32 --max_predictions_per_seq=5"
                " --num_train_steps=4 --num_warmup_steps=1 --max_eval_steps=2",
            ),
            Program(
                "extract_features.py",
                "--input_file=input.txt --output_file=features.json --vocab_file=vocab.txt"
                " --bert_config_file=config.json --init_checkpoint=pretrained/model.ckpt-4 --layers=-1"
                " --max_seq_length=32",
            ),
            Program(
                "run_classifier.py",
                "--task_name=cola --data_dir=cola --output_dir=classifier --vocab_file=vocab.txt"
                " --bert_config_file=config.json --do_train --do_eval --max_seq_length=32 --train_batch_size=4"
                " --num_train_epochs=1",
            ),
            Program(
                "run_squad.py",
                "--train_file=squad.json --predict_file=squad.json --output_dir=squad --vocab_file=vocab.txt"
                " --bert_config_file=config.json --do_train --do_predict --max_seq_length=48 --doc_stride=16"
                " --max_query_length=16 --train_batch_size=4 --num_train_epochs=1",
            ),
        ),
        data=bert_files,
    ),
    Repository(
        "google-research/electra",
        "8a46635f32083ada044d7e9ad09604742600ee7b",
        (
            Program(
                "build_pretraining_dataset.py",
                "--corpus-dir=corpus --vocab-file=data/vocab.txt --output-dir=data/pretrain_tfrecords"
                " --max-seq-length=32",
            ),
            Program("run_pretraining.py", f"--data-dir=data --model-name=tiny --hparams={shlex.quote(ELECTRA)}"),
            Program("run_finetuning.py", f"--data-dir=data --model-name=tiny --hparams={shlex.quote(ELECTRA_SST)}"),
        ),
        data=electra_files,
    ),
    Repository(
        "google-research/albert",
        "b772393d3dae115b493258ce8e37c17b2cc62100",
        (
            Program(
                "run_pretraining.py",
                "--input_file=examples.tfrecord --output_dir=pretrained --albert_config_file=config.json --do_train"
                " --do_eval --train_batch_size=4 --eval_batch_size=4 --max_seq_length=32 --max_predictions_per_seq=5"
                " --num_train_steps=4 --num_warmup_steps=1 --max_eval_steps=2",
            ),
        ),
        data=albert_files,
        at_root=True,
    ),
    Repository(
        "cs230-stanford/cs230-code-examples",
        "478e747b1c8bf57c6e2ce6b7ffd8068fe0287056",
        (
            Program("tensorflow/nlp/train.py", "--data_dir=data/small --model_dir=experiments/base_model"),
            Program(
                "tensorflow/vision/train.py",
                "--data_dir=data/signs --model_dir=experiments/base_model",
                until="Epoch 3/10",
            ),
        ),
        data=cs230_files,
    ),
    Repository(
        "chiphuyen/stanford-tensorflow-tutorials",
        "51e53daaa2a32cfe7a1966f060b28dbbd081791c",
        (
            Program("examples/04_linreg_eager.py"),
            Program("examples/07_convnet_layers.py", until="Accuracy at epoch 1"),
            Program("examples/11_char_rnn.py", until="Iter 20"),
        ),
        data=lambda copy: idx_files(copy / "examples" / "data" / "mnist"),
        only=("examples",),
    ),
    Repository(
        "princewen/tensorflow_practice",
        "b3696f757a9620ed317b5b34b749f6352a1542b6",
        (
            Program("nlp/RNN_static_cell.py", until="step 1000 "),
            Program("nlp/basic_seq2seq_api_introduction.py"),
            Program("recommendation/multi-value-feature.py"),
            Program("recommendation/Basic-DCN-Demo/main.py", until="epoch 1 loss"),
            Program("recommendation/Basic-IRGAN-Demo/cf_gan.py", until="^epoch +0"),
            Program("recommendation/Basic-NFM-Demo/main.py"),
        ),
        data=few_ratings,
        only=("nlp", "recommendation"),
    ),
    Repository(
        "tensorflow/minigo",
        "6d89c202cdceaf449aefc3149ab2110d44f1a6a4",
        (
            Program(
                "bootstrap.py",
                "--work_dir=work --export_path=export/model --conv_width=8 --fc_width=8 --trunk_layers=2",
            ),
        ),
    ),
    Repository(
        "GoogleCloudPlatform/training-data-analyst",
        "a3083130c24bbce167714c8630eaf21598c9c9a7",
        (
            Program(
                f"{DEEPDIVE}/03_tensorflow/taxifare/trainer/task.py",
                "--train_data_paths=taxi.csv --eval_data_paths=taxi.csv --output_dir=model --train_steps=20"
                " --throttle_secs=1",
                module="trainer.task",
            ),
            Program(
                f"{DEEPDIVE}/08_image/mnistmodel/trainer/task.py",
                "--output_dir=model --train_steps=20 --model=cnn",
                module="trainer.task",
            ),
        ),
        data=taxi_files,
        only=(f"{DEEPDIVE}/03_tensorflow/taxifare", f"{DEEPDIVE}/08_image/mnistmodel"),
    ),
    Repository(
        "openai/gpt-2",
        "9b63575ef42771a015060c964af2c3da4cf7c8ab",
        (
            Program(
                "src/generate_unconditional_samples.py",
                "--model_name=tiny --nsamples=1 --length=8 --seed=1",
            ),
        ),
        data=gpt2_files,
        at_root=True,
    ),
    Repository(
        "sfujiwara/tensorflow-examples",
        "6b9dd3ba27e1b0d021c322f5504e888b6b7ed4fb",
        (Program("tpu/mnist/mnist_tpu.py", "--model_dir=model --max_steps=20 --save_steps=10"),),
    ),
)


def check_out(repository: Repository, sources: pathlib.Path | None, copy: pathlib.Path) -> None:
    """Copies a repository from `sources`, or clones it from GitHub."""
    if sources:
        for folder in repository.only or ("",):
            shutil.copytree(sources / repository.name.replace("/", "+") / folder, copy / folder)
        return
    url = f"https://github.com/{repository.name}"
    subprocess.run(["git", "clone", "--quiet", "--filter=blob:none", "--no-checkout", url, copy], check=True)
    if repository.only:
        subprocess.run(["git", "-C", copy, "sparse-checkout", "set", *repository.only], check=True)
    subprocess.run(["git", "-C", copy, "checkout", "--quiet", repository.commit], check=True)


def command_of(program: Program, copy: pathlib.Path) -> list[str]:
    """Returns the command line that runs a program."""
    target = ["-m", program.module] if program.module else [str(copy / program.path)]
    return [sys.executable, "-u", "-m", "cnn_estimator", "run", *target, *shlex.split(program.arguments)]


def environment_of(repository: Repository, copy: pathlib.Path) -> dict[str, str]:
    """Returns the environment: a home folder of its own, this project on PYTHONPATH, no GPU and no display."""
    paths = [str(PROJECT)]
    if repository.at_root:
        paths.append(str(copy))
    if "PYTHONPATH" in os.environ:
        paths.append(os.environ["PYTHONPATH"])
    return os.environ | {
        "CUDA_VISIBLE_DEVICES": "",
        "HOME": str(copy / HOME),
        "MPLBACKEND": "Agg",
        "PYTHONPATH": os.pathsep.join(paths),
        "PYTHONUSERBASE": site.getuserbase(),
        "TF_CPP_MIN_LOG_LEVEL": "2",
    }


def folder_of(program: Program, repository: Repository) -> str:
    """Returns the folder of the repository that a program runs in."""
    if program.module:
        return program.path.removesuffix(f"{program.module.replace('.', '/')}.py")
    return "" if repository.at_root else os.path.dirname(program.path)


def run(
    program: Program, repository: Repository, copy: pathlib.Path, log: pathlib.Path, limit: float
) -> tuple[str, float, str]:
    """Runs a program. Returns "ran", "failed" or "timed out", the seconds that it took and its last line.

    Args:
      log: the file that its output is written to.
      limit: seconds that it may take.
    """
    start = time.monotonic()
    process = subprocess.Popen(
        command_of(program, copy),
        cwd=copy / folder_of(program, repository),
        env=environment_of(repository, copy),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        start_new_session=True,
    )
    timer = threading.Timer(limit, os.killpg, (process.pid, signal.SIGKILL))
    timer.start()
    last_line = ""
    seen = False
    with log.open("w") as file:
        for line in process.stdout or ():
            file.write(line)
            file.flush()
            last_line = line.strip() or last_line
            seen = bool(program.until and re.search(program.until, line))
            if seen:
                break
    timer.cancel()
    seconds = time.monotonic() - start
    if process.poll() is None and seen:
        os.killpg(process.pid, signal.SIGKILL)
    status = process.wait()
    if seen or status == 0:
        result = "ran"
    elif seconds >= limit:
        result = "timed out"
    else:
        result = "failed"
    return result, seconds, last_line[:LAST_LINE_WIDTH]


def main(options: argparse.Namespace) -> None:
    """Runs the selected programs, and prints a line for each and the share that ran."""
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"  # of TensorFlow in this process, which makes data
    results = []
    with tempfile.TemporaryDirectory() as temporary:
        folder = pathlib.Path(temporary)
        logs = options.logs or folder / "logs"
        logs.mkdir(parents=True, exist_ok=True)
        for repository in REPOSITORIES:
            names = {program: f"{repository.name}/{program.path}" for program in repository.programs}
            selected = [
                program for program, name in names.items() if any(part in name for part in options.names or [""])
            ]
            if not selected:
                continue
            copy = folder / repository.name.replace("/", "+")
            check_out(repository, options.sources, copy)
            (copy / HOME).mkdir()
            (copy / HOME / ".cache").symlink_to(pathlib.Path.home() / ".cache")
            if repository.data:
                repository.data(copy)
            for program in selected:
                log = logs / f"{names[program].replace('/', '+')}.log"
                result, seconds, last_line = run(program, repository, copy, log, options.seconds)
                results.append(result)
                print(f"{result:9} {seconds:4.0f} s  {names[program]}  {last_line}", flush=True)
            shutil.rmtree(copy)
    ran = results.count("ran")
    print(f"{ran} of {len(results)} ran: {ran / max(1, len(results)):.0%}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAMES")
    parser.add_argument("--sources", type=pathlib.Path, help="folder of checkouts, named OWNER+NAME")
    parser.add_argument("--logs", type=pathlib.Path, help="folder for the output of each program")
    parser.add_argument("--seconds", type=float, default=180, help="time limit for a program")
    main(parser.parse_args())
