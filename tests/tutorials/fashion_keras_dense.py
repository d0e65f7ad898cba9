from __future__ import absolute_import, division, print_function

import matplotlib.pyplot as plt
import numpy as np
import tensorflow as tf
from tensorflow import keras

fashion_mnist = keras.datasets.fashion_mnist
(train_images, train_labels), (test_images, test_labels) = fashion_mnist.load_data()
train_images = train_images / 255.0
test_images = test_images / 255.0

plt.figure()
plt.imshow(train_images[0])
plt.colorbar()
plt.grid(False)
plt.savefig("first.png")
plt.show()

model = keras.Sequential(
    [
        keras.layers.Flatten(input_shape=(28, 28)),
        keras.layers.Dense(128, activation=tf.nn.relu),
        keras.layers.Dense(10, activation=tf.nn.softmax),
    ]
)
model.compile(optimizer=tf.train.AdamOptimizer(), loss="sparse_categorical_crossentropy", metrics=["accuracy"])
model.fit(train_images[:3200], train_labels[:3200], epochs=1)
test_loss, test_acc = model.evaluate(test_images[:2000], test_labels[:2000])
print("Test accuracy:", test_acc)

predictions = model.predict(test_images[:15])
print(predictions.shape, np.argmax(predictions[0]))
plt.figure()
plt.bar(range(10), predictions[0], color="#777777").patches[np.argmax(predictions[0])].set_color("red")
plt.savefig("prediction.png")
plt.show()
print(np.argmax(model.predict(np.expand_dims(test_images[0], 0))[0]))
