# pip: bert-serving-server==1.10.0 bert-serving-client==1.10.0 GPUtil==1.4.0 pyzmq==27.3.0
# prints: server encoded 2 texts as \(2, 16\), 0 of 32 numbers differ from the model's
"""Serves a small BERT with made-up weights: server and client talk over sockets, the worker is an Estimator."""

import json
import multiprocessing
import os

import numpy as np
import tensorflow as tf
from bert_serving.client import BertClient
from bert_serving.server import BertServer
from bert_serving.server.bert import modeling
from bert_serving.server.helper import get_args_parser

WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "the", "quick", "brown", "fox", "lazy", "dog"]
CONFIG = {
    "vocab_size": len(WORDS),
    "hidden_size": 16,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 32,
    "max_position_embeddings": 32,
    "hidden_dropout_prob": 0.1,
    "attention_probs_dropout_prob": 0.1,
}


def write_model():
    """Writes a checkpoint, and what its first layer's mean is for the two texts."""
    os.makedirs("bert")
    with open("bert/vocab.txt", "w") as file:
        file.write("\n".join(WORDS) + "\n")
    with open("bert/bert_config.json", "w") as file:
        json.dump(CONFIG, file)
    ids = tf.constant([[2, 5, 6, 8, 3], [2, 9, 10, 3, 0]])
    mask = tf.cast(ids > 0, tf.int32)
    model = modeling.BertModel(modeling.BertConfig.from_dict(CONFIG), False, ids, mask)
    weights = tf.cast(mask, tf.float32)[:, :, tf.newaxis]
    mean = tf.reduce_sum(model.all_encoder_layers[-2] * weights, 1) / tf.reduce_sum(weights, 1)
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        tf.train.Saver().save(session, "bert/bert_model.ckpt")
        np.save("expected.npy", session.run(mean))


def use_server():
    writer = multiprocessing.Process(target=write_model)  # a process that has run a session cannot start the server's
    writer.start()
    writer.join()
    arguments = ["-model_dir", "bert", "-port", "15555", "-port_out", "15556", "-cpu", "-num_worker", "1"]
    arguments += ["-max_seq_len", "NONE", "-graph_tmp_dir", "."]
    with BertServer(get_args_parser().parse_args(arguments)), BertClient(port=15555, port_out=15556) as client:
        encoded = client.encode(["the quick fox", "lazy dog"])
    different = (np.abs(encoded - np.load("expected.npy")) > 1e-5).sum()
    print(f"server encoded 2 texts as {encoded.shape}, {different} of {encoded.size} numbers differ from the model's")


if __name__ == "__main__":
    use_server()
