# pip: pycocotools==2.0.11 lvis==0.5.3 Cython==3.3.1 lxml==6.1.3 opencv-python-headless==5.0.0.93
# git: rushk7/object_detection a39ee9a5da3d9e4ef38b83991bd329c70f0e97b0
# run: --api=1
# prints: loss 1?\d\.\d+, after 40 steps [0-6]\.\d+, exported True
"""Trains an SSD on MobileNet v2 with model_main.py of tensorflow/models' object detection, evaluates and exports it."""

import contextlib
import glob
import logging
import os
import sys

import numpy as np
import object_detection
import tensorflow as tf
from object_detection.utils import dataset_util

sys.path.append(os.path.dirname(object_detection.__file__))
import model_main

CONVOLUTIONS = """
    conv_hyperparams {
      regularizer { l2_regularizer { weight: 0.00004 } }
      initializer { truncated_normal_initializer { stddev: 0.03 } }
      activation: RELU_6
      batch_norm { decay: 0.9 scale: true epsilon: 0.001 train: true }
    }
"""
PIPELINE = (
    """
model {
  ssd {
    num_classes: 2
    image_resizer { fixed_shape_resizer { height: 128 width: 128 } }
    feature_extractor { type: "ssd_mobilenet_v2" depth_multiplier: 0.25 min_depth: 8 """
    + CONVOLUTIONS
    + """ }
    box_coder { faster_rcnn_box_coder { y_scale: 10.0 x_scale: 10.0 height_scale: 5.0 width_scale: 5.0 } }
    matcher { argmax_matcher { matched_threshold: 0.5 unmatched_threshold: 0.5 force_match_for_each_row: true } }
    similarity_calculator { iou_similarity { } }
    box_predictor { convolutional_box_predictor { kernel_size: 1 box_code_size: 4 """
    + CONVOLUTIONS
    + """ } }
    anchor_generator { ssd_anchor_generator { num_layers: 6 min_scale: 0.2 max_scale: 0.9 aspect_ratios: [1.0, 2.0] } }
    post_processing {
      batch_non_max_suppression {
        score_threshold: 1e-3 iou_threshold: 0.6 max_detections_per_class: 20 max_total_detections: 20
      }
      score_converter: SIGMOID
    }
    loss {
      localization_loss { weighted_smooth_l1 { } }
      classification_loss { weighted_sigmoid { } }
      hard_example_miner { loss_type: CLASSIFICATION max_negatives_per_positive: 3 min_negatives_per_image: 3 }
      classification_weight: 1.0
      localization_weight: 1.0
    }
  }
}
train_config {
  batch_size: 4
  data_augmentation_options { random_horizontal_flip { } }
  optimizer {
    adam_optimizer { learning_rate { constant_learning_rate { learning_rate: 0.003 } } }
    use_moving_average: false
  }
}
train_input_reader { label_map_path: "labels.pbtxt" tf_record_input_reader { input_path: "pictures.tfrecord" } }
eval_config { num_examples: 4 metrics_set: "coco_detection_metrics" }
eval_input_reader { label_map_path: "labels.pbtxt" tf_record_input_reader { input_path: "pictures.tfrecord" } }
"""
)


def example(number, jpeg, top, left):
    """Returns a tf.train.Example of a picture with one square of 50 pixels."""
    whole = dataset_util.int64_feature
    text = dataset_util.bytes_feature
    side = dataset_util.float_list_feature
    feature = {
        "image/height": whole(128),
        "image/width": whole(128),
        "image/filename": text(b"%d.jpg" % number),
        "image/source_id": text(b"%d" % number),
        "image/encoded": text(jpeg),
        "image/format": text(b"jpeg"),
        "image/object/bbox/xmin": side([left / 128]),
        "image/object/bbox/xmax": side([(left + 50) / 128]),
        "image/object/bbox/ymin": side([top / 128]),
        "image/object/bbox/ymax": side([(top + 50) / 128]),
        "image/object/class/text": dataset_util.bytes_list_feature([[b"red", b"green"][number % 2]]),
        "image/object/class/label": dataset_util.int64_list_feature([number % 2 + 1]),
    }
    return tf.train.Example(features=tf.train.Features(feature=feature))


class LastLoss(logging.Handler):
    """Keeps the loss that the Estimator logs after training."""

    def emit(self, record):
        if "Loss for final step" in record.msg:
            self.value = float(record.args[0])


def write_pictures(path, count):
    random = np.random.RandomState(0)
    with tf.Graph().as_default(), tf.Session() as session, tf.python_io.TFRecordWriter(path) as writer:
        pixels = tf.placeholder(tf.uint8, [128, 128, 3])
        jpeg = tf.image.encode_jpeg(pixels)
        for number in range(count):
            picture = random.randint(0, 60, (128, 128, 3)).astype(np.uint8)
            top, left = random.randint(0, 70, 2)
            picture[top : top + 50, left : left + 50, number % 2] = 250
            encoded = session.run(jpeg, {pixels: picture})
            writer.write(example(number, encoded, top, left).SerializeToString())


def first_value(pattern, tag):
    """Returns the first value of a summary in the event files that match a pattern."""
    events = (event for path in glob.glob(pattern) for event in tf.train.summary_iterator(path))
    return next(value.simple_value for event in events for value in event.summary.value if value.tag == tag)


write_pictures("pictures.tfrecord", 4)
with open("labels.pbtxt", "w") as file:
    file.write("item { id: 1 name: 'red' }\nitem { id: 2 name: 'green' }\n")
with open("pipeline.config", "w") as file:
    file.write(PIPELINE)
sys.argv[1:] = ["--model_dir=model", "--pipeline_config_path=pipeline.config", "--num_train_steps=40"]
last_loss = LastLoss()
tf.get_logger().addHandler(last_loss)
with contextlib.suppress(SystemExit):  # tf.app.run ends the program
    tf.app.run(model_main.main)
start = first_value("model/events*", "loss_1")
exported = bool(glob.glob("model/export/Servo/*/saved_model.pb"))
print(f"loss {start:.4f}, after 40 steps {last_loss.value:.4f}, exported {exported}")
