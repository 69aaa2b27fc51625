"""What a network's header says of its training: the tags it saw most, and facts worth showing."""

import json
from collections import Counter
from collections.abc import Mapping
from typing import Any, cast

from pipelines.catalog.network_headers import metadata_of

MOST_TAGS = 40
"""Tags that are shown; a header may hold thousands."""

_LONGEST = 500  # characters of one value that are shown

_FACTS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("Title", ("modelspec.title",)),
    ("Name at training", ("ss_output_name",)),
    ("Author", ("modelspec.author",)),
    ("Trained on", ("ss_sd_model_name", "ss_base_model_version", "modelspec.architecture")),
    ("Resolution", ("modelspec.resolution", "ss_resolution")),
    ("Pictures", ("ss_num_train_images",)),
    ("Epoch", ("ss_epoch",)),
    ("Steps", ("ss_steps",)),
    ("Network", ("ss_network_module",)),
    ("Dimension", ("ss_network_dim",)),
    ("Alpha", ("ss_network_alpha",)),
    ("Clip skip", ("ss_clip_skip",)),
    ("Trigger words", ("modelspec.trigger_phrase",)),
    ("Usage", ("modelspec.usage_hint",)),
    ("Description", ("modelspec.description",)),
    ("Licence", ("modelspec.license",)),
    ("Comment", ("ss_training_comment",)),
)
"""Labels, and the entries of kohya's trainer and of ModelSpec they show: the first there is."""

_SILENT = frozenset({"", "None", "null", "(Unknown)"})


def training_facts(header: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Labels and values in the order they are shown; those that the header does not have left out.

    All of it is what somebody wrote into a file: it is text and nothing else.
    """
    stated = metadata_of(header)
    facts: list[tuple[str, str]] = []
    for label, keys in _FACTS:
        values = (stated.get(key, "").strip() for key in keys)
        value = next((value for value in values if value not in _SILENT), None)
        if value is not None:
            facts.append((label, value[:_LONGEST]))
    return facts


def frequent_tags(header: Mapping[str, Any]) -> list[tuple[str, int]]:
    """The tags that most captions had, most frequent first, over all folders of pictures."""
    stored = metadata_of(header).get("ss_tag_frequency", "")
    try:
        folders: object = json.loads(stored) if stored else {}
    except (ValueError, RecursionError):
        return []
    counts: Counter[str] = Counter()
    for tags in _values(folders):
        for tag, count in cast("dict[str, object]", tags if isinstance(tags, dict) else {}).items():
            if isinstance(count, int) and count > 0 and tag.strip():
                counts[tag.strip()[:_LONGEST]] += count
    return sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:MOST_TAGS]


def _values(stored: object) -> list[object]:
    return list(cast("dict[str, object]", stored).values()) if isinstance(stored, dict) else []
