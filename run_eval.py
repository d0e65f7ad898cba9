"""Evaluates a checkpoint, the newest intact one, on the test set: python run_eval.py --model_dir=/tmp/fashion

A table of the classes goes to stderr. The last line on stdout is one JSON object: accuracy, loss, global_step, images,
checkpoint.
"""

from cnn_estimator import cli

if __name__ == "__main__":
    cli.run("eval")
