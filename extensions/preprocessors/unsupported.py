"""ControlNet's preprocessors that are not here, and why; for the documentation and for refusals."""

from collections.abc import Mapping

NO_PACKAGE = "no package that can be installed has its network"
INSIGHTFACE = "it needs insightface, whose models are for non-commercial research only"
PROGRAM = "its published file is a program, which would run when it is opened"
NO_CONTROLNET = "it guides SDXL without a ControlNet, which Redraw does not do"

UNSUPPORTED: Mapping[str, str] = {
    "animal_openpose": "its skeletons have points of their own, which nothing here draws",
    "densepose (pruple bg & purple torso)": PROGRAM,
    "densepose_parula (black bg & blue torso)": PROGRAM,
    "depth_hand_refiner": NO_PACKAGE,
    "facexlib": "it prepares faces for PuLID alone, which is not supported",
    "inpaint_only+lama": f"{NO_PACKAGE}; take inpaint_only",
    "instant_id_face_embedding": INSIGHTFACE,
    "instant_id_face_keypoints": INSIGHTFACE,
    "ip-adapter_face_id": INSIGHTFACE,
    "ip-adapter_face_id_plus": INSIGHTFACE,
    "ip-adapter_pulid": INSIGHTFACE,
    "lineart_anime_denoise": f"{NO_PACKAGE}; take lineart_anime",
    "mediapipe_face": "its package breaks controlnet_aux in the releases that can be installed",
    "normal_dsine": f"{NO_PACKAGE}; take normal_bae",
    "revision_clipvision": NO_CONTROLNET,
    "revision_ignore_prompt": NO_CONTROLNET,
    "seg_anime_face": NO_PACKAGE,
    "t2ia_style_clipvision": "it is for T2I style adapters, which diffusers does not have",
}
"""By the menu's label: one reason, without a capital and a full stop."""
