"""The layers of a network, found in the graph of model_fn."""

import dataclasses

from cnn_estimator.model import PROBABILITIES
from cnn_estimator.tf1 import tf

_CONVOLUTION = "Conv2D"
_DENSE = "MatMul"
_BIAS_AND_NORMALIZATION = ("BiasAdd", "Add", "AddV2", "FusedBatchNorm", "FusedBatchNormV2", "FusedBatchNormV3")
_ACTIVATION_FUNCTIONS = ("Relu", "Relu6", "LeakyRelu", "Elu", "Selu", "Sigmoid", "Softplus", "Softsign", "Tanh")


@dataclasses.dataclass(frozen=True)
class Layer:
    """A convolution or a dense layer.

    Attributes:
      name: the scope of its operations, for example conv2d_1.
      is_convolution: False for a dense layer.
      inputs: the tensor that goes in.
      kernel: the weights, a tensor: [height, width, channels in, channels out] of a convolution, [in, out] of a dense
        layer.
      output: the tensor that comes out, after bias and activation function.
    """

    name: str
    is_convolution: bool
    inputs: tf.Tensor
    kernel: tf.Tensor
    output: tf.Tensor


def logits(graph: tf.Graph) -> tf.Tensor:
    """Returns the logits, which the softmax turns into probabilities."""
    return graph.get_operation_by_name(PROBABILITIES).inputs[0]


def find(graph: tf.Graph) -> list[Layer]:
    """Returns the convolutions and dense layers that the logits are computed with, in order."""
    above = operations_above(logits(graph).op)
    return [_layer(op, above) for op in graph.get_operations() if op in above and op.type in (_CONVOLUTION, _DENSE)]


def operations_above(last: tf.Operation) -> set[tf.Operation]:
    """Returns an operation and all operations whose results it depends on."""
    operations = {last}
    unvisited = [last]
    while unvisited:
        new = {tensor.op for tensor in unvisited.pop().inputs} - operations
        operations |= new
        unvisited += new
    return operations


def _layer(op: tf.Operation, above: set[tf.Operation]) -> Layer:
    inputs, kernel = op.inputs[:2]
    return Layer(op.name.rpartition("/")[0] or op.name, op.type == _CONVOLUTION, inputs, kernel, _output(op, above))


def _output(op: tf.Operation, above: set[tf.Operation]) -> tf.Tensor:
    """Returns the output of the layer whose convolution or product of matrices is `op`."""
    while op.type not in _ACTIVATION_FUNCTIONS:
        users = [user for user in op.outputs[0].consumers() if user in above]
        if len(users) != 1 or users[0].type not in _BIAS_AND_NORMALIZATION + _ACTIVATION_FUNCTIONS:
            break
        op = users[0]
    return op.outputs[0]
