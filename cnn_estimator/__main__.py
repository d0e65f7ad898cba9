"""python -m cnn_estimator VERB"""

from cnn_estimator import verbs

if __name__ == "__main__":
    verbs.main()
