"""The messages in the index of a checkpoint. TensorFlow has no public name for them."""

from tensorflow.core.protobuf.tensor_bundle_pb2 import BundleEntryProto, BundleHeaderProto

__all__ = ["BundleEntryProto", "BundleHeaderProto"]
