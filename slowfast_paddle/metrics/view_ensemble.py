"""Scores of a video from its views: each view counts exactly once, and none may be missing."""

import numpy as np

from slowfast_paddle.errors import DataError

AVERAGES = ("prob", "score", "max")


class ViewEnsemble:
    """Collects view scores in any order and averages them per video.

    A view that comes twice (sampler padding) counts once; a view that never comes is an error, because an average over
    fewer views is another score.
    """

    def __init__(self, num_videos: int, num_views: int, num_classes: int, use_max: bool = False) -> None:
        """Start empty.

        Args:
            num_videos: videos, numbered from 0.
            num_views: views of each video.
            num_classes: length of a score vector.
            use_max: take the largest score over the views instead of the mean.
        """
        self._use_max = use_max
        self._scores = np.full((num_videos, num_classes), -np.inf if use_max else 0.0)
        self._seen = np.zeros((num_videos, num_views), dtype=bool)

    def update(self, scores: np.ndarray, videos: np.ndarray, views: np.ndarray) -> None:
        """Add views.

        Args:
            scores: [n, C].
            videos: video of each row.
            views: view of each row within its video.
        """
        for row, video, view in zip(np.asarray(scores, dtype=np.float64), videos, views):
            if not self._seen[video, view]:
                self._seen[video, view] = True
                self._scores[video] = np.maximum(self._scores[video], row) if self._use_max else self._scores[video] + row

    def compute(self) -> np.ndarray:
        """Scores [num_videos, C], float64.

        Raises:
            DataError: a video lacks views.
        """
        incomplete = np.flatnonzero(~self._seen.all(axis=1))
        if len(incomplete):
            video = int(incomplete[0])
            missing = ", ".join(map(str, np.flatnonzero(~self._seen[video])))
            raise DataError(
                f"video {video}: no scores for view {missing} of {self._seen.shape[1]} ({len(incomplete)} such videos); "
                "expected every view once: an average over fewer views would be another score"
            )
        return self._scores if self._use_max else self._scores / self._seen.shape[1]
