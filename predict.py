"""Predict the action of videos or of a camera: python predict.py --weights FILE --input VIDEO [VIDEO ...]"""

import sys

from slowfast_paddle.commands.predict import main

if __name__ == "__main__":
    sys.exit(main())
