"""Made-up data for the programs, the same for all of them."""

import numpy as np

BATCH = 64
HIDDEN, HEADS, LAYERS, LENGTH, VOCABULARY = 128, 2, 4, 64, 10000


def images():
    generator = np.random.RandomState(1)
    return generator.rand(6400, 28, 28, 1).astype(np.float32), generator.randint(0, 10, 6400).astype(np.int32)


def texts():
    """Returns numbers of words, int32 [N, LENGTH], and two classes."""
    generator = np.random.RandomState(1)
    words = generator.randint(1, VOCABULARY, (6400, LENGTH)).astype(np.int32)
    return words, generator.randint(0, 2, 6400).astype(np.int32)


def people():
    """Returns columns as of a census, with two columns of numbers and two of texts, and labels of two classes."""
    generator = np.random.RandomState(1)
    rows = 20000
    table = {
        "age": generator.uniform(18, 70, rows).astype(np.float32),
        "hours": generator.normal(38, 8, rows).astype(np.float32),
        "job": generator.choice(["clerk", "cook", "driver", "nurse"], rows),
        "town": np.array(["town " + str(number) for number in generator.randint(0, 200, rows)]),
    }
    return table, generator.randint(0, 2, rows).astype(np.int32)
