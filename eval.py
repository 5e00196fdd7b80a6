"""Test a network with many views a video: python eval.py --weights FILE [section.key=value ...]"""

import sys

from slowfast_paddle.commands.eval import main

if __name__ == "__main__":
    sys.exit(main())
