"""python -m cnn_estimator.tf1 SCRIPT.py [ARGUMENTS]"""

import sys

from cnn_estimator.errors import UserError
from cnn_estimator.tf1 import script

if __name__ == "__main__":
    try:
        script.load(sys.argv[1:]).run()
    except UserError as error:
        sys.exit(f"error: {error}")
