import matplotlib.pyplot as plt
import numpy as np
import tensorflow as tf
from tensorflow.keras.callbacks import ModelCheckpoint, TensorBoard
from tensorflow.keras.layers import Activation, Conv2D, Dense, Flatten, MaxPooling2D
from tensorflow.keras.models import Sequential, load_model

(train_X, train_Y), (test_X, test_Y) = tf.keras.datasets.fashion_mnist.load_data()
train_X = train_X.reshape(-1, 28, 28, 1) / 255.0
test_X = test_X.reshape(-1, 28, 28, 1) / 255.0
train_Y_one_hot = tf.keras.utils.to_categorical(train_Y)
test_Y_one_hot = tf.keras.utils.to_categorical(test_Y)

model = Sequential()
model.add(Conv2D(64, (3, 3), input_shape=(28, 28, 1)))
model.add(Activation("relu"))
model.add(MaxPooling2D(pool_size=(2, 2)))
model.add(Conv2D(64, (3, 3)))
model.add(Activation("relu"))
model.add(MaxPooling2D(pool_size=(2, 2)))
model.add(Flatten())
model.add(Dense(64))
model.add(Dense(10))
model.add(Activation("softmax"))
model.compile(loss=tf.keras.losses.categorical_crossentropy, optimizer=tf.keras.optimizers.Adam(), metrics=["acc"])

callbacks = [ModelCheckpoint("model.hdf5", save_best_only=True), TensorBoard(log_dir="logs")]
history = model.fit(
    train_X[:1600],
    train_Y_one_hot[:1600],
    batch_size=64,
    epochs=1,
    validation_data=(test_X[:500], test_Y_one_hot[:500]),
    callbacks=callbacks,
)
plt.plot(history.history["acc"])
plt.plot(history.history["val_acc"])
plt.legend(["train", "test"])
plt.savefig("history.png")
plt.show()

test_loss, test_acc = load_model("model.hdf5").evaluate(test_X[:2000], test_Y_one_hot[:2000])
print("Test accuracy:", test_acc)
predictions = model.predict(test_X[:25])
print(np.argmax(np.round(predictions[0])))
