"""Bodies of calls as files: `aws lambda create-function --cli-input-json file://create-function.json`.

A file is called like the command of AWS' own program, with what tells it from others of its kind behind a
dot. So each can be checked against the service's model, which boto3 carries, before it is sent.
"""

from __future__ import annotations

import re
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

import msgspec

from kervan.core.errors import Corrupted, NotFound
from kervan.core.plugins import extras_named
from kervan.deploy.targets.findings import failed

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from kervan.core.nouns import Finding


def written(body: Any) -> str:
    """Write a body so that people can read and compare it."""
    return msgspec.json.format(msgspec.json.encode(body), indent=2).decode() + "\n"


def as_files(bodies: Mapping[str, Any]) -> dict[PurePath, str]:
    """Write bodies by their commands; those that are None are left out."""
    return {PurePath(f"{name}.json"): written(body) for name, body in bodies.items() if body is not None}


def read_body(folder: Path, name: str) -> Any:
    """Read what was rendered, or raise `NotFound` or `Corrupted`."""
    path = folder / f"{name}.json"
    try:
        return msgspec.json.decode(path.read_bytes())
    except OSError as error:
        raise NotFound(f"cannot read {path}: {error.strerror}", hint="render the release first") from error
    except msgspec.DecodeError as error:
        raise Corrupted(f"{path} is no JSON: {error}", hint="render the release again") from error


def is_rendered(folder: Path, name: str) -> bool:
    """Say whether there is such a body."""
    return (folder / f"{name}.json").is_file()


def look_at_bodies(
    folder: Path, services: Mapping[str, str], later: Mapping[str, Mapping[str, Any]] | None = None
) -> Iterator[Finding]:
    """Say what of the bodies in a folder AWS would refuse; `services` names the one of each command.

    `later` holds what is added to the body of a command when it is sent.
    """
    with extras_named():
        from botocore.session import Session
    session = Session()
    for path in sorted(folder.glob("*.json")):
        command = path.name.split(".")[0]
        if command not in services:
            continue
        model = session.get_service_model(services[command])
        operation = "".join(word.capitalize() for word in command.split("-"))
        shape = model.operation_model(operation).input_shape
        body = {**msgspec.json.decode(path.read_bytes()), **(later or {}).get(command, {})}
        for what in wrong_in(body, shape):
            yield failed("body", path.name, f"{path.name}: {what}", "change the setting that it comes from")


def wrong_in(body: Any, shape: Any) -> Iterator[str]:
    """Say what in a body is not as the service's model wants it."""
    from botocore.validate import ParamValidator

    report = ParamValidator().validate(body, shape)
    if report.has_errors():
        yield from report.generate_report().splitlines()
    else:
        yield from _beyond(body, shape, "")


def _beyond(value: Any, shape: Any, at: str) -> Iterator[str]:
    """Say which texts and numbers are beyond their limits: boto3 leaves that to the service."""
    if shape.type_name == "structure":
        for name, each in value.items():
            yield from _beyond(each, shape.members[name], f"{at}.{name}".strip("."))
    elif shape.type_name == "list":
        for number, each in enumerate(value):
            yield from _beyond(each, shape.member, f"{at}[{number}]")
    elif shape.type_name == "map":
        for name, each in value.items():
            yield from _beyond(name, shape.key, at)
            yield from _beyond(each, shape.value, f"{at}.{name}")
    else:
        yield from _limits(value, shape, at)


def _limits(value: Any, shape: Any, at: str) -> Iterator[str]:
    told = shape.metadata
    size = len(value) if isinstance(value, str) else value
    if "max" in told and not isinstance(value, bool) and size > told["max"]:
        yield f"{at}: {size} is over {told['max']}"
    if told.get("enum") and value not in told["enum"]:
        yield f"{at}: {value!r} is none of {', '.join(told['enum'][:20])}"
    pattern = _pattern(told.get("pattern", ""))
    if pattern and isinstance(value, str) and not pattern.fullmatch(value):
        yield f"{at}: {value!r} is not written as {told['pattern']}"


def _pattern(text: str) -> re.Pattern[str] | None:
    """Return a pattern of the service's model where Python reads it too."""
    if not text or "\\p{" in text:
        return None
    try:
        return re.compile(text)
    except re.error:
        return None
