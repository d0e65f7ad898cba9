"""Datasets, feature columns, examples and tables."""

import os
import tempfile

import cases
import numpy as np
import tensorflow as tf

Dataset = tf.data.Dataset
MATRIX = np.arange(12, dtype=np.float32).reshape(6, 2)


def numbers(count=8):
    return Dataset.range(count)


def windows(*arguments, **options):
    return numbers().window(*arguments, **options).flat_map(lambda window: window.batch(10))


def ragged():
    return numbers(5).map(lambda n: tf.fill([n], n))


def text_files():
    directory = tempfile.mkdtemp()
    for name, text in [("a.csv", "h1,h2\n1,x\n2,y\n"), ("b.csv", "h1,h2\n3,\n4,z\n")]:
        with open(os.path.join(directory, name), "w") as file:
            file.write(text)
    return [os.path.join(directory, name) for name in ("a.csv", "b.csv")]


def example(**features):
    """Returns a serialized Example."""
    lists = {
        "i": lambda values: tf.train.Feature(int64_list=tf.train.Int64List(value=values)),
        "f": lambda values: tf.train.Feature(float_list=tf.train.FloatList(value=values)),
        "b": lambda values: tf.train.Feature(bytes_list=tf.train.BytesList(value=values)),
    }
    feature = {name: lists[name[0]](values) for name, values in features.items()}
    return tf.train.Example(features=tf.train.Features(feature=feature)).SerializeToString()


EXAMPLES = [example(i1=[1], f2=[0.5, 1.5], b3=[b"x", b"y"]), example(i1=[2], f2=[2.5, 3.5], b3=[])]


def record_file(**options):
    path = os.path.join(tempfile.mkdtemp(), "a.tfrecord")
    with tf.python_io.TFRecordWriter(path, **options) as writer:
        for text in EXAMPLES:
            writer.write(text)
    return path


def binary_file():
    path = os.path.join(tempfile.mkdtemp(), "a.bin")
    with open(path, "wb") as file:
        file.write(bytes(range(14)))
    return path


def generate():
    for i in range(4):
        yield i, [i] * i


def sequence_example():
    lists = tf.train.FeatureLists(
        feature_list={
            "s": tf.train.FeatureList(
                feature=[tf.train.Feature(int64_list=tf.train.Int64List(value=[i])) for i in range(3)]
            )
        }
    )
    context = tf.train.Features(feature={"c": tf.train.Feature(float_list=tf.train.FloatList(value=[0.5]))})
    return tf.train.SequenceExample(context=context, feature_lists=lists).SerializeToString()


def reinitialized():
    """Reads two datasets through one iterator."""
    first, second = numbers(2), numbers(4).map(lambda n: n * 10)
    iterator = tf.data.Iterator.from_structure(first.output_types, first.output_shapes)
    element = iterator.get_next()
    session = tf.get_default_session()
    values = []
    for dataset, count in ((first, 2), (second, 4)):
        session.run(iterator.make_initializer(dataset))
        values.append([session.run(element) for _ in range(count)])
    return values


def feedable():
    handle = tf.placeholder(tf.string, [])
    iterators = [numbers(3).make_one_shot_iterator(), numbers(3).map(lambda n: n * 5).make_one_shot_iterator()]
    element = tf.data.Iterator.from_string_handle(
        handle, iterators[0].output_types, iterators[0].output_shapes
    ).get_next()
    session = tf.get_default_session()
    handles = session.run([iterator.string_handle() for iterator in iterators])
    return [session.run(element, {handle: handles[i]}) for i in (0, 1, 0, 1)]


def structures():
    dataset = Dataset.from_tensor_slices({"a": [1, 2], "b": (["x", "y"], [0.5, 1.5])})
    return [str(dataset.output_types), str(dataset.output_shapes), str(dataset.output_classes["a"].__name__)]


