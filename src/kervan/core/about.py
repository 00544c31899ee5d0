"""What people say of a dataset: what no file tells by itself."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

from kervan.core.errors import InvalidInput
from kervan.core.reading import composed

_LONGEST = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class About:
    """Whose a dataset is, under which licence, what it is, its tags, and who may see it.

    `access` lists people or groups for other programs to heed; Kervan itself lets everybody in who may read
    the workspace.
    """

    owner: str = ""
    licence: str = ""
    description: str = ""
    tags: tuple[str, ...] = ()
    access: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for entry in fields(self):
            value = getattr(self, entry.name)
            texts = [value] if isinstance(value, str) else list(value)
            for text in texts:
                if len(text) > _LONGEST:
                    raise InvalidInput(f"{entry.name} is longer than {_LONGEST:,} letters", hint="shorten it")
            made = composed(value) if isinstance(value, str) else tuple(dict.fromkeys(map(composed, texts)))
            object.__setattr__(self, entry.name, made)

    def with_all_of(self, other: About) -> About:
        """Return what is said here, but where another says something what that says.

        >>> About(owner="Ada", tags=("a",)).with_all_of(About(tags=("b",)))
        About(owner='Ada', licence='', description='', tags=('b',), access=())
        """
        given = {entry.name: value for entry in fields(other) if (value := getattr(other, entry.name))}
        return replace(self, **given)


NOTHING_SAID = About()
