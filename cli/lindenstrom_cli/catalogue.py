"""Every text that people read, by id: one catalogue a language. English is the first."""

import re
from typing import Final

from lindenstrom_cli.english import ENGLISH
from lindenstrom_cli.english_demo import DEMO
from lindenstrom_cli.english_metering import METERING

CATALOGUE: Final = ENGLISH | DEMO | METERING
_FORMS: Final = re.compile(r"(\{(\w+)\}[^{}\[\]]*)\[([^|\]]*)\|([^|\]]*)\]")


def text(message: str, /, **values: object) -> str:
    """The text of an id, with its values put in. An unknown id is a bug.

    After a count, `[one|more]` stands for its first part if the count is 1, else for its second.
    """
    if not values:
        return CATALOGUE[message]
    template = CATALOGUE[message]
    while (chosen := _FORMS.sub(lambda m: m[1] + m[3 if str(values[m[2]]) == "1" else 4], template)) != template:
        template = chosen
    return template.format(**values)
