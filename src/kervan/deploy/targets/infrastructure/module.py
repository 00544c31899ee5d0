"""What a module of Terraform is made of, and what all of them share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from kervan.deploy.targets.infrastructure.hcl import Block, Expression

if TYPE_CHECKING:
    from kervan.deploy.workload import Unit, Workload


@dataclass(frozen=True, slots=True, kw_only=True)
class Module:
    """Blocks, the variables that they use (description, type, default), providers, and where it answers."""

    blocks: Sequence[Block]
    variables: Mapping[str, Mapping[str, Any]]
    requires: Mapping[str, Mapping[str, str]]
    url: Expression
    providers: Sequence[Block] = ()


def var(name: str) -> Expression:
    """Return a reference to a variable."""
    return Expression(f"var.{name}")


def resource(
    kind: str, name: str, body: Mapping[str, Any], *blocks: Block, remarks: Sequence[str] = ()
) -> Block:
    """Return a resource."""
    return Block("resource", (kind, name), body, blocks, remarks)


def image_variables(workload: Workload) -> dict[str, dict[str, Any]]:
    """Return a variable for the image of each version."""
    return {
        image(unit): {"description": f"The image of {unit.manifest.ref}.", "default": unit.image}
        for unit in workload.units
    }


def image(unit: Unit) -> str:
    """Return the name of the variable of a version's image."""
    return f"image_{plain(unit.label)}"


def plain(label: str) -> str:
    """Return a label as names of HCL may hold it."""
    return label.replace("-", "_")
