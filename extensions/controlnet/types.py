"""The 20 control types of A1111's ControlNet extension, in the order of its radio.

All, which filters nothing, is not one of them: the page puts it first.
"""

from pipelines.control.units import UnionType
from pipelines.plugins import ControlType

CONTROL_TYPES: tuple[ControlType, ...] = (
    ControlType(label="Canny", fragments=("union",), union=UnionType.hard_edge.value),
    ControlType(label="Depth", fragments=("union",), union=UnionType.depth.value),
    ControlType(label="IP-Adapter", fragments=("ip_adapter", "ipadapter")),
    ControlType(label="Inpaint", fragments=("union",), union=UnionType.inpaint.value),
    ControlType(label="Instant-ID", fragments=("instant_id", "instantid")),
    ControlType(label="InstructP2P", fragments=("ip2p",)),
    ControlType(label="Lineart", fragments=("union",), union=UnionType.hard_edge.value),
    ControlType(label="MLSD", fragments=("union",), union=UnionType.hard_edge.value),
    ControlType(label="NormalMap", fragments=("normal", "union"), union=UnionType.normal_map.value),
    ControlType(label="OpenPose", fragments=("densepose", "union"), union=UnionType.openpose.value),
    ControlType(label="Recolor"),
    ControlType(label="Reference"),
    ControlType(label="Revision"),
    ControlType(label="Scribble", fragments=("sketch", "union"), union=UnionType.soft_edge.value),
    ControlType(
        label="Segmentation", fragments=("seg", "union"), union=UnionType.segmentation.value
    ),
    ControlType(label="Shuffle"),
    ControlType(label="SoftEdge", fragments=("union",), union=UnionType.soft_edge.value),
    ControlType(label="SparseCtrl"),
    ControlType(label="T2I-Adapter", fragments=("t2i_adapter", "t2iadapter", "t2ia")),
    ControlType(label="Tile", fragments=("blur", "union"), union=UnionType.tile.value),
)
