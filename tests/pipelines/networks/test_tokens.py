"""What `<lora:…>` asks for."""

import pytest

from pipelines.errors import InvalidRequest
from pipelines.networks.tokens import AskedLora, read_lora
from pipelines.prompting.reading import take_networks


def asked(text: str) -> AskedLora:
    _, (token,) = take_networks(text)
    return read_lora(token)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("<lora:ink>", AskedLora(name="ink", text=1.0, unet=1.0)),
        ("<lora:ink:0.8>", AskedLora(name="ink", text=0.8, unet=0.8)),
        ("<lyco:ink:-.5>", AskedLora(name="ink", text=-0.5, unet=-0.5)),
        ("<lora:ink:0.8:0.3>", AskedLora(name="ink", text=0.8, unet=0.3)),
        ("<lora:ink:1:1:8>", AskedLora(name="ink", rank=8)),
        ("<lora:ink:te=0.5>", AskedLora(name="ink", text=0.5, unet=0.5)),
        ("<lora:ink:unet=0.5>", AskedLora(name="ink", text=1.0, unet=0.5)),
        ("<lora:ink:0.8:unet=0>", AskedLora(name="ink", text=0.8, unet=0.0)),
        ("<lora:ink:te=0.2:0.8>", AskedLora(name="ink", text=0.2, unet=0.2)),
        ("<lora:ink:0.8:0.7:te=0.2:dyn=4>", AskedLora(name="ink", text=0.2, unet=0.7, rank=4)),
        ("<lora:ink: 1 :2 >", AskedLora(name="ink", text=1.0, unet=2.0)),
        ("<lora:a=b:0.5>", AskedLora(name="a=b", text=0.5, unet=0.5)),
        ("<lora:a (b) [c], d:0.5>", AskedLora(name="a (b) [c], d", text=0.5, unet=0.5)),
        ("<lora:ink:1:lbw=ALL>", AskedLora(name="ink", ignored=("lbw",))),
    ],
)
def test_strengths_are_read_in_order_or_by_name(text: str, expected: AskedLora):
    assert asked(text) == expected


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("<lora:ink:strong>", "<lora:ink:strong> is left out: 'strong' is no strength."),
        ("<lora:ink:>", "<lora:ink:> is left out: '' is no strength."),
        ("<lora:ink:1:nan>", "<lora:ink:1:nan> is left out: 'nan' is no strength."),
        ("<lora:ink:inf>", "<lora:ink:inf> is left out: 'inf' is no strength."),
        (
            "<lora:ink:dyn=0>",
            "<lora:ink:dyn=0> is left out: '0' is no rank, which is 1 or more.",
        ),
        (
            "<lora:ink:1:1:2.5>",
            "<lora:ink:1:1:2.5> is left out: '2.5' is no rank, which is 1 or more.",
        ),
    ],
)
def test_what_is_no_number_is_refused(text: str, said: str):
    with pytest.raises(InvalidRequest) as raised:
        asked(text)
    assert str(raised.value) == said
