"""Maps of thin white lines on black: told from others, and made thin again after a resize.

All take and give arrays of bytes, height x width (x 3 where said), white above black.
"""

import numpy as np
from numpy.typing import NDArray

MAX_ROUNDS = 32
"""Of thinning; each takes about a pixel off both sides of a line."""

_ANY, _WHITE, _BLACK = 0, 1, -1


def _rotations(*elements: NDArray[np.int8]) -> tuple[NDArray[np.int8], ...]:
    """Every element turned by 0, 90, 180 and 270 degrees, all of them before the next turn."""
    return tuple(np.rot90(element, turns) for turns in range(4) for element in elements)


THINNING = _rotations(
    np.array(
        [
            [_BLACK, _BLACK, _BLACK],
            [_ANY, _WHITE, _ANY],
            [_WHITE, _WHITE, _WHITE],
        ],
        np.int8,
    ),
    np.array(
        [
            [_ANY, _BLACK, _BLACK],
            [_WHITE, _WHITE, _BLACK],
            [_ANY, _WHITE, _ANY],
        ],
        np.int8,
    ),
)
"""Golay's L alphabet (Serra 1982): a white pixel on a flat edge, and one on a corner."""

PRUNING = _rotations(
    np.array(
        [
            [_BLACK, _BLACK, _BLACK],
            [_BLACK, _WHITE, _BLACK],
            [_ANY, _ANY, _BLACK],
        ],
        np.int8,
    ),
    np.array(
        [
            [_BLACK, _BLACK, _BLACK],
            [_BLACK, _WHITE, _BLACK],
            [_BLACK, _ANY, _ANY],
        ],
        np.int8,
    ),
)
"""Golay's E alphabet: the end of a line, or a pixel alone."""

_LINES = (
    np.array([[0, 0, 0], [1, 1, 1], [0, 0, 0]], np.uint8),
    np.array([[0, 1, 0], [0, 1, 0], [0, 1, 0]], np.uint8),
    np.array([[1, 0, 0], [0, 1, 0], [0, 0, 1]], np.uint8),
    np.array([[0, 0, 1], [0, 1, 0], [1, 0, 0]], np.uint8),
)


def has_thin_lines(pixels: NDArray[np.uint8]) -> bool:
    """Whether most of what is bright (above 127) vanishes in an opening with a 3x3 square.

    Counted over all channels; `pixels` are height x width x 3. Lines of one or two pixels vanish.
    """
    import cv2  # too slow to load for a page that is to be up in a moment

    opened = cv2.morphologyEx(pixels, cv2.MORPH_OPEN, np.ones((3, 3), np.uint8))
    vanished = np.count_nonzero(np.asarray(opened) < pixels)
    return bool(2 * vanished > np.count_nonzero(pixels > 127))


def keep_ridges(gray: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Non-maximum suppression: black where a pixel is not the brightest along any line through it.

    The lines are three pixels long: across, down and both diagonals.
    """
    import cv2  # as above

    is_ridge = np.zeros(gray.shape, np.bool_)
    for line in _LINES:
        is_ridge |= np.asarray(cv2.dilate(gray, line)) == gray
    return np.where(is_ridge, gray, np.uint8(0))


def black_or_white(gray: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """255 above Otsu's threshold (1979), else 0."""
    import cv2  # as above

    _, parted = cv2.threshold(gray, 0, 255, cv2.THRESH_BINARY | cv2.THRESH_OTSU)
    return np.asarray(parted, np.uint8)


def thinned(lines: NDArray[np.uint8], *, prune: bool) -> NDArray[np.uint8]:
    """White lines (255 on 0) peeled down to about one pixel, by hit-or-miss transforms.

    All elements of THINNING one after another, until a round takes nothing away or MAX_ROUNDS are
    done; then, if `prune`, those of PRUNING once, which takes off short spurs. What lies outside is
    black.
    """
    height, width = lines.shape
    framed = np.zeros((height + 2, width + 2), np.bool_)
    framed[1:-1, 1:-1] = lines > 0
    # Only white pixels can be hit, and they are few: places in the flat picture, one row on is
    # `width + 2` further.
    flat = framed.reshape(-1)
    white = np.flatnonzero(flat)
    for _ in range(MAX_ROUNDS):
        left = _peel(flat, white, THINNING, width + 2)
        if len(left) == len(white):
            break
        white = left
    if prune:
        _peel(flat, white, PRUNING, width + 2)
    return np.where(framed[1:-1, 1:-1], np.uint8(255), np.uint8(0))


def _peel(
    flat: NDArray[np.bool_],
    white: NDArray[np.intp],
    elements: tuple[NDArray[np.int8], ...],
    row_length: int,
) -> NDArray[np.intp]:
    """Blacken in `flat` what each element hits, in turn; the places that are still white."""
    for element in elements:
        hit = white
        for row, column in np.argwhere(element != _ANY).tolist():
            neighbour = flat[hit + (row - 1) * row_length + (column - 1)]
            hit = hit[neighbour == (element[row, column] == _WHITE)]
        flat[hit] = False
        white = white[flat[white]]
    return white