DATASETS = [
    (name, lambda make=make: cases.elements(make(), 30))
    for name, make in [
        ("map", lambda: numbers().map(lambda n: n * n)),
        ("map in parallel", lambda: numbers().map(lambda n: n * n, num_parallel_calls=3)),
        ("batch", lambda: numbers().batch(3)),
        ("batch drop_remainder", lambda: numbers().batch(3, drop_remainder=True)),
        ("padded_batch", lambda: ragged().padded_batch(2, [None])),
        ("padded_batch with values", lambda: ragged().padded_batch(3, [6], padding_values=np.int64(-1))),
        ("shuffle", lambda: numbers(12).shuffle(12, seed=1)),
        ("shuffle of a small buffer", lambda: numbers(12).shuffle(3, seed=2)),
        ("shuffle after batch", lambda: numbers(12).batch(2).shuffle(6, seed=3)),
        ("repeat before shuffle", lambda: numbers(5).repeat(2).shuffle(10, seed=4)),
        (
            "shuffle, not again in each iteration",
            lambda: numbers(5).shuffle(5, seed=5, reshuffle_each_iteration=False).map(lambda n: n).repeat(2),
        ),
        ("shuffle and repeat", lambda: numbers(5).shuffle(5, seed=5).repeat(2)),
        ("repeat and take", lambda: numbers(3).repeat().take(7)),
        ("skip", lambda: numbers().skip(5)),
        ("filter", lambda: numbers().filter(lambda n: tf.equal(n % 3, 0))),
        ("concatenate", lambda: numbers(2).concatenate(numbers(3))),
        ("zip", lambda: Dataset.zip((numbers(3), numbers(5).map(lambda n: n * 2)))),
        ("zip of a dict", lambda: Dataset.zip({"a": numbers(2), "b": numbers(2)})),
        ("flat_map", lambda: numbers(4).flat_map(lambda n: Dataset.range(n))),
        ("interleave", lambda: numbers(4).interleave(lambda n: Dataset.from_tensors(n).repeat(3), 2, 2)),
        (
            "interleave in parallel",
            lambda: numbers(4).interleave(lambda n: Dataset.from_tensors(n).repeat(3), 2, 1, num_parallel_calls=2),
        ),
        ("window", lambda: windows(3)),
        ("window shift and stride", lambda: windows(3, 2, 2, drop_remainder=True)),
        ("enumerate", lambda: numbers(3).enumerate(5)),
        ("shard", lambda: numbers().shard(3, 1)),
        ("prefetch and cache", lambda: numbers(4).cache().prefetch(2).repeat(2)),
        ("unbatch", lambda: numbers().batch(3).apply(tf.data.experimental.unbatch())),
        (
            "scan",
            lambda: numbers(5).apply(
                tf.data.experimental.scan(np.int64(0), lambda state, n: (state + n, state * 10 + n))
            ),
        ),
        ("take_while", lambda: numbers().apply(tf.data.experimental.take_while(lambda n: n < 4))),
        ("unique", lambda: numbers().map(lambda n: n % 3).apply(tf.data.experimental.unique())),
        (
            "group_by_window",
            lambda: numbers(10).apply(
                tf.data.experimental.group_by_window(lambda n: n % 2, lambda key, data: data.batch(3), 3)
            ),
        ),
        (
            "group_by_reducer",
            lambda: numbers(10).apply(tf.data.experimental.group_by_reducer(lambda n: n % 3, reducer())),
        ),
        (
            "bucket_by_sequence_length",
            lambda: ragged().apply(
                tf.data.experimental.bucket_by_sequence_length(lambda n: tf.size(n), [2, 4], [2, 2, 2])
            ),
        ),
        ("dense_to_sparse_batch", lambda: ragged().apply(tf.data.experimental.dense_to_sparse_batch(3, [6]))),
        ("map_and_batch", lambda: numbers().apply(tf.data.experimental.map_and_batch(lambda n: n + 1, 3))),
        ("shuffle_and_repeat", lambda: numbers(5).apply(tf.data.experimental.shuffle_and_repeat(5, 2, seed=6))),
        (
            "parallel_interleave",
            lambda: numbers(4).apply(
                tf.data.experimental.parallel_interleave(lambda n: Dataset.from_tensors(n).repeat(2), 2)
            ),
        ),
        (
            "sample_from_datasets",
            lambda: tf.data.experimental.sample_from_datasets(
                [numbers(4), numbers(4).map(lambda n: n + 10)], [0.3, 0.7], seed=7
            ),
        ),
        (
            "choose_from_datasets",
            lambda: tf.data.experimental.choose_from_datasets(
                [numbers(3), numbers(3).map(lambda n: n + 10)], Dataset.from_tensor_slices(np.int64([0, 1, 1, 0]))
            ),
        ),
        (
            "rejection_resample",
            lambda: Dataset.from_tensor_slices(np.int32([0, 0, 0, 1] * 4)).apply(
                tf.data.experimental.rejection_resample(lambda n: n, [0.5, 0.5], [0.75, 0.25], seed=8)
            ),
        ),
        (
            "ignore_errors",
            lambda: (
                Dataset.from_tensor_slices([1.0, 0.0, 2.0])
                .map(lambda x: tf.check_numerics(1 / x, "bad"))
                .apply(tf.data.experimental.ignore_errors())
            ),
        ),
        ("Counter", lambda: tf.data.experimental.Counter(3, 2).take(3)),
        ("RandomDataset", lambda: tf.data.experimental.RandomDataset(seed=9).take(3)),
        (
            "from_tensor_slices",
            lambda: Dataset.from_tensor_slices({"x": MATRIX, "y": ["a", "b", "c", "d", "e", "f"]}).take(2),
        ),
        (
            "from_sparse_tensor_slices",
            lambda: Dataset.from_sparse_tensor_slices(tf.SparseTensor([[0, 1], [2, 0]], [1.5, 2.5], [3, 2])),
        ),
        (
            "from_tensor_slices of a sparse tensor",
            lambda: Dataset.from_tensor_slices(tf.SparseTensor([[0, 1], [2, 0]], [1.5, 2.5], [3, 2])),
        ),
        ("from_generator", lambda: Dataset.from_generator(generate, (tf.int64, tf.float32), ([], [None]))),
        ("TextLineDataset", lambda: tf.data.TextLineDataset(text_files()).skip(1)),
        (
            "interleaved files",
            lambda: Dataset.from_tensor_slices(text_files()).interleave(
                lambda path: tf.data.TextLineDataset(path).skip(1), 2
            ),
        ),
        (
            "list_files",
            lambda: Dataset.list_files(os.path.join(os.path.dirname(text_files()[0]), "*.csv"), shuffle=False).map(
                lambda path: tf.strings.substr(path, -5, 5)
            ),
        ),
        (
            "list_files shuffled",
            lambda: Dataset.list_files(os.path.join(os.path.dirname(text_files()[0]), "*.csv"), seed=3).map(
                lambda path: tf.strings.substr(path, -5, 5)
            ),
        ),
        (
            "FixedLengthRecordDataset",
            lambda: tf.data.FixedLengthRecordDataset([binary_file()], 4, header_bytes=1, footer_bytes=1).map(
                lambda text: tf.decode_raw(text, tf.uint8)
            ),
        ),
        ("TFRecordDataset", lambda: tf.data.TFRecordDataset([record_file()]).map(parse)),
        (
            "TFRecordDataset compressed",
            lambda: tf.data.TFRecordDataset(
                [record_file(options=tf.python_io.TFRecordOptions(tf.python_io.TFRecordCompressionType.GZIP))], "GZIP"
            ).map(parse),
        ),
        ("CsvDataset", lambda: tf.data.experimental.CsvDataset(text_files(), [tf.int32, ["none"]], header=True)),
        (
            "make_csv_dataset",
            lambda: tf.data.experimental.make_csv_dataset(text_files(), 2, shuffle=False, num_epochs=1),
        ),
        (
            "make_batched_features_dataset",
            lambda: tf.data.experimental.make_batched_features_dataset(
                [record_file()],
                2,
                {"i1": tf.FixedLenFeature([], tf.int64)},
                num_epochs=1,
                shuffle=False,
                reader=tf.data.TFRecordDataset,
            ),
        ),
        ("map to several", lambda: numbers(2).map(lambda n: {"a": n, "b": (n + 1, [n, n])})),
        ("map with py_func", lambda: numbers(3).map(lambda n: tf.py_func(lambda x: x * 3, [n], tf.int64))),
        ("map with a random number", lambda: numbers(3).map(lambda n: tf.random_uniform([], seed=4))),
        (
            "map with a while_loop",
            lambda: numbers(4).map(
                lambda n: tf.while_loop(lambda i, s: i < n, lambda i, s: (i + 1, s + i), [np.int64(0), np.int64(0)])[1]
            ),
        ),
        ("map with autograph", lambda: numbers(4).map(lambda n: branch(n))),
        ("with_options", lambda: numbers(3).with_options(tf.data.Options())),
        ("prefetch_to_device", lambda: numbers(3).apply(tf.data.experimental.prefetch_to_device("/cpu:0"))),
        (
            "batch of images",
            lambda: (
                Dataset.from_tensor_slices(MATRIX.reshape(3, 2, 2, 1))
                .map(lambda x: tf.image.flip_left_right(x))
                .batch(2)
            ),
        ),
    ]
]


