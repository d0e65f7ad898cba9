"""tf.contrib.learn.preprocessing: texts as arrays of word ids.

The attributes have their names of TensorFlow 1, so that files of VocabularyProcessor.save can be read.
"""

import collections
import itertools
import pickle
import re
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np
import tensorflow.compat.v1 as tf  # type: ignore[import-untyped]

from cnn_estimator.tf1.unavailable import module_getattr

# Capitals not followed by a small letter, or a capitalized word before a capital, or letters, digits, _, ' and -.
TOKENIZER_RE = re.compile(r"[A-Z]{2,}(?![a-z])|[A-Z][a-z]+(?=[A-Z])|['\w-]+")


def tokenizer(iterator: Iterable[str]) -> Iterator[list[str]]:
    """Yields the words of each text."""
    return (TOKENIZER_RE.findall(text) for text in iterator)


class CategoricalVocabulary:
    """Maps values to ids. Unknown values have id 0."""

    def __init__(self, unknown_token: str = "<UNK>", support_reverse: bool = True) -> None:
        self._unknown_token = unknown_token
        self._support_reverse = support_reverse
        self._mapping: dict[Any, int] = {unknown_token: 0}
        self._reverse_mapping = [unknown_token]
        self._freq: dict[Any, int] = collections.defaultdict(int)
        self._freeze = False

    def __len__(self) -> int:
        return len(self._mapping)

    def freeze(self, freeze: bool = True) -> None:
        """Makes all new values unknown from now on."""
        self._freeze = freeze

    def get(self, category: Any) -> int:
        """Returns the id of a value. A new value gets a new id, unless the vocabulary is frozen."""
        if category not in self._mapping:
            if self._freeze:
                return 0
            self._mapping[category] = len(self._mapping)
            self._reverse_mapping.append(category)
        return self._mapping[category]

    def add(self, category: Any, count: int = 1) -> None:
        """Adds to the count of a value."""
        if self.get(category):
            self._freq[category] += count

    def trim(self, min_frequency: int, max_frequency: int = -1) -> None:
        """Removes values whose count is at most min_frequency, or at least max_frequency if that is positive.

        The other values get new ids, the most frequent ones first.
        """
        counts = sorted(self._freq.items(), key=lambda item: (-item[1], item[0]))
        frequent = {
            value: count
            for value, count in counts
            if count > min_frequency and (max_frequency <= 0 or count < max_frequency)
        }
        self._freq = collections.defaultdict(int, frequent)
        self._reverse_mapping = [self._unknown_token, *frequent]
        self._mapping = {value: number for number, value in enumerate(self._reverse_mapping)}

    def reverse(self, class_id: int) -> Any:
        """Returns the value of an id."""
        if not self._support_reverse:
            raise ValueError("the vocabulary was made with support_reverse=False")
        return self._reverse_mapping[class_id]


class ByteProcessor:
    """Turns texts into uint8 arrays [max_document_length] of their UTF-8 bytes, padded with 0."""

    def __init__(self, max_document_length: int) -> None:
        self.max_document_length = max_document_length

    def fit(self, x: object) -> "ByteProcessor":
        """Does nothing: bytes need no vocabulary."""
        return self

    def transform(self, x: Iterable[str | bytes]) -> Iterator[np.ndarray]:
        """Yields the bytes of each text."""
        for text in x:
            content = (text.encode() if isinstance(text, str) else text)[: self.max_document_length]
            row = np.zeros(self.max_document_length, np.uint8)
            row[: len(content)] = list(content)
            yield row

    fit_transform = transform

    def reverse(self, x: Iterable[Iterable[int]]) -> Iterator[str]:
        """Yields the text of each array of bytes."""
        return (bytes(int(byte) for byte in row if byte).decode(errors="replace") for row in x)


class VocabularyProcessor:
    """Turns texts into int64 arrays [max_document_length] of word ids. Unknown words and padding are 0."""

    def __init__(
        self,
        max_document_length: int,
        min_frequency: int = 0,
        vocabulary: CategoricalVocabulary | None = None,
        tokenizer_fn: Callable | None = None,
    ) -> None:
        """min_frequency: words that occur at most this often are unknown; tokenizer_fn: splits texts into words."""
        self.max_document_length = max_document_length
        self.min_frequency = min_frequency
        self.vocabulary_ = vocabulary or CategoricalVocabulary()
        self._tokenizer = tokenizer_fn or tokenizer

    def fit(self, raw_documents: Iterable[str], unused_y: object = None) -> "VocabularyProcessor":
        """Adds the words of texts to the vocabulary."""
        for words in self._tokenizer(raw_documents):
            for word in words:
                self.vocabulary_.add(word)
        if self.min_frequency > 0:
            self.vocabulary_.trim(self.min_frequency)
        self.vocabulary_.freeze()
        return self

    def transform(self, raw_documents: Iterable[str]) -> Iterator[np.ndarray]:
        """Yields the word ids of each text."""
        for words in self._tokenizer(raw_documents):
            ids = np.zeros(self.max_document_length, np.int64)
            for place, word in enumerate(itertools.islice(words, self.max_document_length)):
                ids[place] = self.vocabulary_.get(word)
            yield ids

    def fit_transform(self, raw_documents: Any, unused_y: object = None) -> Iterator[np.ndarray]:
        """Calls fit and returns transform."""
        return self.fit(raw_documents).transform(raw_documents)

    def reverse(self, documents: Iterable) -> Iterator[str]:
        """Yields the text of each array of word ids."""
        return (" ".join(self.vocabulary_.reverse(number) for number in ids) for ids in documents)

    def save(self, filename: str) -> None:
        """Writes the processor to a file."""
        with tf.gfile.Open(filename, "wb") as file:
            file.write(pickle.dumps(self))

    @classmethod
    def restore(cls, filename: str) -> "VocabularyProcessor":
        """Returns the processor that save wrote. The file is a pickle: read only files that you trust."""
        with tf.gfile.Open(filename, "rb") as file:
            return pickle.loads(file.read())


__getattr__ = module_getattr(
    "tf.contrib.learn.preprocessing", (), "use VocabularyProcessor, or tf.feature_column", names="CategoricalProcessor"
)
