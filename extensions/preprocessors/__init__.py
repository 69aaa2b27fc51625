"""Preprocessors, one file each: what makes a control map out of a picture.

They are imported when the page is drawn, so that torch, OpenCV, controlnet_aux and transformers
must be imported inside their functions.
"""

from extensions.preprocessors import (
    blur_gaussian,
    canny,
    inpaint,
    invert,
    lineart_standard,
    none,
    recolor,
    reference,
    scribble_xdog,
    shuffle,
    t2ia_color_grid,
    threshold,
    tile,
)
from pipelines.plugins import Preprocessor

BUILT_IN: tuple[Preprocessor, ...] = (
    *none.PREPROCESSORS,
    *blur_gaussian.PREPROCESSORS,
    *canny.PREPROCESSORS,
    *inpaint.PREPROCESSORS,
    *invert.PREPROCESSORS,
    *lineart_standard.PREPROCESSORS,
    *recolor.PREPROCESSORS,
    *reference.PREPROCESSORS,
    *scribble_xdog.PREPROCESSORS,
    *shuffle.PREPROCESSORS,
    *t2ia_color_grid.PREPROCESSORS,
    *threshold.PREPROCESSORS,
    *tile.PREPROCESSORS,
)
"""All of them. The menu has its own order: see `Plugins.preprocessors_of`."""
