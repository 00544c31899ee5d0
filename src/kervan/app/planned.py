"""What a target must realise, as the settings of `[release]` want it."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from kervan.app.environments import LOCAL
from kervan.app.keeping import keeping_of
from kervan.core.access import check_doors, read_span
from kervan.core.errors import InvalidConfig, InvalidInput, Refused
from kervan.core.keeping import read_size
from kervan.core.plugins import plugin, plugins, which_meant
from kervan.core.reading import composed
from kervan.core.serving import Plan, Rule
from kervan.core.workspace import doors_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from kervan.app.project import Project
    from kervan.core.access import Doors
    from kervan.core.config import ReleaseSettings
    from kervan.core.nouns import Model
    from kervan.core.places import Place

_MOST_WORKERS = 256
_ROOM = 1.5  # times what was seen under load
_STEP = 16 << 20
_LEAST_CPU = 0.1
_SMALLEST_CPU, _MOST_CPU = 0.001, 4096
_HEADER = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+", re.ASCII)  # RFC 9110, 5.6.2: a token


def plan_of(project: Project) -> Plan:
    """Return what the settings want.

    Raises `Refused` for an address that others could reach, and `InvalidInput` for what cannot be had.
    """
    settings = project.config.release
    doors = doors_of(project.config)
    check_doors(settings.host, doors)
    _check_files(doors)
    check_replicas(settings)
    _check_sticky(settings)
    return Plan(
        target=settings.target,
        sticky=settings.sticky,
        rule=_rule(settings.rule),
        host=settings.host,
        port=settings.port,
        grpc_port=settings.grpc_port,
        workers=settings.workers,
        most_workers=settings.most_workers,
        idle=_read("idle", settings.idle, read_span),
        memory=int(_read("memory", settings.memory, read_size)),
        cpu=settings.cpu,
        slow=settings.slow,
        keeping=keeping_of(project),
        image=project.config.image,
        settings=project.config.targets.get(settings.target, {}),
        **doors.closed,
    )


def sized(project: Project, model: Model, plan: Plan) -> Plan:
    """Return the plan with what the model's profile found, where the settings leave it to a place elsewhere.

    This machine gives a replica as much as there is; other places have to be told how much that is.
    """
    from kervan.app.profile import newest_profile  # brings what measures

    found = newest_profile(project, model) if plan.target != LOCAL else None
    if found is None or not found.replicas:
        return plan
    memory = int((found.memory or 0) / found.replicas * _ROOM) // _STEP * _STEP
    cpu = round((found.cpu or 0.0) / found.replicas * _ROOM, 1)
    return replace(
        plan,
        workers=max(plan.workers, found.replicas),
        memory=plan.memory or memory,
        cpu=plan.cpu or max(cpu, _LEAST_CPU if found.cpu else 0.0),
    )


def check_replicas(settings: ReleaseSettings) -> None:
    """Raise `InvalidConfig` for a target that is not there and for replicas that there cannot be."""
    if settings.target not in plugins("target"):
        raise InvalidConfig(
            f"[release] target: there is no target {settings.target!r}",
            hint=which_meant("target", settings.target),
        )
    _check_between("workers", settings.workers, 1)
    if settings.most_workers:
        _check_between("most_workers", settings.most_workers, settings.workers)
    _read("memory", settings.memory, read_size)
    if settings.cpu and not _SMALLEST_CPU <= settings.cpu <= _MOST_CPU:  # nor what is no number
        raise InvalidConfig(
            f"[release] cpu: {settings.cpu:g} cores cannot be had",
            hint=f"give {_SMALLEST_CPU:g} to {_MOST_CPU}, such as 0.5",
        )
    if _read("idle", settings.idle, read_span) and settings.grpc_port is not None:
        raise InvalidConfig(
            "[release] idle: who asks by gRPC would find nobody, once the replicas have ended",
            hint="leave out idle or grpc_port",
        )


def _check_between(name: str, value: int, least: int) -> None:
    if not least <= value <= _MOST_WORKERS:
        raise InvalidConfig(
            f"[release] {name}: {value} cannot be used", hint=f"give a number from {least} to {_MOST_WORKERS}"
        )


def _read(name: str, text: str, read: Callable[[str], float]) -> float:
    """Read a span or a size, 0 of one that is not given."""
    if not text:
        return 0.0
    try:
        value = float(read(text))
    except InvalidInput as error:
        raise InvalidConfig(f"[release] {name}: {error}", hint=error.hint) from error
    if not value:
        raise InvalidConfig(f"[release] {name}: {text!r} is nothing", hint="give more, or leave it out")
    return value


def _check_sticky(settings: ReleaseSettings) -> None:
    """Raise `InvalidInput` for a header that no caller could send, and where a rule decides instead."""
    if settings.sticky and not _HEADER.fullmatch(settings.sticky):
        raise InvalidInput(
            f"no header is called {settings.sticky!r}", hint='give one such as X-User, or "entity"'
        )
    if settings.sticky and settings.rule:
        raise InvalidInput(
            f"either the rule {settings.rule!r} decides who gets which version, or {settings.sticky!r} does",
            hint="leave out rule or sticky",
        )


def _rule(text: str) -> Rule | None:
    """Read whose rows a candidate gets: `city=Ankara,İzmir`. Raises `InvalidInput`."""
    if not text:
        return None
    column, sign, values = text.partition("=")
    named = tuple(each.strip() for each in values.split(",") if each.strip())
    if not (sign and column.strip() and named):
        raise InvalidInput(f"{text!r} is no rule", hint="write a column and values: city=Ankara,İzmir")
    return Rule(column=composed(column.strip()), values=named)


def _check_files(doors: Doors) -> None:
    """Raise `InvalidInput` for keys and certificates with which no server would start."""
    if doors.keys:
        from kervan.serve.access import read_grants  # brings the web server's libraries

        read_grants(Path(doors.keys))
    if doors.certificate:
        from kervan.serve.tls import Certificates

        Certificates(doors)


def check_strategy(name: str, target: str) -> None:
    """Raise `Refused` for a strategy that a place cannot carry out."""
    about: Place = plugin("target", target).about
    if name not in about.strategies:
        known = ", ".join(about.strategies)
        hint = f"it has {known}" if about.applies else f"it writes files; {about.tool} applies them"
        raise Refused(f"{target} cannot release by {name}", hint=hint)
