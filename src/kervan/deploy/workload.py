"""What a place has to run, in its own words: versions of one model behind one name, each from an image."""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import msgspec

from kervan.core.errors import InvalidConfig, NotFound, did_you_mean
from kervan.core.identity import plain_name, sha256
from kervan.core.places import PLATFORMS
from kervan.core.serving import ShareRole
from kervan.deploy.reference import read_reference
from kervan.package.contents.manifest import FILE_NAME, Manifest
from kervan.package.contents.readers.any import parse_manifest

if TYPE_CHECKING:
    from kervan.core.places import ImageSettings
    from kervan.core.serving import Plan, Serving

_LONGEST = 40  # letters of a name: places append to it, and stop at 63
_MARK = 8  # letters of a hash
_DIGITS = 12

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class NoSettings:
    """Of a target that is told nothing beside the plan."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Unit:
    """One version: its package (a folder) and manifest, what it is there for, its share, and its image."""

    package: Path
    manifest: Manifest
    role: ShareRole
    share: float
    image: str

    @property
    def label(self) -> str:
        """The version as names of resources may hold it: `v1-3-0`."""
        return f"v{plain_name(self.manifest.version)}"

    @property
    def percent(self) -> int:
        """The share in whole percent, as most places want it."""
        return round(self.share * 100)


@dataclass(frozen=True, slots=True, kw_only=True)
class Workload:
    """What runs in an environment; `units` begin with the stable one."""

    name: str
    environment: str
    deployment: str
    units: tuple[Unit, ...]
    plan: Plan

    @property
    def main(self) -> Unit:
        """The version that answers, against which others are measured."""
        return self.units[0]

    @property
    def labels(self) -> dict[str, str]:
        """What its resources are labelled with, by the names that Kubernetes recommends."""
        return {
            "app.kubernetes.io/name": plain_name(self.main.manifest.name)[:_LONGEST].strip("-") or "model",
            "app.kubernetes.io/instance": self.name,
            "app.kubernetes.io/managed-by": "kervan",
        }


def workload_of(serving: Serving, plan: Plan) -> Workload:
    """Return what a place has to run; raises `NotFound` or `Corrupted` for a package that cannot be read."""
    rivals = tuple(_unit(each.package, each.role, each.share, plan) for each in serving.rivals)
    rest = 1 - sum(each.share for each in rivals)
    main = _unit(serving.package, ShareRole.STABLE, rest, plan)
    return Workload(
        name=name_of(main.manifest.name, serving.environment),
        environment=serving.environment,
        deployment=serving.deployment,
        units=(main, *rivals),
        plan=plan,
    )


def _unit(package: str, role: ShareRole, share: float, plan: Plan) -> Unit:
    folder = Path(package)
    try:
        content = (folder / FILE_NAME).read_bytes()
    except OSError as error:
        raise NotFound(f"cannot read {folder / FILE_NAME}: {error.strerror}") from error
    manifest = parse_manifest(content, str(folder / FILE_NAME))
    return Unit(
        package=folder, manifest=manifest, role=role, share=share, image=image_of(manifest, plan.image)
    )


def name_of(model: str, environment: str) -> str:
    """Return the name of what runs of a model in an environment, as every place takes it.

    Where letters are lost, part of a hash keeps apart what would be called alike.

    >>> name_of("income", "production"), name_of("Müşteri-kaybı", "生产")
    ('income-production', 'musteri-kaybi-162839d4')
    """
    whole = f"{model}-{environment}"
    name = plain_name(whole)
    if name != whole or len(name) > _LONGEST:
        mark = sha256(whole.encode())[:_MARK]
        name = "-".join(filter(None, (name[: _LONGEST - _MARK - 1].strip("-"), mark)))
    return name if name[:1].isalpha() else f"m-{name}"


def image_of(manifest: Manifest, settings: ImageSettings) -> str:
    """Return the reference of a package's image: its tag names the version and what the package holds.

    Raises `InvalidConfig` for a registry or a platform in which no image can be.
    """
    if settings.platform not in PLATFORMS:
        raise InvalidConfig(
            f"[image] platform {settings.platform!r} is none for which images are made",
            hint=f"known: {', '.join(PLATFORMS)}",
        )
    registry = settings.registry.strip("/") or "localhost/kervan"
    if "@" in registry or "://" in registry:
        raise InvalidConfig(
            "[image] registry is an address, or holds a password",
            hint="write it like registry.example.com/team; `docker login` or `podman login` keeps passwords",
        )
    text = f"{registry}/{plain_name(manifest.name) or 'model'}:{manifest.version}-{manifest.hash[:_DIGITS]}"
    try:
        read_reference(text)
    except InvalidConfig as error:
        raise InvalidConfig(
            f"[image] registry {settings.registry!r} is none in which an image can lie",
            hint="write it like registry.example.com/team, in small letters",
        ) from error
    return text


def settings_of(plan: Plan, kind: type[T]) -> T:
    """Read a target's own settings, or raise `InvalidConfig` that names the one that is wrong."""
    known = [each.name for each in fields(kind)]  # type: ignore[arg-type]
    where = f"[targets.{plan.target}]"
    for name in plan.settings:
        if name not in known:
            raise InvalidConfig(f"{where} {name}: unknown setting", hint=did_you_mean(name, known))
    try:
        return msgspec.convert(plan.settings, kind)
    except msgspec.ValidationError as error:
        raise InvalidConfig(
            f"{where} {error}", hint="docs/reference/settings.md shows every setting"
        ) from error
