"""Preprocessors, one file each: what makes a control map out of a picture.

They are imported when the page is drawn, so that torch, OpenCV, controlnet_aux and transformers
must be imported inside their functions.
"""

from extensions.preprocessors import (
    blur_gaussian,
    canny,
    depth_anything,
    dwpose,
    hed,
    inpaint,
    invert,
    ip_adapter,
    leres,
    lineart,
    lineart_standard,
    midas,
    mlsd,
    mobile_sam,
    none,
    normal_bae,
    openpose,
    pidinet,
    recolor,
    reference,
    scribble_xdog,
    segmentation,
    shuffle,
    t2ia_color_grid,
    teed,
    threshold,
    tile,
    zoe,
)
from pipelines.plugins import Preprocessor

BUILT_IN: tuple[Preprocessor, ...] = (
    *none.PREPROCESSORS,
    *blur_gaussian.PREPROCESSORS,
    *canny.PREPROCESSORS,
    *depth_anything.PREPROCESSORS,
    *dwpose.PREPROCESSORS,
    *hed.PREPROCESSORS,
    *inpaint.PREPROCESSORS,
    *invert.PREPROCESSORS,
    *ip_adapter.PREPROCESSORS,
    *leres.PREPROCESSORS,
    *lineart.PREPROCESSORS,
    *lineart_standard.PREPROCESSORS,
    *midas.PREPROCESSORS,
    *mlsd.PREPROCESSORS,
    *mobile_sam.PREPROCESSORS,
    *normal_bae.PREPROCESSORS,
    *openpose.PREPROCESSORS,
    *pidinet.PREPROCESSORS,
    *recolor.PREPROCESSORS,
    *reference.PREPROCESSORS,
    *scribble_xdog.PREPROCESSORS,
    *segmentation.PREPROCESSORS,
    *shuffle.PREPROCESSORS,
    *t2ia_color_grid.PREPROCESSORS,
    *teed.PREPROCESSORS,
    *threshold.PREPROCESSORS,
    *tile.PREPROCESSORS,
    *zoe.PREPROCESSORS,
)
"""All of them. The menu has its own order: see `Plugins.preprocessors_of`."""
