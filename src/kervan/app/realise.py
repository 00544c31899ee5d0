"""What a deployment asks of its target, the files that say so, and how they come true."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kervan.app.checked import checked, refuse
from kervan.app.environments import place_folder
from kervan.app.register import cached_package, find_model, package_folder, signing_key
from kervan.app.segments import records_folder
from kervan.app.supply import supply
from kervan.core.errors import KervanError
from kervan.core.features import codes
from kervan.core.nouns import Deployment, Package
from kervan.core.plugins import plugin
from kervan.core.serving import Rival, Serving, ShareRole
from kervan.deploy.rendered import read_files, write_files
from kervan.store.database import storage_errors

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path, PurePath

    from kervan.app.project import Project
    from kervan.core.nouns import Model
    from kervan.core.ports import Target
    from kervan.core.serving import Plan


def realise(project: Project, deployment: Deployment) -> str:
    """Let the target do what a deployment says, and return the endpoint's URL.

    Its files are rendered and checked first: what the place would refuse raises `Refused` before anything is
    written or sent. If they cannot be applied, the folder says again what is there.
    """
    target, plan = _target(deployment), deployment.plan
    folder = place_folder(project, deployment)
    if not target.about.applies:
        return target.apply(folder, plan)  # which says who applies its files, before an image is made
    rendered = _render(project, deployment, lambda model: package_folder(project, model))
    models = [find_model(project, ref) for ref in deployment.shares]
    refuse(project, checked(project, models, rendered, plan))
    supply(project, models, plan, folder)
    with storage_errors(str(folder)):
        before = read_files(folder)
        write_files(folder, rendered)
    try:
        return target.apply(folder, plan)
    except (KervanError, KeyboardInterrupt):
        with storage_errors(str(folder)):
            write_files(folder, before)
        raise


def rendered_for(
    project: Project, shares: Mapping[str, float], environment: str, plan: Plan
) -> Mapping[PurePath, str]:
    """Return the files that would let models answer in an environment: the first is the stable one."""
    stable, *candidates = shares
    wanted = Deployment(
        id="",
        name=environment,
        creator="",
        time=0.0,
        shares=shares,
        roles={stable: ShareRole.STABLE} | dict.fromkeys(candidates, ShareRole.CANDIDATE),
        plan=plan,
        endpoint="",
        why="",
    )
    return _render(project, wanted, lambda each: package_folder(project, each))


def altered_file(project: Project, deployment: Deployment) -> Path | None:
    """Return the first of an environment's files that is not as its release rendered it, None if all are."""
    folder = place_folder(project, deployment)
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
    models = [find_model(project, ref) for ref in deployment.shares]
    folders = {each.ref: str(folder_of(each)) for each in models}
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
        allow=tuple(dict.fromkeys(code for each in models for code in codes(each.signature.features))),
    )
    return _target(deployment).render(serving, plan)


def _target(deployment: Deployment) -> Target:
    target: Target = plugin("target", deployment.plan.target)
    return target
