"""Small videos made on the spot, whose frame numbers can be read from the pixels."""

import cv2
import numpy as np
import pytest


def numbered_frame(number, height=48, width=80):
    """uint8 RGB: brightness rises with the number, red left half, green right half."""
    frame = np.zeros((height, width, 3), np.uint8)
    frame[:, : width // 2, 0] = 4 * number
    frame[:, width // 2 :, 1] = 4 * number
    return frame


def read_number(frame):
    """Number of a frame, from the brighter half."""
    return round(max(frame[..., 0].max(), frame[..., 1].max()) / 4)


@pytest.fixture
def make_video(tmp_path):
    def make(name="video.avi", count=40, fps=30.0, height=48, width=80):
        path = tmp_path / name
        writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"FFV1"), fps, (width, height))
        assert writer.isOpened()
        for number in range(count):
            writer.write(numbered_frame(number, height, width)[..., ::-1])
        writer.release()
        return path

    return make


@pytest.fixture
def make_folder(tmp_path):
    def make(name="frames", count=20, template="img_{:05d}.jpg", first=1):
        folder = tmp_path / name
        folder.mkdir()
        for number in range(count):
            assert cv2.imwrite(str(folder / template.format(first + number)), numbered_frame(number)[..., ::-1])
        return folder

    return make