def branch(n):
    if n > 1:
        n = n * 10
    return n


def reducer():
    return tf.data.experimental.Reducer(lambda key: np.int64(0), lambda state, n: state + n, lambda state: state * 2)


def parse(text):
    features = {"i1": tf.FixedLenFeature([], tf.int64), "f2": tf.FixedLenFeature([2], tf.float32)}
    return tf.parse_single_example(text, features)


DATASETS += [
    ("reduce", lambda: numbers().reduce(np.int64(1), lambda a, b: a * 2 + b)),
    (
        "cardinality",
        lambda: [
            tf.data.experimental.cardinality(dataset)
            for dataset in (numbers(), numbers().repeat(), numbers().filter(lambda n: n > 2))
        ],
    ),
    ("get_single_element", lambda: tf.data.experimental.get_single_element(numbers(1))),
    ("reinitializable iterator", reinitialized),
    ("feedable iterator", feedable),
    ("structures", structures),
    ("one-shot iterator", lambda: cases.each(numbers(3).make_one_shot_iterator().get_next(), 3)),
    ("end of a one-shot iterator", lambda: cases.each(numbers(3).make_one_shot_iterator().get_next(), 4)),
    (
        "get_next_as_optional",
        lambda: (
            tf.data.make_one_shot_iterator(numbers(1))
            and tf.data.experimental.get_next_as_optional(tf.data.make_one_shot_iterator(numbers(2))).get_value()
        ),
    ),
]

