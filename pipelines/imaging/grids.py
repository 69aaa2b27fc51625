"""Contact sheets: all pictures of a job on one."""

import math
from collections.abc import Sequence

from PIL import Image

from pipelines.errors import InvalidPicture
from pipelines.imaging.geometry import Size

MAX_PIXELS = 200_000_000
"""A1111: img_max_size_mp."""

SQUARE = -1
ROWS_OF_BATCHES = 0


def contact_sheet(
    images: Sequence[Image.Image],
    *,
    rows: int = SQUARE,
    batch_size: int = 1,
    prevent_empty_spots: bool = False,
    background: str = "#ffffff",
) -> Image.Image:
    """All `images` (RGB, at least one) on one sheet, row by row, each centred in its cell.

    A cell is as wide as the widest picture and as high as the highest. `rows` is A1111's n_rows,
    see `count_rows`. `background` is #rrggbb. InvalidPicture when the sheet would be larger than
    MAX_PIXELS.
    """
    row_count = count_rows(len(images), rows, batch_size, prevent_empty_spots=prevent_empty_spots)
    columns = math.ceil(len(images) / row_count)
    cell = Size(max(image.width for image in images), max(image.height for image in images))
    sheet_size = Size(cell.width * columns, cell.height * row_count)
    if sheet_size.pixels > MAX_PIXELS:
        raise InvalidPicture(
            f"A grid of {len(images)} pictures would be {sheet_size}; "
            f"at most {MAX_PIXELS // 10**6} megapixels are made."
        )
    sheet = Image.new("RGB", (sheet_size.width, sheet_size.height), background)
    for index, image in enumerate(images):
        row, column = divmod(index, columns)
        left = column * cell.width + (cell.width - image.width) // 2
        top = row * cell.height + (cell.height - image.height) // 2
        sheet.paste(image, (left, top))
    return sheet


def count_rows(count: int, rows: int, batch_size: int, *, prevent_empty_spots: bool) -> int:
    """How many rows `count` pictures take, as A1111 counts them; never more than `count`.

    `rows` of -1 makes the sheet about square, or, to leave no spot empty, takes the largest
    divisor of `count` not above its root; 0 gives each batch position a row; else it is the number.
    """
    if rows > 0:
        wanted = rows
    elif rows == ROWS_OF_BATCHES:
        wanted = batch_size
    elif prevent_empty_spots:
        root = math.isqrt(count)
        wanted = next(divisor for divisor in range(root, 0, -1) if count % divisor == 0)
    else:
        wanted = round(math.sqrt(count))
    return min(wanted, count)
