"""What the extension for A1111 lists under each control type, in its order."""

import pytest

from extensions.controlnet.types import CONTROL_TYPES
from extensions.preprocessors import BUILT_IN
from pipelines.control.units import UnionType
from pipelines.plugins import ALL, Plugins

PLUGINS = Plugins(preprocessors=BUILT_IN, control_types=CONTROL_TYPES)
INVERT = "invert (from white bg & black line)"

LISTS = {
    "Canny": ["canny", INVERT],
    "Depth": [
        *("depth_midas", "depth_zoe", "depth_leres++", "depth_leres"),
        *("depth_hand_refiner", "depth_anything_v2", "depth_anything"),
    ],
    "IP-Adapter": [
        *("ip-adapter-auto", "ip-adapter_clip_h", "ip-adapter_pulid", "ip-adapter_face_id_plus"),
        *("ip-adapter_face_id", "ip-adapter_clip_sdxl_plus_vith", "ip-adapter_clip_g"),
    ],
    "Inpaint": ["inpaint_only", "inpaint_only+lama", "inpaint_global_harmonious"],
    "Instant-ID": ["instant_id_face_keypoints", "instant_id_face_embedding"],
    "InstructP2P": [],
    "Lineart": [
        *("lineart_standard (from white bg & black line)", INVERT, "lineart_realistic"),
        *("lineart_coarse", "lineart_anime_denoise", "lineart_anime"),
    ],
    "MLSD": ["mlsd", INVERT],
    "NormalMap": ["normal_bae", "normal_midas", "normal_dsine"],
    "OpenPose": [
        *("openpose_full", "openpose_hand", "openpose_faceonly", "openpose_face", "openpose"),
        *("dw_openpose_full", "densepose_parula (black bg & blue torso)"),
        *("densepose (pruple bg & purple torso)", "animal_openpose"),
    ],
    "Recolor": ["recolor_luminance", "recolor_intensity"],
    "Reference": ["reference_only", "reference_adain+attn", "reference_adain"],
    "Revision": ["revision_clipvision", "revision_ignore_prompt"],
    "Scribble": ["scribble_pidinet", INVERT, "scribble_xdog", "scribble_hed"],
    "Segmentation": [
        *("seg_ofade20k", "seg_ufade20k", "seg_ofcoco", "seg_anime_face", "mobile_sam"),
    ],
    "Shuffle": ["shuffle"],
    "SoftEdge": [
        *("softedge_pidinet", "softedge_teed", "softedge_pidisafe", "softedge_hedsafe"),
        *("softedge_hed", "softedge_anyline"),
    ],
    "SparseCtrl": ["scribble_pidinet", "scribble_xdog", "scribble_hed"],
    "T2I-Adapter": ["t2ia_style_clipvision", "t2ia_sketch_pidi", "t2ia_color_grid"],
    "Tile": ["tile_resample", "tile_colorfix+sharp", "tile_colorfix", "blur_gaussian"],
}
"""After none; those that Redraw has not got are missing from its menus, the rest are in order."""

UNTYPED = ["threshold", "mediapipe_face", "facexlib"]
KNOWN = {label for labels in LISTS.values() for label in labels} | {"none", *UNTYPED}

KEYS = {
    INVERT: "invert",
    "lineart_standard (from white bg & black line)": "lineart_standard",
    "t2ia_color_grid": "color",
    "inpaint_global_harmonious": "inpaint",
    "depth_midas": "depth",
    "normal_midas": "normal_map",
    "densepose (pruple bg & purple torso)": "densepose",
    "densepose_parula (black bg & blue torso)": "densepose_parula",
    "lineart_realistic": "lineart",
    "softedge_hed": "hed",
    "softedge_hedsafe": "hed_safe",
    "softedge_pidinet": "pidinet",
    "softedge_pidisafe": "pidinet_safe",
    "scribble_pidinet": "pidinet_scribble",
    "t2ia_sketch_pidi": "pidinet_sketch",
    "seg_ofade20k": "oneformer_ade20k",
    "seg_ofcoco": "oneformer_coco",
    "seg_ufade20k": "segmentation",
    "seg_anime_face": "anime_face_segment",
    "t2ia_style_clipvision": "clip_vision",
    "ip-adapter_clip_h": "ip-adapter_clip_sd15",
    "ip-adapter_clip_g": "ip-adapter_clip_sdxl",
}
"""Labels that are not their keys."""


def test_the_control_types_are_in_the_radios_order():
    assert [kind.label for kind in CONTROL_TYPES] == list(LISTS)


@pytest.mark.parametrize("control_type", LISTS)
def test_preprocessors_are_listed_in_the_extensions_order(control_type: str):
    built_in = {found.label for found in BUILT_IN}
    listed = [found.label for found in PLUGINS.preprocessors_of(control_type)]
    wanted = [label for label in LISTS[control_type] if label in built_in]
    assert [label for label in listed if label in KNOWN] == ["none", *wanted]


def test_all_lists_every_preprocessor_once():
    listed = PLUGINS.preprocessors_of(ALL)
    assert listed[0].key == "none"
    assert len(listed) == len(set(listed)) == len(BUILT_IN)


@pytest.mark.parametrize("found", BUILT_IN, ids=lambda found: found.label)
def test_keys_are_those_of_the_http_interface(found):
    assert found.key == KEYS.get(found.label, found.label)


@pytest.mark.parametrize(
    ("control_type", "model"),
    [
        ("Canny", "control_v11p_sd15_canny"),
        ("InstructP2P", "control_v11e_sd15_ip2p"),
        ("IP-Adapter", "ip-adapter_sd15"),
        ("NormalMap", "control_v11p_sd15_normalbae"),
        ("Scribble", "t2iadapter_sketch_sd14v1"),
        ("Segmentation", "control_v11p_sd15_seg"),
        ("T2I-Adapter", "t2iadapter_color_sd14v1"),
        ("Tile", "controlnet-union-sdxl-1.0"),
    ],
)
def test_a_models_name_is_found_under_its_control_type(control_type: str, model: str):
    (kind,) = (kind for kind in CONTROL_TYPES if kind.label == control_type)
    assert any(fragment in model for fragment in (kind.label.lower(), *kind.fragments))


def test_fragments_are_in_lower_case_since_names_are_lowered():
    for kind in CONTROL_TYPES:
        assert [fragment.lower() for fragment in kind.fragments] == list(kind.fragments)


def test_what_a_union_model_knows_by_each_control_type():
    unions = {kind.label: UnionType(kind.union) for kind in CONTROL_TYPES}
    edges = ("Canny", "Lineart", "MLSD")
    assert {label for label, union in unions.items() if union is UnionType.hard_edge} == {*edges}
    soft = {label for label, union in unions.items() if union is UnionType.soft_edge}
    assert soft == {"Scribble", "SoftEdge"}
    for label in ("OpenPose", "Depth", "Segmentation", "Tile", "Inpaint"):
        assert unions[label].value == label
    assert unions["NormalMap"] is UnionType.normal_map
    assert sum(union is not UnionType.unknown for union in unions.values()) == 11
    for kind in CONTROL_TYPES:  # union models are offered to all of these, and to no other
        assert ("union" in kind.fragments) == (kind.union != UnionType.unknown.value)
