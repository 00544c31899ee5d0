"""What the image of a package is told to be: its configuration, as OCI and as the lines of a Dockerfile."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from kervan.core.features import codes
from kervan.core.places import PACKAGE, PORT, RECORDS, ImageSettings
from kervan.deploy.image.layers import USER

if TYPE_CHECKING:
    from kervan.package.contents.manifest import Manifest

HOME = "opt/kervan"
CODE, LIBRARY, ENTRY, BILL = f"{HOME}/code", f"{HOME}/lib", f"{HOME}/entry", f"{HOME}/bom.cdx.json"
PACKAGE_PLACE = PACKAGE.strip("/")
IGNORED = "*\n!rootfs\n!records\n"  # all else in the folder is no part of the image
MODULE = "kervan.serve.container"
_SECOND = 1_000_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """What an image runs and says of itself; `python` is the interpreter's path in its base."""

    manifest: Manifest
    settings: ImageSettings = field(default_factory=ImageSettings)
    trusted: tuple[str, ...] = ()
    python: str = "python3"

    @property
    def labels(self) -> dict[str, str]:
        """What the image says of itself, by the names that OCI gives and those of ours."""
        manifest = self.manifest
        licence = {"org.opencontainers.image.licenses": manifest.licence} if manifest.licence else {}
        revision = manifest.lineage.commit
        return {
            "org.opencontainers.image.title": manifest.name,
            "org.opencontainers.image.version": manifest.version,
            "org.opencontainers.image.created": self.created,
            "org.opencontainers.image.description": f"Answers for the model {manifest.ref}",
            "org.kervan.model": manifest.ref,
            "org.kervan.package": f"sha256:{manifest.hash}",
            **licence,
            **({"org.opencontainers.image.revision": revision} if revision else {}),
        }

    @property
    def created(self) -> str:
        """When the package was made: an image that is made again is the same."""
        return datetime.fromtimestamp(self.manifest.created, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")

    @property
    def environ(self) -> dict[str, str]:
        """Variables that the image sets."""
        trusted = {"KERVAN_TRUSTED": ",".join(self.trusted)} if self.trusted else {}
        functions = codes(self.manifest.signature.features)
        allowed = {"KERVAN_ALLOW": ",".join(functions)} if functions else {}
        return {
            "HOME": f"/{HOME}",
            "PORT": str(PORT),
            "PYTHONDONTWRITEBYTECODE": "1",
            "PYTHONPATH": f"/{CODE}:/{LIBRARY}",
            "PYTHONUNBUFFERED": "1",
            **trusted,
            **allowed,
        }

    @property
    def entry(self) -> list[str]:
        """What starts the server; a script of the user's own is handed it, and executes it at its end."""
        server = [self.python, "-m", MODULE]
        return [f"/{ENTRY}", *server] if self.settings.entry else server

    @property
    def health(self) -> list[str]:
        """What says whether the server is ready."""
        return [self.python, "-m", MODULE, "--health"]


def config_of(recipe: Recipe, base: dict[str, Any], diffs: list[str], titles: list[str]) -> dict[str, Any]:
    """Return the configuration of an image on a base; `diffs` and `titles` are of the layers above it."""
    inner = base.get("config") or {}
    environ = dict(each.partition("=")[::2] for each in inner.get("Env") or ())
    history = [
        {"created": recipe.created, "created_by": f"kervan: {title}", "comment": "kervan"} for title in titles
    ]
    return {
        "created": recipe.created,
        "architecture": base["architecture"],
        "os": base["os"],
        **({"variant": base["variant"]} if "variant" in base else {}),
        "config": {
            "User": f"{USER}:{USER}",
            "Env": [f"{name}={value}" for name, value in {**environ, **recipe.environ}.items()],
            "Entrypoint": recipe.entry,
            "WorkingDir": f"/{HOME}",
            "ExposedPorts": {f"{PORT}/tcp": {}},
            "Volumes": {RECORDS: {}},
            "StopSignal": "SIGTERM",
            "Labels": {**(inner.get("Labels") or {}), **recipe.labels},
            "Healthcheck": {
                "Test": ["CMD", *recipe.health],
                "Interval": 30 * _SECOND,
                "Timeout": 10 * _SECOND,
                "StartPeriod": 60 * _SECOND,
            },
        },
        "rootfs": {"type": "layers", "diff_ids": [*base["rootfs"]["diff_ids"], *diffs]},
        "history": [*_history(base), *history],
    }


def _history(base: dict[str, Any]) -> list[dict[str, Any]]:
    """Return how a base was made, with an entry for each of its layers: programs count them."""
    told = list(base.get("history") or [])
    missing = len(base["rootfs"]["diff_ids"]) - sum(not each.get("empty_layer") for each in told)
    return [{"created_by": "unknown"}] * missing + told


def dockerfile(recipe: Recipe) -> str:
    """Return the Dockerfile of the same image, for a folder whose `rootfs` holds what the image does."""
    settings = recipe.settings
    steps = [*settings.steps, ""] if settings.steps else []
    return "\n".join(
        [
            f"# Answers for {recipe.manifest.ref}. To be built in the folder that `kervan image context`",
            "# writes: rootfs holds the package, its wheels and Kervan.",
            f"FROM --platform={settings.platform} {settings.base}",
            "",
            *steps,
            "COPY rootfs/ /",
            *(f"COPY --chown={USER}:{USER} records {RECORDS}",),
            *(f"ENV {name}={_quoted(value)}" for name, value in recipe.environ.items()),
            *(f"LABEL {name}={_quoted(value)}" for name, value in recipe.labels.items()),
            f"USER {USER}:{USER}",
            f"WORKDIR /{HOME}",
            f"EXPOSE {PORT}",
            f"VOLUME {RECORDS}",
            "STOPSIGNAL SIGTERM",
            "HEALTHCHECK --interval=30s --timeout=10s --start-period=60s \\",
            f"  CMD {json.dumps(recipe.health)}",
            f"ENTRYPOINT {json.dumps(recipe.entry)}",
            "",
        ]
    )


def _quoted(value: str) -> str:
    escaped = value.replace("\\", "\\\\").replace('"', '\\"').replace("$", "\\$").replace("\n", " ")
    return f'"{escaped}"'