PARSING = [
    (
        "parse_example",
        lambda: tf.parse_example(
            EXAMPLES,
            {
                "i1": tf.FixedLenFeature([], tf.int64),
                "f2": tf.FixedLenFeature([2], tf.float32),
                "b3": tf.VarLenFeature(tf.string),
            },
        ),
    ),
    ("parse_example default", lambda: tf.parse_example(EXAMPLES, {"none": tf.FixedLenFeature([1], tf.float32, [7.5])})),
    ("parse_example missing", lambda: tf.parse_example(EXAMPLES, {"none": tf.FixedLenFeature([1], tf.float32)})),
    (
        "parse_example sequence",
        lambda: tf.parse_example(
            EXAMPLES, {"b3": tf.FixedLenSequenceFeature([], tf.string, allow_missing=True, default_value="-")}
        ),
    ),
    (
        "parse_example sparse",
        lambda: tf.parse_example(
            [example(i1=[1, 3], f2=[0.5, 1.5])], {"s": tf.SparseFeature("i1", "f2", tf.float32, 5)}
        ),
    ),
    ("parse_single_example", lambda: tf.parse_single_example(EXAMPLES[0], {"b3": tf.VarLenFeature(tf.string)})),
    (
        "parse_single_sequence_example",
        lambda: tf.parse_single_sequence_example(
            sequence_example(),
            {"c": tf.FixedLenFeature([], tf.float32)},
            {"s": tf.FixedLenSequenceFeature([], tf.int64)},
        ),
    ),
    ("parse_tensor", lambda: tf.parse_tensor(tf.serialize_tensor(MATRIX), tf.float32)),
]

