"""What a deployment asks of its target, and the files that say so."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kervan.app.environments import environment_folder
from kervan.app.register import cached_package, find_model, package_folder, signing_key
from kervan.app.segments import records_folder
from kervan.core.nouns import Deployment, Package
from kervan.core.plugins import plugin
from kervan.core.private import write_private
from kervan.core.serving import Rival, Serving
from kervan.store.database import storage_errors

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path, PurePath

    from kervan.app.project import Project
    from kervan.core.nouns import Model
    from kervan.core.ports import Target


def realise(project: Project, deployment: Deployment) -> str:
    """Render the target's files, apply them, and return the endpoint's URL."""
    folder = environment_folder(project, deployment.name)
    rendered = _render(project, deployment, lambda model: package_folder(project, model))
    with storage_errors(str(folder)):
        for path, text in rendered.items():
            write_private(folder / path, text.encode())
    target: Target = plugin("target", deployment.plan.target)
    return target.apply(folder, deployment.plan)


def altered_file(project: Project, deployment: Deployment) -> Path | None:
    """Return the first of an environment's files that is not as its release rendered it, None if all are."""
    folder = environment_folder(project, deployment.name)
    for path, text in _render(project, deployment, lambda model: _cached(project, model)).items():
        if not (folder / path).is_file() or (folder / path).read_bytes() != text.encode():
            return folder / path
    return None


def _cached(project: Project, model: Model) -> Path:
    return cached_package(project, project.store.catalog.get(Package, model.package))


def _render(
    project: Project, deployment: Deployment, folder_of: Callable[[Model], Path]
) -> Mapping[PurePath, str]:
    """Return the files that tell the target to let packages answer, whose folders are asked for."""
    stable, plan = deployment.stable, deployment.plan
    folders = {ref: str(folder_of(find_model(project, ref))) for ref in deployment.shares}
    serving = Serving(
        environment=deployment.name,
        deployment=deployment.id,
        package=folders[stable],
        rivals=tuple(
            Rival(package=folders[ref], role=deployment.role(ref), share=share)
            for ref, share in deployment.shares.items()
            if ref != stable
        ),
        records=str(records_folder(project, deployment.name)),
        host=plan.host,
        port=plan.port,
        grpc_port=plan.grpc_port,
        workers=plan.workers,
        slow=plan.slow,
        sticky=plan.sticky,
        rule=plan.rule,
        salt=deployment.release,
        keeping=plan.keeping,
        **plan.closed,
        trusted=(signing_key(project).signer.key_id,),
    )
    target: Target = plugin("target", plan.target)
    return target.render(serving, plan)
