"""Functions that TensorFlow 1 had in its internal modules and TensorFlow 2 lacks. moved.py says where they belong."""

from typing import Any

from tensorflow.core.framework import op_def_pb2  # type: ignore[import-untyped]
from tensorflow.python.client import pywrap_tf_session  # type: ignore[import-untyped]
from tensorflow.python.framework import tensor_util  # type: ignore[import-untyped]


def get_registered_ops() -> dict[str, Any]:
    """Returns {name of an operation: its OpDef}. It has all operations, also those that no module has loaded."""
    buffer = pywrap_tf_session.TF_GetAllOpList()
    try:
        definitions = op_def_pb2.OpList.FromString(pywrap_tf_session.TF_GetBuffer(buffer))
    finally:
        pywrap_tf_session.TF_DeleteBuffer(buffer)
    return {definition.name: definition for definition in definitions.op}


def register_dense_tensor_like_type(tensor_type: type) -> None:
    """Makes tf.is_tensor true for the objects of a class. Raises TypeError without the properties name and dtype."""
    for name in ("name", "dtype"):
        if not isinstance(getattr(tensor_type, name, None), property):
            raise TypeError(f"Type {tensor_type.__name__} does not define a `{name}` property")
    tensor_util.tf_type_classes += (tensor_type,)
