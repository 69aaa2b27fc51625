"""The preprocessors without weights again, pixel by pixel, from their descriptions.

Blurs, colour spaces and the interpolation of a flow are OpenCV's own. What is resized to a
resolution is not repeated here: pictures come with sides that are multiples of 64 already.
"""

import cv2
import numpy as np

Pixels = np.ndarray


def each_pixel(pixels: Pixels, rule) -> Pixels:
    """A gray map of three channels; `rule` makes a value of a list of three."""
    rows = [[[rule(pixel)] * 3 for pixel in row] for row in pixels]
    return np.array(rows, np.uint8)


def invert(picture: Pixels) -> Pixels:
    return np.array([[[255 - int(v) for v in p] for p in row] for row in picture], np.uint8)


def threshold(picture: Pixels, level: float) -> Pixels:
    return each_pixel(picture, lambda pixel: 255 if min(pixel) > level else 0)


def scribble_xdog(picture: Pixels, level: float) -> Pixels:
    picture = picture.astype(np.float32)
    near, far = (cv2.GaussianBlur(picture, (0, 0), sigma) for sigma in (0.5, 5.0))

    def rule(pixel) -> int:
        darkness = 255 - min(g5 - g05 for g05, g5 in pixel)
        darkness = min(max(darkness, np.float32(0)), np.float32(255))
        return 255 if 2 * (255 - darkness) > level else 0

    return each_pixel(np.stack([near, far], axis=-1), rule)


def lineart_standard(picture: Pixels) -> Pixels:
    picture = picture.astype(np.float32)
    blurred = cv2.GaussianBlur(picture, (0, 0), 6.0)
    depths = [
        min(max(min(g - v for g, v in zip(*pixel, strict=True)), np.float32(0)), np.float32(255))
        for row in np.stack([blurred, picture], axis=2)
        for pixel in row
    ]
    above = sorted(depth for depth in depths if depth > 8)
    middle = len(above) // 2
    if not above:
        median = 0.0
    elif len(above) % 2:
        median = float(above[middle])
    else:
        median = float((above[middle - 1] + above[middle]) / np.float32(2))
    values = [int(min(depth / max(16, median) * 127, 255)) for depth in depths]
    gray = np.array(values, np.uint8).reshape(picture.shape[:2])
    return np.dstack([gray] * 3)


def shuffle(picture: Pixels, seed: int) -> Pixels:
    """With numpy's global generator, as the extension seeds it."""
    height, width = picture.shape[:2]
    state = np.random.get_state()
    np.random.seed(seed)
    flow = []
    for longest in (width - 1, height - 1):
        noise = np.random.uniform(low=0, high=1, size=(height // 256 + 2, width // 256 + 2, 1))
        noise = cv2.resize(noise, (width + 512, height + 512), interpolation=cv2.INTER_CUBIC)
        disc = noise[256 : 256 + height, 256 : 256 + width]
        disc = (disc - disc.min()) / (disc.max() - disc.min())
        flow.append(disc * longest)
    np.random.set_state(state)
    columns, rows = (disc.astype(np.float32) for disc in flow)
    return cv2.remap(picture, columns, rows, cv2.INTER_LINEAR)


def color_grid(picture: Pixels) -> Pixels:
    height, width = picture.shape[:2]
    rows, columns = height // 64, width // 64
    small = cv2.resize(picture, (columns, rows), interpolation=cv2.INTER_CUBIC)
    return np.array(
        [
            [small[y * rows // height, x * columns // width] for x in range(width)]
            for y in range(height)
        ]
    )


def gamma(value: int, exponent: float) -> int:
    return int(min((np.float32(value) / np.float32(255)) ** np.float32(exponent) * 255, 255))


def recolor_luminance(picture: Pixels, exponent: float) -> Pixels:
    swapped = np.ascontiguousarray(picture[..., ::-1])
    lightness = cv2.cvtColor(swapped, cv2.COLOR_RGB2LAB)[..., :1]
    return each_pixel(lightness, lambda pixel: gamma(pixel[0], exponent))


def recolor_intensity(picture: Pixels, exponent: float) -> Pixels:
    value = cv2.cvtColor(picture, cv2.COLOR_RGB2HSV)[..., 2:]
    return each_pixel(value, lambda pixel: gamma(pixel[0], exponent))


def halved(picture: Pixels) -> Pixels:
    """The mean of every two by two pixels, rounded half up; an odd row or column is left out."""
    rows, columns = picture.shape[0] // 2, picture.shape[1] // 2
    return np.array(
        [
            [
                [
                    (int(picture[2 * y : 2 * y + 2, 2 * x : 2 * x + 2, c].sum()) + 2) // 4
                    for c in range(3)
                ]
                for x in range(columns)
            ]
            for y in range(rows)
        ],
        np.uint8,
    )
