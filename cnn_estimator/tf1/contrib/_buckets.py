"""tf.contrib.training.bucket and bucket_by_sequence_length: batches of similar examples, by queues."""

from collections.abc import Sequence
from typing import Any

import tensorflow.compat.v1 as tf  # type: ignore[import-untyped]

_CLOSED = (tf.errors.OutOfRangeError, tf.errors.CancelledError)


def _flat(tensors: Any) -> list[tf.Tensor]:
    """Returns the tensors of a list, a dict or a single tensor."""
    if isinstance(tensors, dict):
        values = [tensors[key] for key in sorted(tensors)]
    else:
        values = list(tensors) if isinstance(tensors, list | tuple) else [tensors]
    if any(isinstance(value, tf.SparseTensor) for value in values):
        raise NotImplementedError("bucket is not available for sparse tensors: use tf.data.Dataset.group_by_window")
    return [tf.convert_to_tensor(value) for value in values]


def _like(tensors: Any, values: list[tf.Tensor]) -> Any:
    """Returns values in the structure of tensors."""
    if isinstance(tensors, dict):
        return dict(zip(sorted(tensors), values, strict=True))
    return values if isinstance(tensors, list | tuple) else values[0]


def _run_queue(queue: Any, enqueue_ops: list[Any], closed: Sequence[Any]) -> None:
    """Adds the threads that fill a queue. closed: the queues that are closed at their end."""
    runner = tf.train.QueueRunner(
        queue,
        enqueue_ops,
        close_op=tf.group(*(each.close() for each in closed)),
        cancel_op=tf.group(*(each.close(cancel_pending_enqueues=True) for each in closed)),
        queue_closed_exception_types=_CLOSED,
    )
    tf.train.add_queue_runner(runner)


def bucket(
    tensors: Any,
    which_bucket: Any,
    batch_size: Any,
    num_buckets: int,
    num_threads: int = 1,
    capacity: int = 32,
    bucket_capacities: Sequence[int] | None = None,
    shapes: Any = None,
    dynamic_pad: bool = False,
    allow_smaller_final_batch: bool = False,
    keep_input: Any = True,
    shared_name: str | None = None,
    name: str | None = None,
) -> tuple[tf.Tensor, Any]:
    """Returns (bucket, batch of the examples in this bucket). Queue runners fill the buckets with single examples.

    Args:
      tensors: one example: a list, a dict or a tensor.
      batch_size: for all buckets, or a list with one size for each bucket.
      capacity: batches that are kept ready; bucket_capacities: examples that the buckets hold, by default as many.
      shapes: of the tensors; dynamic_pad: if True, they may have unknown lengths, and are padded with 0.
      keep_input: if False, the example is dropped.
    """
    examples = _flat(tensors)
    sizes = list(batch_size) if isinstance(batch_size, list | tuple) else [batch_size] * num_buckets
    capacities = bucket_capacities or [capacity] * num_buckets
    if len(sizes) != num_buckets or len(capacities) != num_buckets:
        raise ValueError(f"there are {num_buckets} buckets, {len(sizes)} sizes and {len(capacities)} capacities")
    static_size = None if allow_smaller_final_batch or isinstance(batch_size, list | tuple) else batch_size
    queue_class = tf.PaddingFIFOQueue if dynamic_pad else tf.FIFOQueue
    types = [example.dtype for example in examples]
    example_shapes = [tf.TensorShape(shape) for shape in shapes or [example.shape for example in examples]]
    with tf.name_scope(name, "bucket", examples) as scope:
        queues = [
            queue_class(each, types, example_shapes, shared_name=shared_name and f"{shared_name}_{number}")
            for number, each in enumerate(capacities)
        ]
        batch_shapes = [tf.TensorShape([static_size]).concatenate(shape) for shape in example_shapes]
        ready = tf.PaddingFIFOQueue(capacity, [tf.int32, *types], [[], *batch_shapes], shared_name=shared_name)

        def enqueue_example() -> tf.Operation:
            return tf.group(
                *(
                    tf.cond(tf.equal(which_bucket, number), lambda queue=queue: queue.enqueue(examples), tf.no_op)
                    for number, queue in enumerate(queues)
                )
            )

        def take(queue: Any, size: Any) -> list[tf.Tensor]:
            batch = queue.dequeue_up_to(size) if allow_smaller_final_batch else queue.dequeue_many(size)
            return batch if isinstance(batch, list) else [batch]

        enqueue = tf.cond(tf.convert_to_tensor(keep_input), enqueue_example, tf.no_op)
        batches = [
            ready.enqueue([tf.constant(number), *take(queue, size)])
            for number, (queue, size) in enumerate(zip(queues, sizes, strict=True))
        ]
        _run_queue(queues[0], batches, [ready])
        _run_queue(ready, [enqueue] * num_threads, queues)
        tf.summary.scalar(f"fraction_of_{capacity}_full", tf.cast(ready.size(), tf.float32) / capacity)
        which, *values = ready.dequeue(name=f"{scope}dequeue_top")
    return which, _like(tensors, values)


def bucket_by_sequence_length(
    input_length: Any,
    tensors: Any,
    batch_size: Any,
    bucket_boundaries: Sequence[int],
    num_threads: int = 1,
    capacity: int = 32,
    bucket_capacities: Sequence[int] | None = None,
    shapes: Any = None,
    dynamic_pad: bool = False,
    allow_smaller_final_batch: bool = False,
    keep_input: Any = True,
    shared_name: str | None = None,
    name: str | None = None,
) -> tuple[tf.Tensor, Any]:
    """Returns (lengths [batch], batch of examples with lengths between the same boundaries). Args as in bucket.

    Raises:
      ValueError: bucket_boundaries is empty or does not increase.
      TypeError: bucket_boundaries is not a list of integers.
    """
    if not isinstance(bucket_boundaries, list | tuple) or not all(isinstance(each, int) for each in bucket_boundaries):
        raise TypeError(f"bucket_boundaries must be a list of integers, not {bucket_boundaries!r}")
    if not bucket_boundaries or list(bucket_boundaries) != sorted(set(bucket_boundaries)):
        raise ValueError(f"bucket_boundaries must increase: {bucket_boundaries!r}")
    length = tf.convert_to_tensor(input_length, tf.int32)
    which_bucket = tf.reduce_sum(tf.cast(tf.less_equal(list(bucket_boundaries), length), tf.int32))
    _, (lengths, *values) = bucket(
        [length, *_flat(tensors)],
        which_bucket,
        batch_size,
        len(bucket_boundaries) + 1,
        num_threads,
        capacity,
        bucket_capacities,
        None if shapes is None else [[], *shapes],
        dynamic_pad,
        allow_smaller_final_batch,
        keep_input,
        shared_name,
        name or "bucket_by_sequence_length",
    )
    return lengths, _like(tensors, values)