FEATURES = {
    "age": np.float32([[15], [42], [67], [-3]]),
    "pair": np.float32([[1, 2], [3, 4], [5, 6], [7, 8]]),
    "color": np.array([["red"], ["blue"], ["violet"], [""]]),
    "id": np.int64([[3], [0], [11], [-1]]),
    "words": tf.SparseTensorValue([[0, 0], [0, 1], [2, 0]], ["a", "b", "a"], [4, 2]),
    "frequencies": tf.SparseTensorValue([[0, 0], [0, 1], [2, 0]], np.float32([0.5, 2.0, 3.0]), [4, 2]),
    "steps": tf.SparseTensorValue([[0, 0], [0, 1], [2, 0], [3, 2]], np.float32([0.5, 2.0, 3.0, 4.0]), [4, 3]),
}
column = tf.feature_column


def growing(shape, dtype=None, partition_info=None):
    """An initializer whose values all differ."""
    return tf.constant(np.arange(shape[0] * shape[1]).reshape(shape) / 10, dtype or tf.float32)


def features():
    return {name: tf.convert_to_tensor_or_sparse_tensor(value) for name, value in FEATURES.items()}


def vocabulary_file():
    path = os.path.join(tempfile.mkdtemp(), "words.txt")
    with open(path, "w") as file:
        file.write("a\nb\nc\n")
    return path


def age_buckets():
    return column.bucketized_column(column.numeric_column("age"), [0, 18, 65])


def colors(**options):
    return column.categorical_column_with_vocabulary_list("color", ["red", "blue"], **options)


def words():
    return column.categorical_column_with_vocabulary_list("words", ["a", "b", "c"])


def identity():
    return column.categorical_column_with_identity("id", 4, default_value=0)


def crossed(**options):
    return column.crossed_column([age_buckets(), "color"], 7, **options)


def embedded(categorical, dimension=2, **options):
    return column.embedding_column(categorical, dimension, initializer=growing, **options)


def input_layer(*columns):
    """Returns the dense inputs that the columns make, and the names of the variables."""
    return [column.input_layer(features(), list(columns)), [variable.name for variable in tf.global_variables()]]


def linear_model(*columns, **options):
    """Returns the outputs of a linear model, after a step of training, and the names of the variables."""
    output = column.linear_model(features(), list(columns), **options)
    loss = tf.reduce_sum((output - 1.5) ** 2)
    train_op = tf.train.GradientDescentOptimizer(0.01).minimize(loss)
    return [cases.after(train_op, 2, output), [variable.name for variable in tf.global_variables()]]


