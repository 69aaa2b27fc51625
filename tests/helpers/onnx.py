"""ONNX files written by hand: a network that says the same, whatever it is shown.

The format is protobuf: fields are a number, a wire type and a value.
"""

from collections.abc import Mapping

import numpy as np

FLOAT, INT64 = 1, 7
OPSET = 13


def varint(value: int) -> bytes:
    """Seven bits a byte, the lowest first."""
    parts = bytearray()
    while value > 127:
        parts.append(value & 127 | 128)
        value >>= 7
    return bytes([*parts, value])


def number(field: int, value: int) -> bytes:
    return varint(field << 3) + varint(value)


def message(field: int, content: bytes | str) -> bytes:
    data = content.encode() if isinstance(content, str) else content
    return varint(field << 3 | 2) + varint(len(data)) + data


def value_info(name: str, shape: tuple[int, ...]) -> bytes:
    dimensions = b"".join(message(1, number(1, side)) for side in shape)
    tensor = number(1, FLOAT) + message(2, dimensions)
    return message(1, name) + message(2, message(1, tensor))


def initializer(name: str, values: np.ndarray) -> bytes:
    sides = b"".join(number(1, side) for side in values.shape)
    kind, form = (INT64, "<i8") if values.dtype == np.int64 else (FLOAT, "<f4")
    raw = np.ascontiguousarray(values, form).tobytes()
    return message(5, sides + number(2, kind) + message(8, name) + message(9, raw))


def node(kind: str, inputs: tuple[str, ...], output: str) -> bytes:
    named = b"".join(message(1, name) for name in inputs)
    return message(1, named + message(2, output) + message(3, output) + message(4, kind))


def saying(shown: tuple[int, ...], answers: Mapping[str, np.ndarray]) -> bytes:
    """A network that takes a picture of shape `shown` and always gives `answers`, by name.

    What it is shown goes in, times nothing.
    """
    nodes = node("GlobalAveragePool", ("shown",), "mean")
    nodes += node("Reshape", ("mean", "row"), "flat")
    tensors = initializer("row", np.array([1, 1, 3], np.int64))
    outputs = b""
    for name, answer in answers.items():
        tensors += initializer(f"{name}_said", answer)
        # The three means through a matrix of zeros: as many zeros, to add to what is said. (OpenCV
        # takes a constant for what is to be broadcast, never for what the rest is broadcast to.)
        tensors += initializer(f"{name}_zeros", np.zeros((1, 3, answer.size)))
        tensors += initializer(f"{name}_shape", np.array(answer.shape, np.int64))
        nodes += node("MatMul", ("flat", f"{name}_zeros"), f"{name}_row")
        nodes += node("Reshape", (f"{name}_row", f"{name}_shape"), f"{name}_nothing")
        nodes += node("Add", (f"{name}_nothing", f"{name}_said"), name)
        outputs += message(12, value_info(name, answer.shape))
    graph = (
        nodes + message(2, "saying") + tensors + message(11, value_info("shown", shown)) + outputs
    )
    return number(1, 8) + message(8, number(2, OPSET)) + message(7, graph)
