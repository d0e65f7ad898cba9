"""Files that TensorFlow 1.15.5 writes and the bridge reads: artifacts.py write|read FOLDER

    python3.7 benchmarks/artifacts.py write /tmp/artifacts       # with tensorflow==1.15.5
    cnn-estimator run benchmarks/artifacts.py read /tmp/artifacts

Each kind of file computes something in the process that writes it. The second command reads the file, computes it
again, and prints a line with the largest difference. It also compares the signatures of SavedModels with its own.
"""

import glob
import json
import os
import sys

import numpy as np
import tensorflow as tf

X = np.linspace(-1, 1, 40).reshape(8, 5).astype(np.float32)
WORDS = np.arange(24).reshape(4, 6) % 11


def network(x):
    return tf.layers.dense(tf.layers.batch_normalization(tf.layers.dense(x, 7, tf.nn.relu)), 3, name="logits")


def recurrent(cell):
    def build(x):
        outputs, _ = tf.nn.dynamic_rnn(cell(), tf.reshape(x, [4, 2, 5]), dtype=tf.float32)
        return tf.layers.dense(outputs, 2)

    return build


def partitioned(x):
    with tf.variable_scope("part", partitioner=tf.fixed_size_partitioner(3)):
        return tf.nn.embedding_lookup(tf.get_variable("embeddings", [11, 5]), tf.constant(WORDS)) + x[0]


GRAPHS = {
    "checkpoint: dense, batch normalization": network,
    "checkpoint: LSTM": recurrent(lambda: tf.nn.rnn_cell.LSTMCell(4)),
    "checkpoint: LSTM with peepholes": recurrent(lambda: tf.nn.rnn_cell.LSTMCell(4, use_peepholes=True, num_proj=3)),
    "checkpoint: GRU": recurrent(lambda: tf.nn.rnn_cell.GRUCell(4)),
    "checkpoint: layers of cells": recurrent(
        lambda: tf.nn.rnn_cell.MultiRNNCell([tf.nn.rnn_cell.BasicLSTMCell(4) for _ in range(2)])
    ),
    "checkpoint: partitioned variables": partitioned,
}


def checkpoint(build, write, folder, version=tf.train.SaverDef.V2):
    """Returns the values of a graph whose variables are saved in the folder, or restored from there."""
    path = os.path.join(folder, "model.ckpt")
    with tf.Graph().as_default(), tf.Session() as session:
        tf.set_random_seed(1)
        result = build(tf.constant(X))
        saver = tf.train.Saver(write_version=version)
        if write:
            session.run(tf.global_variables_initializer())
            saver.save(session, path)
        else:
            saver.restore(session, path)
        return session.run(result)


def meta_graph(write, folder):
    path = os.path.join(folder, "model.ckpt")
    if write:
        with tf.Graph().as_default(), tf.Session() as session:
            result = tf.identity(network(tf.placeholder_with_default(X, [None, 5], "x")), "result")
            session.run(tf.global_variables_initializer())
            tf.train.Saver().save(session, path)
            return session.run(result)
    with tf.Graph().as_default(), tf.Session() as session:
        tf.train.import_meta_graph(path + ".meta").restore(session, path)
        return session.run("result:0")


def frozen_graph(write, folder):
    path = os.path.join(folder, "frozen.pb")
    with tf.Graph().as_default(), tf.Session() as session:
        if write:
            result = tf.identity(network(tf.constant(X)), "result")
            session.run(tf.global_variables_initializer())
            frozen = tf.graph_util.convert_variables_to_constants(session, session.graph_def, ["result"])
            tf.io.write_graph(frozen, folder, "frozen.pb", as_text=False)
            return session.run(result)
        graph_def = tf.GraphDef()
        with open(path, "rb") as file:
            graph_def.ParseFromString(file.read())
        tf.import_graph_def(graph_def, name="")
        return session.run("result:0")


def keras_file(write, folder):
    path = os.path.join(folder, "model.h5")
    with tf.Graph().as_default(), tf.Session():
        if write:
            layers = tf.keras.layers
            model = tf.keras.Sequential(
                [layers.Embedding(11, 5, input_length=6), layers.LSTM(4), layers.BatchNormalization(), layers.Dense(2)]
            )
            model.compile("adam", "mse")
            model.fit(WORDS, np.ones((4, 2)), verbose=0)
            model.save(path)
        return tf.keras.models.load_model(path).predict(WORDS)


def columns():
    column = tf.feature_column
    x = column.numeric_column("x", 5)
    word = column.categorical_column_with_identity("word", 11)
    return [x, column.embedding_column(word, 3)], [column.bucketized_column(x, [-0.5, 0.5]), word]


def linear(folder):
    return tf.estimator.LinearClassifier(columns()[1], folder)


def dnn(folder):
    return tf.estimator.DNNRegressor([6, 4], columns()[0], folder)