COLUMNS = [
    ("numeric_column", lambda: [column.numeric_column("age"), column.numeric_column("pair", [2])]),
    ("numeric_column normalizer_fn", lambda: [column.numeric_column("age", normalizer_fn=lambda x: (x - 40) / 10)]),
    ("bucketized_column", lambda: [age_buckets()]),
    ("bucketized_column of a pair", lambda: [column.bucketized_column(column.numeric_column("pair", [2]), [2, 5])]),
    ("vocabulary_list", lambda: [column.indicator_column(colors())]),
    ("vocabulary_list num_oov_buckets", lambda: [column.indicator_column(colors(num_oov_buckets=3))]),
    ("vocabulary_list default_value", lambda: [column.indicator_column(colors(default_value=1))]),
    (
        "vocabulary_file",
        lambda: [
            column.indicator_column(
                column.categorical_column_with_vocabulary_file("words", vocabulary_file(), num_oov_buckets=1)
            )
        ],
    ),
    ("identity", lambda: [column.indicator_column(identity())]),
    ("hash_bucket", lambda: [column.indicator_column(column.categorical_column_with_hash_bucket("color", 5))]),
    (
        "hash_bucket of integers",
        lambda: [column.indicator_column(column.categorical_column_with_hash_bucket("id", 5, tf.int64))],
    ),
    ("crossed_column", lambda: [column.indicator_column(crossed())]),
    ("crossed_column hash_key", lambda: [column.indicator_column(crossed(hash_key=99))]),
    (
        "crossed_column of three",
        lambda: [column.indicator_column(column.crossed_column([age_buckets(), "color", identity()], 9))],
    ),
    ("crossed_column of strings", lambda: [column.indicator_column(column.crossed_column(["words", "color"], 9))]),
    ("indicator_column of words", lambda: [column.indicator_column(words())]),
    (
        "weighted_categorical_column",
        lambda: [column.indicator_column(column.weighted_categorical_column(words(), "frequencies"))],
    ),
    ("embedding_column", lambda: [embedded(colors(num_oov_buckets=1))]),
    ("embedding_column sum", lambda: [embedded(words(), combiner="sum")]),
    ("embedding_column sqrtn", lambda: [embedded(words(), combiner="sqrtn")]),
    ("embedding_column max_norm", lambda: [embedded(words(), max_norm=0.2)]),
    ("embedding_column of weights", lambda: [embedded(column.weighted_categorical_column(words(), "frequencies"))]),
    ("embedding_column of a cross", lambda: [embedded(crossed())]),
    (
        "shared_embedding_columns",
        lambda: column.shared_embedding_columns(
            [words(), column.categorical_column_with_vocabulary_list("color", ["red", "blue", "x"])],
            2,
            initializer=growing,
        ),
    ),
    (
        "several columns",
        lambda: [column.numeric_column("age"), embedded(words()), column.indicator_column(colors()), age_buckets()],
    ),
]

COLUMNS = [("input_layer of " + name, lambda make=make: input_layer(*make())) for name, make in COLUMNS] + [
    ("linear_model of " + name, lambda make=make, options=options: linear_model(*make(), **options))
    for name, make, options in [
        ("numeric_column", lambda: [column.numeric_column("age"), column.numeric_column("pair", [2])], {}),
        ("bucketized_column", lambda: [age_buckets()], {}),
        ("categorical columns", lambda: [colors(num_oov_buckets=2), words(), identity()], {}),
        ("crossed_column", lambda: [crossed(hash_key=5)], {}),
        ("two units", lambda: [words()], {"units": 2}),
        ("sparse_combiner mean", lambda: [words()], {"sparse_combiner": "mean"}),
        ("sparse_combiner sqrtn", lambda: [words()], {"sparse_combiner": "sqrtn"}),
        ("weights", lambda: [column.weighted_categorical_column(words(), "frequencies")], {}),
    ]
]


def sequence_features():
    sequence_words = column.sequence_categorical_column_with_vocabulary_list("words", ["a", "b", "c"])
    layer = tf.keras.experimental.SequenceFeatures([embedded(sequence_words)])
    return layer(features()), sequence_of_numbers()


def sequence_of_numbers(**options):
    layer = tf.keras.experimental.SequenceFeatures([column.sequence_numeric_column("steps", **options)])
    return layer(features())


def sequence_indicator(make):
    layer = tf.keras.experimental.SequenceFeatures([column.indicator_column(make())])
    return layer(features())


