"""The image of a model as a Dockerfile, for those whose own pipeline makes images."""

from __future__ import annotations

from pathlib import PurePath
from typing import TYPE_CHECKING

from kervan.core.errors import Refused
from kervan.core.places import Place
from kervan.deploy.image.needs import closure, needs_of
from kervan.deploy.image.recipe import IGNORED, Recipe, dockerfile
from kervan.deploy.workload import NoSettings, settings_of, workload_of

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from kervan.core.serving import Plan, Serving


class ImageTarget:
    """Writes a Dockerfile with what belongs to it; `kervan image build` makes the same image without one."""

    about = Place(
        title="a Dockerfile",
        applies=False,
        tool="podman build",
        checked="every setting, when it is read",
        proved="built by podman, and the same image without a daemon",
    )

    def render(self, serving: Serving, plan: Plan) -> Mapping[PurePath, str]:
        """Return the Dockerfile, what its folder leaves out, and which distributions the image brings."""
        settings_of(plan, NoSettings)
        main = workload_of(serving, plan).main
        recipe = Recipe(manifest=main.manifest, settings=plan.image, trusted=serving.trusted)
        needed = closure(needs_of(main.package, main.manifest, plan.image))
        return {
            PurePath("Dockerfile"): dockerfile(recipe),
            PurePath(".dockerignore"): IGNORED,
            PurePath("requirements.txt"): "".join(f"{name}=={number}\n" for name, number in needed.items()),
        }

    def apply(self, folder: Path, plan: Plan) -> str:
        """Raise `Refused`: a Dockerfile is for others."""
        raise Refused(
            "a Dockerfile runs nowhere", hint="`kervan deploy --target local-container` runs the image"
        )

    def remove(self, folder: Path) -> None:
        """Do nothing: nothing runs."""

    def runs(self, folder: Path) -> bool:
        """Say no."""
        return False