def wide_and_deep(folder):
    deep, wide = columns()
    return tf.estimator.DNNLinearCombinedClassifier(folder, wide, dnn_feature_columns=deep, dnn_hidden_units=[6])


def model_fn(features, labels, mode):
    values = network(features["x"])
    if mode == tf.estimator.ModeKeys.PREDICT:
        return tf.estimator.EstimatorSpec(mode, {"values": values})
    loss = tf.losses.mean_squared_error(tf.cast(labels, tf.float32), values[:, 0])
    train_op = tf.train.AdamOptimizer().minimize(loss, tf.train.get_global_step())
    return tf.estimator.EstimatorSpec(mode, loss=loss, train_op=train_op)


def own(folder):
    return tf.estimator.Estimator(model_fn, folder)


ESTIMATORS = {"LinearClassifier": linear, "DNNRegressor": dnn, "wide and deep": wide_and_deep, "model_fn": own}
FEATURES = {"x": X, "word": np.arange(8) % 11}


def model_dir(make, write, folder):
    """Returns the numbers that an Estimator predicts, after ten steps in the process that writes."""
    estimator = make(folder)
    inputs = tf.estimator.inputs.numpy_input_fn
    if write:
        estimator.train(inputs(FEATURES, np.arange(8) % 2, num_epochs=None, shuffle=False), steps=10)
    predictions = estimator.predict(inputs(FEATURES, shuffle=False))
    return np.array([np.concatenate([np.ravel(v) for v in p.values() if v.dtype.kind == "f"]) for p in predictions])


def exported(make, folder, name):
    """Writes SavedModels with a raw and a parsing receiver; returns their signatures."""
    estimator = make(folder)
    texts = []
    with tf.Graph().as_default():
        tensors = {"x": tf.placeholder(tf.float32, [None, 5], "x"), "word": tf.placeholder(tf.int64, [None], "word")}
        raw = tf.estimator.export.build_raw_serving_input_receiver_fn(tensors)
    features = {"x": tf.FixedLenFeature([5], tf.float32), "word": tf.FixedLenFeature([], tf.int64)}
    for receiver in (raw, tf.estimator.export.build_parsing_serving_input_receiver_fn(features)):
        path = estimator.export_saved_model(os.path.join(folder, name), receiver).decode()
        with tf.Graph().as_default(), tf.Session() as session:
            signatures = tf.saved_model.loader.load(session, ["serve"], path).signature_def
            texts.append({key: described(signatures[key]) for key in signatures})
    return texts


def described(signature):
    tensors = [(kind, key, info) for kind in ("inputs", "outputs") for key, info in getattr(signature, kind).items()]
    described = {kind + ": " + key: [info.dtype, str(info.tensor_shape)] for kind, key, info in tensors}
    return [signature.method_name, described]


def saved_model(folder, signature):
    """Returns what the SavedModel with a raw receiver that 1.15.5 wrote answers."""
    path = sorted(glob.glob(os.path.join(folder, "exported", "*")))[0]
    predict = tf.contrib.predictor.from_saved_model(path, signature)
    return np.concatenate(
        [np.ravel(value) for _, value in sorted(predict(FEATURES).items()) if value.dtype.kind == "f"]
    )


def main():
    action, root = sys.argv[1:]
    tf.logging.set_verbosity(tf.logging.ERROR)
    write = action == "write"
    kinds = {name: lambda w, f, b=build: checkpoint(b, w, f) for name, build in GRAPHS.items()}
    kinds["checkpoint: first format"] = lambda w, f: checkpoint(network, w, f, tf.train.SaverDef.V1)
    kinds.update({"meta graph": meta_graph, "frozen graph": frozen_graph, "Keras file": keras_file})
    kinds.update({"model_dir: " + n: lambda w, f, m=make: model_dir(m, w, f) for n, make in ESTIMATORS.items()})
    for name, compute in kinds.items():
        folder = os.path.join(root, name.replace(" ", "_").replace(":", ""))
        os.makedirs(folder, exist_ok=True)
        values = compute(write, folder)
        compare(write, os.path.join(folder, "values.npy"), name, values)
        make = ESTIMATORS.get(name.partition(": ")[2])
        if make:
            signatures = exported(make, folder, "exported" if write else "exported_here")
            compare_signatures(write, os.path.join(folder, "signatures.json"), "signatures of " + name, signatures)
            key = "serving_default" if make is own else "predict"
            compare(write, os.path.join(folder, "served.npy"), "SavedModel of " + name, saved_model(folder, key))


def compare(write, path, name, values):
    if write:
        np.save(path, values)
    else:
        print(f"{name:45} largest difference {np.abs(np.load(path) - values).max():.1g}", flush=True)


def compare_signatures(write, path, name, signatures):
    if write:
        with open(path, "w") as file:
            json.dump(signatures, file)
    else:
        with open(path) as file:
            print(
                "{:45} {}".format(name, "equal" if json.load(file) == json.loads(json.dumps(signatures)) else "DIFFER")
            )


if __name__ == "__main__":
    main()
