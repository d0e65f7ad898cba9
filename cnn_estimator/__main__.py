"""python -m cnn_estimator VERB, and the command cnn-estimator."""

from cnn_estimator.cli import main

if __name__ == "__main__":
    main()
