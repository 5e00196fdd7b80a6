"""Train a network: python train.py --config configs/slowfast.yaml [section.key=value ...]"""

import sys

from slowfast_paddle.commands.train import main

if __name__ == "__main__":
    sys.exit(main())
