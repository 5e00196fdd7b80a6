"""Random numbers as a function of the position in the run, so that resuming needs no generator state."""

import numpy as np
import paddle

from slowfast_paddle import distributed

STEP_WORD = 0  # first word of the seeds; data/kinetics.py has those of other purposes


def seed_step(seed: int, epoch: int, step: int) -> np.random.Generator:
    """Seed Paddle (dropout) for one step of this rank; return a generator for what is drawn on the host."""
    sequence = np.random.SeedSequence((STEP_WORD, seed, epoch, step, distributed.rank()))
    paddle.seed(int(sequence.generate_state(1)[0]))
    return np.random.default_rng(sequence)
