"""The model versions that a server has, and which of them answers a request."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from kervan.core.errors import NotFound
from kervan.core.identity import Version, begins
from kervan.core.ports import Predictor, Served
from kervan.core.serving import Serving, ShareRole
from kervan.package.contents.manifest import Manifest
from kervan.serve.decode import RowDecoder
from kervan.serve.division import Division
from kervan.serve.keeper import Keeper
from kervan.serve.recorder import Recorder
from kervan.serve.seen import Seen
from kervan.serve.tally import Tally

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from kervan.core.schema import Signature


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """A package that answered its health prediction; `since` is when it was ready.

    It is known by its own name, or by the `alias` under which somebody had it loaded. `role` is what it is
    there for, `share` the part of the traffic that it gets, and `seen` what it did with it.
    """

    serving: Serving
    manifest: Manifest
    package: str
    predictor: Predictor
    decoder: RowDecoder
    recorder: Recorder
    since: float
    seen: Seen
    role: ShareRole = ShareRole.STABLE
    share: float = 1.0
    batches: bool = True
    alias: str = ""
    tally: Tally = field(default_factory=Tally, compare=False)
    keeper: Keeper | None = None

    @property
    def entity(self) -> str:
        """The column that says whom a row is about, "" where none does."""
        return self.serving.keeping.entity or self.manifest.entity

    @property
    def signature(self) -> Signature:
        """What the model takes and gives."""
        return self.manifest.signature

    @property
    def key(self) -> tuple[str, str]:
        """Name and version."""
        return self.alias or self.manifest.name, self.manifest.version


class Table:
    """Loaded versions by name and version, and the one that answers where nothing is asked for.

    It never changes: another one takes its place, so that whoever has taken it sees one state.
    """

    def __init__(self, default: Loaded, others: Iterable[Loaded] = (), rivals: Sequence[Loaded] = ()) -> None:
        self.default = default
        self.rivals = tuple(rivals)
        self.division = Division(default, rivals, default.serving) if rivals else None
        self.shadows = tuple(each for each in rivals if each.role is ShareRole.SHADOW)
        others = (*others, *rivals)
        self._rows = {each.key: each for each in (*others, default)}
        self._chosen = dict(self._rows)  # by what was asked for
        self._sorted = tuple(sorted(self._rows.values(), key=lambda each: (each.key[0], _number(each))))

    @property
    def rows(self) -> tuple[Loaded, ...]:
        """All versions, by name, older ones first."""
        return self._sorted

    def having(self, loaded: Loaded) -> Table:
        """Return a table with one more version, or with another one under the same name and version."""
        others = [each for each in self._rows.values() if each.key != loaded.key]
        stays = loaded if loaded.key == self.default.key else self.default
        rivals = [
            replace(loaded, role=each.role, share=each.share) if each.key == loaded.key else each
            for each in self.rivals
        ]
        return Table(stays, [*others, loaded], rivals)

    def without(self, gone: Loaded) -> Table:
        """Return a table without a version, which has no part in the traffic."""
        return Table(self.default, [each for each in self._rows.values() if each is not gone], self.rivals)

    def is_open(self, name: str = "", version: str = "") -> bool:
        """Say whether a request that names these leaves open which of the deployment's versions answers."""
        return name in {"", self.default.key[0]} and version in {"", self.default.serving.environment}

    def deal(self, headers: Mapping[str, str], name: str = "", version: str = "") -> Loaded:
        """Return the version that answers a request with these headers, in proportion to the shares."""
        if self.division is None or not self.is_open(name, version):
            return self.choose(name, version)
        dealt = self.division.by_head(headers)
        return dealt if name in {"", dealt.key[0]} else self.default

    def choose(self, name: str = "", version: str = "") -> Loaded:
        """Return the version that answers; see `kervan.core.ports.Choose`."""
        if not name and not version:
            return self.default
        found = self._chosen.get((name, version))
        if found is None:
            found = self._chosen[name, version] = self._find(name, version)
        return found

    def _find(self, name: str, version: str) -> Loaded:
        of_name = [each for each in self.rows if each.key[0] == (name or self.default.key[0])]
        fitting = [each for each in of_name if self._fits(each, version)]
        if not fitting:
            wanted = f"{name or self.default.key[0]}@{version}" if version else name
            there = ", ".join("@".join(each.key) for each in self.rows)
            raise NotFound(f"there is no model {wanted} here", hint=f"there is {there}")
        return self.default if self.default in fitting and not version else fitting[-1]

    def served(self) -> tuple[Served, ...]:
        """Tell the protocols which models are there."""
        return tuple(
            Served(
                name=each.key[0],
                version=each.key[1],
                signature=each.signature,
                samples=each.manifest.samples,
                is_default=self.choose(each.key[0]) is each,
                is_ready=not each.recorder.failure,
                reason=_reason(each),
                counts=each.tally.counts(),
                labels=(self.default.serving.environment,) if each is self.default else (),
            )
            for each in self.rows
        )

    def _fits(self, loaded: Loaded, version: str) -> bool:
        if not version:
            return True
        if version == self.default.serving.environment:
            return loaded is self.default
        return begins(loaded.key[1], version)


def _number(loaded: Loaded) -> Version:
    return Version.parse(loaded.key[1])


def _reason(loaded: Loaded) -> str:
    failure = loaded.recorder.failure
    return f"predictions cannot be recorded: {failure}" if failure else ""
