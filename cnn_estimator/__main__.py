"""python -m cnn_estimator VERB"""

from cnn_estimator import cli

if __name__ == "__main__":
    cli.main()