COLUMNS += [
    (
        "make_parse_example_spec",
        lambda: sorted(
            str(item) for item in column.make_parse_example_spec([age_buckets(), embedded(words())]).items()
        ),
    ),
    ("DenseFeatures", lambda: tf.keras.layers.DenseFeatures([column.numeric_column("age"), age_buckets()])(features())),
    ("SequenceFeatures", sequence_features),
    (
        "sequence vocabulary_list",
        lambda: sequence_indicator(
            lambda: column.sequence_categorical_column_with_vocabulary_list("words", ["a", "b"])
        ),
    ),
    (
        "sequence hash_bucket",
        lambda: sequence_indicator(lambda: column.sequence_categorical_column_with_hash_bucket("words", 4)),
    ),
    ("cols_to_vars", lambda: columns_to_variables()),
]


def columns_to_variables():
    variables = {}
    column.linear_model(features(), [age_buckets(), words()], cols_to_vars=variables)
    return sorted(str(key if isinstance(key, str) else key.name) for key in variables)


def looked_up(table, keys):
    return [table.lookup(tf.constant(keys)), table.size()]


def mutable():
    table = tf.lookup.experimental.DenseHashTable(
        tf.int64, tf.float32, -1.0, tf.constant(0, tf.int64), tf.constant(99, tf.int64)
    )
    session = tf.get_default_session()
    session.run(table.insert(tf.constant([5, 7], tf.int64), tf.constant([0.5, 0.7])))
    return session.run([table.lookup(tf.constant([5, 6, 7], tf.int64)), table.size()])


def table_from_file(**options):
    return tf.lookup.StaticVocabularyTable(
        tf.lookup.TextFileInitializer(
            vocabulary_file(),
            tf.string,
            tf.lookup.TextFileIndex.WHOLE_LINE,
            tf.int64,
            tf.lookup.TextFileIndex.LINE_NUMBER,
        ),
        **options,
    )


TABLES = [
    (
        "StaticHashTable",
        lambda: looked_up(
            tf.lookup.StaticHashTable(tf.lookup.KeyValueTensorInitializer(["a", "b"], [1, 2]), -5), ["a", "c"]
        ),
    ),
    ("StaticVocabularyTable", lambda: looked_up(table_from_file(num_oov_buckets=4), ["a", "c", "x", "y", "z"])),
    ("DenseHashTable", mutable),
    (
        "tables of texts",
        lambda: looked_up(
            tf.lookup.StaticHashTable(
                tf.lookup.KeyValueTensorInitializer(tf.constant([1, 2], tf.int64), ["x", "y"]), "?"
            ),
            np.int64([2, 3]),
        ),
    ),
    (
        "a table without initialization",
        lambda: tf.get_default_session().run(
            tf.lookup.StaticHashTable(tf.lookup.KeyValueTensorInitializer(["a"], [1]), -5).lookup(tf.constant("a"))
        ),
    ),
]

FUNCTIONS = [
    (
        "numpy_input_fn",
        lambda: [
            run_input_fn(
                tf.estimator.inputs.numpy_input_fn({"x": MATRIX}, np.arange(6), 4, num_epochs=1, shuffle=False), 2
            )
        ],
    ),
    (
        "numpy_input_fn of two epochs",
        lambda: [
            run_input_fn(tf.estimator.inputs.numpy_input_fn({"x": MATRIX}, None, 4, num_epochs=2, shuffle=False), 3)
        ],
    ),
]


def run_input_fn(input_fn, runs):
    tensors = input_fn()
    coordinator = tf.train.Coordinator()
    threads = tf.train.start_queue_runners(coord=coordinator)
    values = cases.each(tensors, runs)
    coordinator.request_stop()
    coordinator.join(threads)
    return values


GROUPS = [
    ("dataset", DATASETS),
    ("parsing", PARSING),
    ("column", COLUMNS),
    ("table", TABLES),
    ("input_fn", FUNCTIONS),
]

if __name__ == "__main__":
    cases.main([case for group, entries in GROUPS for case in cases.prefixed(group + ":", entries)])
