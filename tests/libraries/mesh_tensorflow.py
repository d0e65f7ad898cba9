# pip: mesh-tensorflow==0.1.13 future==1.0.0 gin-config==0.3.0
# run: --api=1
# prints: loss 0\.\d+, after 30 steps 0\.0\d+
"""Trains a network whose batch is split over a mesh of two devices, with Adafactor."""

import mesh_tensorflow as mtf
import numpy as np
import tensorflow as tf

tf.set_random_seed(1)
points = np.random.RandomState(0).randn(64, 8).astype(np.float32)
graph = mtf.Graph()
mesh = mtf.Mesh(graph, "mesh")
batch = mtf.Dimension("batch", 64)
inputs = mtf.Dimension("inputs", 8)
hidden = mtf.Dimension("hidden", 16)
classes = mtf.Dimension("classes", 2)
x = mtf.import_tf_tensor(mesh, tf.constant(points), shape=[batch, inputs])
labels = mtf.import_tf_tensor(mesh, tf.constant((points[:, 0] > 0).astype(np.int32)), shape=[batch])
values = mtf.layers.layer_norm(mtf.layers.dense(x, hidden, activation=mtf.relu, name="hidden"), hidden)
logits = mtf.layers.dense(values, classes, name="logits")
losses = mtf.layers.softmax_cross_entropy_with_logits(logits, mtf.one_hot(labels, classes), classes)
loss = mtf.reduce_mean(losses)
gradients = mtf.gradients([loss], [variable.outputs[0] for variable in graph.trainable_variables])
updates = mtf.optimize.AdafactorOptimizer(learning_rate=0.05).apply_grads(gradients, graph.trainable_variables)
placement = mtf.placement_mesh_impl.PlacementMeshImpl([("all", 2)], [("batch", "all")], ["cpu:0", "cpu:0"])
lowering = mtf.Lowering(graph, {mesh: placement})
tf_loss = lowering.export_to_tf_tensor(loss)
train_op = tf.group([lowering.lowered_operation(update) for update in updates])
with tf.Session() as session:
    session.run(tf.global_variables_initializer())
    session.run(lowering.copy_masters_to_slices())
    before = session.run(tf_loss)
    for _ in range(30):
        session.run(train_op)
    print(f"loss {before:.4f}, after 30 steps {session.run(tf_loss):.6f}")
