# pip: magenta==2.1.4 note-seq==0.0.3 pydub==0.25.1 ImageIO==2.38.1 audioop-lts==0.2.2
# pip: intervaltree==3.2.1 sortedcontainers==2.4.0 pygtrie==2.6.2 mido==1.2.6 pretty_midi==0.2.9 future==1.0.0
# pip: bokeh==3.10.2 Jinja2==3.1.6 MarkupSafe==3.0.4 contourpy==1.4.0 narwhals==2.29.0 xyzservices==2026.9.1
# pip: attrs==26.1.0 pandas==3.1.1 pytz==2026.6 librosa==1.0.0 lazy-loader==0.6 numba==0.68.1 llvmlite==0.50.0
# pip: soundfile==0.14.0 soxr==1.1.0 cffi==2.1.1 pycparser==3.12 msgpack==1.2.4 audioread==3.1.0
# run: --api=1
# prints: loss [1-9]\.\d+, after 100 steps -[1-3]\.\d+, drew 20 strokes
"""Trains sketch_rnn on squares, and draws with it from its checkpoint."""

import os

import numpy as np
import tensorflow.compat.v1 as tf
from magenta.models.sketch_rnn import model as sketch_rnn
from magenta.models.sketch_rnn import sketch_rnn_train

SETTINGS = (
    "data_set=[squares.npz],enc_rnn_size=32,dec_rnn_size=64,enc_model=layer_norm,dec_model=hyper,z_size=8,num_mixture=3,"
    "batch_size=20,num_steps=101,save_every=100,learning_rate=0.01,random_scale_factor=0.0,augment_stroke_prob=0.0"
)


def squares(count):
    """Returns drawings of squares of different sizes: steps in x and y, and 1 where the pen is lifted."""
    sides = np.repeat([(0.5, 0), (0, 0.5), (-0.5, 0), (0, -0.5)], 2, axis=0)
    lifted = np.tile(np.eye(8)[7][:, None], (count, 1, 1))
    return np.concatenate([random.randint(20, 40, (count, 1, 1)) * sides, lifted], axis=2).astype(np.float32)


random = np.random.RandomState(0)
np.savez("squares.npz", train=squares(200), valid=squares(40), test=squares(40))
settings = sketch_rnn.get_default_hparams()
settings.parse(SETTINGS)
train_set, valid_set, test_set, settings, eval_settings, draw_settings = sketch_rnn_train.load_dataset(".", settings)
tf.set_random_seed(1)
np.random.seed(1)
model = sketch_rnn.Model(settings)
eval_model = sketch_rnn.Model(eval_settings, reuse=True)
draw_model = sketch_rnn.Model(draw_settings, reuse=True)
os.makedirs("model")
tf.flags.FLAGS.log_root = "model"
with tf.Session() as session:
    session.run(tf.global_variables_initializer())
    before, _, _ = sketch_rnn_train.evaluate_model(session, eval_model, test_set)
    sketch_rnn_train.train(session, model, eval_model, train_set, valid_set, test_set)
    sketch_rnn_train.load_checkpoint(session, "model")
    after, _, _ = sketch_rnn_train.evaluate_model(session, eval_model, test_set)
    strokes, _ = sketch_rnn.sample(session, draw_model, seq_len=20, temperature=0.1)
print(f"loss {before:.4f}, after 100 steps {after:.4f}, drew {len(strokes)} strokes")
