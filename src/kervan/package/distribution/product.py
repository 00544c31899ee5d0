"""What a distribution says about its model."""

from __future__ import annotations

import json
import keyword
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from kervan.core.identity import plain_name

if TYPE_CHECKING:
    from kervan.core.schema import Signature
    from kervan.package.contents.manifest import Parity


@dataclass(frozen=True, slots=True, kw_only=True)
class Product:
    """A model with its proof, as a distribution names it. `hash` is that of the trained model.

    `signature` is what Kervan's server takes, with dates and texts.
    """

    name: str
    version: str
    hash: str
    licence: str
    signature: Signature
    parity: tuple[Parity, ...]

    @property
    def title(self) -> str:
        """The name that installers know, of ASCII letters, digits and hyphens: musteri-kaybi-model."""
        title = plain_name(self.name)
        return title if title.endswith("-model") else f"{title}-model".removeprefix("-")

    @property
    def module(self) -> str:
        """The name by which programs import it."""
        name = self.title.replace("-", "_")
        return f"_{name}" if not name.isidentifier() or keyword.iskeyword(name) else name

    @property
    def summary(self) -> str:
        """One line about it, without any line break of the name."""
        return f"The model {' '.join(self.name.split())} {self.version}, written by Kervan"

    def facts(self) -> str:
        """What is on record about the model, as JSON."""
        facts = {
            "model": f"{self.name}@{self.version}",
            "hash": self.hash,
            "licence": self.licence,
            "parity": [asdict(proof) for proof in self.parity],
        }
        return json.dumps(facts, indent=2, ensure_ascii=False) + "\n"
