"""Writes vectors of images for TensorBoard's projector, which shows them as a cloud of points.

Imports no TensorFlow.
"""

import io
import math
import os
from collections.abc import Mapping, Sequence
from typing import IO

import numpy as np
from google.protobuf import text_format
from PIL import Image

from cnn_estimator.files import atomic_write, writing

CONFIG_FILE = "projector_config.pbtxt"  # TensorBoard looks for this name beside the event files of a run
FOLDER = "projector"
_VECTORS_FILE = "vectors.tsv"
_METADATA_FILE = "metadata.tsv"
_SPRITE_FILE = "sprite.png"


def write(
    folder: str, name: str, vectors: np.ndarray, columns: Mapping[str, Sequence[object]], pixels: np.ndarray
) -> None:
    """Writes the files of a point cloud into a folder with event files, in place of an earlier cloud.

    Args:
      folder: a folder in which TensorBoard finds event files.
      name: what TensorBoard calls the cloud.
      vectors: float32 [N, units].
      columns: {heading: N values}, at least two, what TensorBoard tells about a point.
      pixels: uint8 [N, 28, 28], the images that TensorBoard draws as points.

    Raises:
      UserError: the files cannot be written.
    """
    from tensorboard.plugins.projector import ProjectorConfig  # only these plots need it

    config = ProjectorConfig()
    embedding = config.embeddings.add(
        tensor_name=name,
        tensor_path=os.path.join(FOLDER, _VECTORS_FILE),
        metadata_path=os.path.join(FOLDER, _METADATA_FILE),
    )
    embedding.sprite.image_path = os.path.join(FOLDER, _SPRITE_FILE)
    embedding.sprite.single_image_dim.extend(pixels.shape[:0:-1])
    lines = ["\t".join(columns), *("\t".join(map(str, row)) for row in zip(*columns.values(), strict=True))]
    inside = os.path.join(folder, FOLDER)
    with writing(f"folder {inside}"):
        os.makedirs(inside, exist_ok=True)
        with atomic_write(os.path.join(inside, _VECTORS_FILE)) as file:
            _write_vectors(file, vectors)
        with atomic_write(os.path.join(inside, _METADATA_FILE)) as file:
            file.writelines(f"{line}\n" for line in lines)
        with atomic_write(os.path.join(inside, _SPRITE_FILE), "wb") as file:
            file.write(_sprite(pixels))
        with atomic_write(os.path.join(folder, CONFIG_FILE)) as file:
            file.write(text_format.MessageToString(config))


def _write_vectors(file: IO[str], vectors: np.ndarray) -> None:
    for vector in vectors:
        file.write("\t".join(f"{value:.4g}" for value in vector.tolist()) + "\n")


def _sprite(pixels: np.ndarray) -> bytes:
    """Returns a PNG file with images [N, H, W] side by side, row after row, in a square of places."""
    count, height, width = pixels.shape
    side = math.ceil(math.sqrt(count))
    places = np.zeros((side * side, height, width), np.uint8)
    places[:count] = pixels
    sheet = places.reshape(side, side, height, width).swapaxes(1, 2).reshape(side * height, side * width)
    file = io.BytesIO()
    Image.fromarray(sheet).save(file, "PNG")
    return file.getvalue()
