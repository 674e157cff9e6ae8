"""Frames: pictures of a game in which a ball falls towards a paddle; which way should the paddle move?"""

from typing import Annotated

import numpy as np
from annotated_types import Ge

from workbench import Data, Dataset, hookimpl

# The field is one unit wide and high, y counts down from the top, time goes by frames.
RADIUS = 0.04  # of the ball, a square one
PADDLE = 0.2  # width of the paddle
FLOOR = 0.96  # height of its upper edge; it reaches down to 1
FALL = 0.04  # the ball's speed downwards
DRIFT = 0.05  # its greatest speed sideways
FOLLOWS = 0.12


def frames(
    n_samples: Annotated[int, Ge(1)] = 2000,
    frames: Annotated[int, Ge(1)] = 4,
    size: Annotated[int, Ge(16)] = 84,
    seed: Annotated[int, Ge(0)] = 0,
):
    """Stacked frames of a bouncing ball and a paddle; the class is the paddle's best move.

    X (n_samples, size, size, frames) uint8: every sample is a game of its own, at time t; channel k is its frame
    t - (frames - 1 - k), black but for ball and paddle (255, in pixels covered in part in proportion). y: 0 stay where
    the ball will land on the paddle, else the side it lands on, 1 left or 2 right. The ball bounces off the sides, the
    top and the paddle's height; the paddle, below the ball so far, stands still. All speeds sideways are as likely,
    so a single frame does not tell the move. A seed gives the same games for any ``frames`` and ``size``.
    """
    rng = np.random.default_rng(seed)
    sides, heights = (RADIUS, 1 - RADIUS), (RADIUS, FLOOR - RADIUS)  # between which the ball's centre flies
    x, y = rng.uniform(*sides, n_samples), rng.uniform(0.3, 0.7, n_samples)
    drift, follows = rng.uniform(-DRIFT, DRIFT, n_samples), rng.uniform(-FOLLOWS, FOLLOWS, n_samples)
    paddle = np.clip(x + follows, PADDLE / 2, 1 - PADDLE / 2)
    landing = bounce(x + drift * (heights[1] - y) / FALL, *sides)
    best = np.where(abs(landing - paddle) <= PADDLE / 2, 0, np.where(landing < paddle, 1, 2))

    X = np.empty((n_samples, size, size, frames), np.uint8)
    for k in range(frames):
        age = frames - 1 - k
        draw(bounce(x - age * drift, *sides), bounce(y - age * FALL, *heights), RADIUS, RADIUS, X[..., k])
    below = np.empty((n_samples, size, size, 1), np.uint8)
    draw(paddle, np.full(n_samples, 1.0), PADDLE / 2, 1 - FLOOR, below[..., 0])
    X += below
    return Data(X, best, target_names=["stay", "left", "right"])


def bounce(position, low, high):
    """Where a ball is that would be at ``position``, were there no walls at ``low`` and ``high``."""
    width = high - low
    return low + abs((position - low + width) % (2 * width) - width)


def draw(x, y, half_width, half_height, pictures):
    """Fill ``pictures`` (n, size, size) uint8 with a rectangle around (x, y) each."""
    across, down = (cover(*span, pictures.shape[1]) for span in ((x, half_width), (y, half_height)))
    down *= 255  # cut off to whole numbers below
    np.multiply(down[:, :, None], across[:, None, :], out=pictures, casting="unsafe")


def cover(centre, radius, size):
    """What part of each of ``size`` pixels in a row lies within ``centre`` +- ``radius``, (n, size) float32."""
    left = np.arange(size)
    start, end = size * (centre - radius)[:, None], size * (centre + radius)[:, None]
    return np.clip(np.minimum(end, left + 1) - np.maximum(start, left), 0, 1).astype(np.float32)


@hookimpl
def register_datasets():
    return [Dataset("frames", frames, task="classification")]
