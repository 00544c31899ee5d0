"""What of an open workspace is about production: releases, where they live, and what answers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kervan.api.views import Listing, ModelView, ReleaseView
from kervan.core.plugins import extras_named

with extras_named():
    from kervan.app import (
        environments,
        experiment,
        frames,
        inside,
        permission,
        predict,
        profile,
        registry,
        release,
        render,
        standing,
        steering,
    )
    from kervan.app.project import Project
    from kervan.app.terms import changed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kervan.app.profile import Profiled
    from kervan.app.registry import Registry
    from kervan.app.render import Rendered, Row
    from kervan.app.standing import Standing
    from kervan.core.nouns import Deployment, Event
    from kervan.core.releasing import Release
    from kervan.monitor.experiment import Experiment


class Production:
    """The half of a `Session` that lets models answer."""

    def __init__(self, project: Project) -> None:
        self.project = project
        self._asked = ""

    def release(
        self,
        model: ModelView | str = "",
        *,
        to: str = "production",
        why: str = "",
        breaking: bool = False,
        again: bool = False,
        **settings: Any,
    ) -> ReleaseView:
        """Let a model come to answer in an environment, and return a handle to ask it.

        `model` is what `train` returned, or a reference such as `income@1.2.0`; by default the newest. `to`
        is the environment; `why` goes on record. `settings` are those of `[release]`: `port=0` takes a free
        one, `strategy="canary", steps=[5, 25, 50], guards=["p99 < 20ms"]` lets it come step by step.
        `breaking` says that callers know of a schema that breaks them, `again` that it may come back although
        it was rolled back.
        """
        project = self.project.with_settings(release=changed(self.project.config.release, settings))
        ref = _ref(model)
        consent = release.Consent(breaking=breaking, again=again)
        return self._release_view(release.release(project, ref, to=to, why=why, consent=consent))

    def pause(self, environment: str = "production", *, why: str = "") -> Release:
        """Let a release that is under way stay where it is; it is still rolled back if it has to be."""
        return steering.pause(self.project, environment, why=why)

    def resume(self, environment: str = "production", *, why: str = "") -> Release:
        """Let a release go on."""
        return steering.resume(self.project, environment, why=why)

    def promote(self, environment: str = "production", *, why: str = "") -> ReleaseView:
        """Let the version that comes have all requests at once, whatever is proven."""
        return self._release_view(steering.promote(self.project, environment, why=why))

    def roll_back(self, environment: str = "production", *, why: str = "") -> ReleaseView:
        """Let the version before have all requests again: of a release under way, or of the last one."""
        return self._release_view(steering.roll_back(self.project, environment, why=why))

    def approve(self, model: ModelView | str, *, environment: str = "production", why: str) -> Event:
        """Agree on record that a model may be released to an environment."""
        ref = _ref(model)
        return permission.approve(self.project, ref, environment=environment, why=why)

    def standing(self) -> Listing[Standing]:
        """Return what runs or ran where, with its release and how that goes, newest first."""
        return Listing(standing.standings(self.project), ("deployment", "state", "verdict"))

    def experiment(self, environment: str = "production", *, alpha: float = 0.05) -> tuple[Experiment, ...]:
        """Compare what the versions that share an environment brought; see `kervan experiment --help`."""
        return experiment.experiment(self.project, environment, alpha=alpha)

    def predict(self, rows: Any, *, environment: str = "production") -> Any:
        """Ask the model of an environment: one answer for one row (a mapping), a list for a list of rows.

        A frame of pandas, Polars or Arrow comes back as such, with the answers in columns beside its own.
        """
        if frames.is_frame(rows):
            found, self._asked = frames.predict(self.project, rows, environment=environment)
            return found
        asked = [rows] if isinstance(rows, Mapping) else rows
        answers = predict.predict(self.project, asked, environment=environment)
        self._asked = answers[-1]["id"]
        return answers[0] if isinstance(rows, Mapping) else answers

    def profile(
        self, model: ModelView | str, goal: str, *, rows: str | Path | None = None, seconds: float = 2.0
    ) -> Profiled:
        """Find how many replicas reach a goal such as `p99 < 20ms at 500/s`; see `kervan profile --help`."""
        ref = _ref(model)
        file = None if rows is None else Path(rows)
        with extras_named():
            return profile.profile(self.project, ref, goal, rows=file, seconds=seconds)

    def releases(self) -> Listing[Deployment]:
        """Return all deployments, newest first."""
        return Listing(environments.releases(self.project), ("name", "shares", "endpoint", "creator", "why"))

    def registry(self, *, at: float | None = None) -> Registry:
        """Return what answers in every environment, or answered at a time in seconds since 1970."""
        return registry.registry(self.project, at=at)

    def render(
        self,
        model: ModelView | str,
        folder: str | Path | None = None,
        *,
        to: str = "production",
        beside: ModelView | str = "",
        percent: float = 5.0,
        **settings: Any,
    ) -> Rendered:
        """Return what a release would tell its target, and what the place would say; nothing is sent.

        With `folder` the files are written there. With `beside`, the model that answers there, it is a canary
        that gets so many percent of the traffic. `settings` are those of `[release]`: `target="kubernetes"`.
        """
        project = self.project.with_settings(release=changed(self.project.config.release, settings))
        found = render.render(project, _ref(model), to=to, beside=_ref(beside), percent=percent)
        if folder is not None:
            render.write_rendered(found, Path(folder))
        return found

    def targets(self) -> Listing[Row]:
        """Return the places that models can be released to, and what is true of each."""
        return Listing(render.targets(), ("name", "about"))

    def logs(self, environment: str = "production", *, lines: int = 100) -> Sequence[str]:
        """Return the newest lines that what answers in an environment has written, oldest first."""
        return inside.logs(self.project, environment, lines=lines)

    def _release_view(self, deployment: Deployment) -> ReleaseView:
        ask: Callable[[Any], Any] = partial(self.predict, environment=deployment.name)
        return ReleaseView(deployment, ask, partial(release.stop, self.project, deployment.name))


def _ref(model: ModelView | str) -> str:
    return model.ref if isinstance(model, ModelView) else model
