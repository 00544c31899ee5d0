"""Carries a release on to its end: `python -m kervan.app.conduct FOLDER ENVIRONMENT`.

It looks four times a second at what the servers count, lets the judge decide, moves the traffic on, or back.
It can be killed at any moment: whoever comes next finds the release on record and goes on from there.
"""

from __future__ import annotations

import fcntl
import logging
import os
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from kervan.app import endings
from kervan.app.engaged import call_off
from kervan.app.environments import changing, current_deployment, environment_folder, is_running
from kervan.app.evidence import Evidence
from kervan.app.keeping import tidy
from kervan.app.permission import under_way
from kervan.app.progress import Progress, read_before, write_progress
from kervan.app.project import open_project
from kervan.app.traffic import bring_back, flows, move, staged
from kervan.core.errors import KervanError, ServerFailed
from kervan.core.log import log_json_lines
from kervan.core.observed import Observed
from kervan.core.plugins import plugin
from kervan.core.private import open_private
from kervan.core.releasing import Decision, Guard, Release, Status
from kervan.core.serving import ShareRole
from kervan.deploy.companion import LOCK
from kervan.deploy.sightings import memory_in, seen_in
from kervan.deploy.strategies import Stage, strategy_of
from kervan.monitor.bandit import allocate
from kervan.monitor.judge import Judge
from kervan.monitor.judgement import MARGINS, Margin
from kervan.monitor.means import Moments

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kervan.app.project import Project
    from kervan.core.nouns import Deployment
    from kervan.core.places import Place
    from kervan.monitor.judgement import Judgement

_TICK = 0.25
_FAR_TICK = 10.0  # where each look asks another machine
_FEEDBACK_SECONDS = 2.0
_SHIFT_SECONDS = 30.0  # between two allocations of a bandit, or less where a step is shorter
_LEAST_SHIFT = 0.02
_NICE = 19  # for what has time
_TIMES = {"p50", "p90", "p99", "cpu"}
_log = logging.getLogger("kervan.release")


class Conductor:
    """Carries on one release."""

    def __init__(self, project: Project, release: Release) -> None:
        self._project, self._id = project, release.id
        self._folder = environment_folder(project, release.name)
        self._strategy = strategy_of(release.strategy)
        self._stages = self._strategy.stages(release.steps)
        self._before = read_before(self._folder)
        self._judge = Judge(
            samples=release.samples,
            every=release.every,
            guards=[Guard.parse(each) for each in release.guards],
            before=self._before.of(release.before),
            margins=_margins(self._stages),
        )
        self._evidence = Evidence(project, release) if self._stages else None
        self._share = self._stages[release.stage].share if self._stages else 0.0
        self._next_feedback = 0.0
        self._shift_seconds = min(release.every, _SHIFT_SECONDS)
        self._next_shift = time.monotonic() + self._shift_seconds
        self._random = np.random.default_rng()
        about: Place = plugin("target", release.plan.target).about
        self._tick = _TICK if about.watched else _FAR_TICK

    def run(self) -> None:
        """Go on until the release is over."""
        self._take_up()
        while (release := self._going()) is not None:
            try:
                self._look(release)
            except ServerFailed as error:
                self._end(release, Decision.ROLL_BACK, str(error))
            time.sleep(self._tick)

    def _take_up(self) -> None:
        """Let the traffic be as it should be, whatever happened to whoever moved it before."""
        with changing(self._project, self._name):
            release = self._going()
            if release is None:
                return
            if not self._stages:
                endings.promote(self._project, release, by=release.creator, reason=release.why)
                return
            traffic = staged(release, self._stage(release))
            current = flows(self._project, traffic)
            if current is None:
                move(self._project, traffic, release)
            else:
                bring_back(self._project, current, release.why)

    @property
    def _name(self) -> str:
        return self._folder.name

    def _going(self) -> Release | None:
        found = self._project.store.catalog.get(Release, self._id)
        return None if found.status.is_over else found

    def _stage(self, release: Release) -> Stage:
        return replace(self._stages[release.stage], share=self._share)

    def _look(self, release: Release) -> None:
        current = current_deployment(self._project, release.name)
        if current is None or current.release != release.id:
            return
        if not is_running(self._project, current):
            bring_back(self._project, current, release.why)
        judged = self._judged(release, current)
        if judged.decision is Decision.ROLL_BACK:
            self._end(release, Decision.ROLL_BACK, judged.reason)
        elif self._strategy.adapts and time.monotonic() >= self._next_shift:
            self._shift(release)
        elif (
            judged.decision is Decision.PROMOTE
            and release.status is Status.RUNNING
            and not self._strategy.waits
        ):
            self._go_on(release, judged.reason)

    def _judged(self, release: Release, current: Deployment) -> Judgement:
        seen = seen_in(self._folder)
        stable, candidate = (
            seen.get((current.id, ref), Observed(deployment=current.id, model=ref))
            for ref in (release.before, release.model)
        )
        if time.monotonic() >= self._next_feedback:
            self._hear()
        at = time.time()
        held = self._before.memory, memory_in(self._folder)
        memory = None if held[0] is None or held[1] is None else (held[0], held[1])
        judged = self._judge.look(at, stable, candidate, self._dealt(release), memory)
        progress = Progress(release=release.id, at=at, stable=stable, candidate=candidate, judgement=judged)
        write_progress(self._folder, progress)
        return judged

    def _hear(self) -> None:
        """Take in what came back; where that cannot be read, the rest is judged all the same."""
        self._next_feedback = time.monotonic() + _FEEDBACK_SECONDS
        if self._evidence is None:
            return
        try:
            self._evidence.hand_to(self._judge)
        except KervanError as error:
            _log.error(str(error), extra={"release": self._id, "error": error})

    def _dealt(self, release: Release) -> float:
        """Return the share by which both versions can be compared: 0 where chance did not choose the rows."""
        if release.plan.rule is not None:
            return 0.0
        stage = self._stage(release)
        return 0.5 if stage.role is ShareRole.SHADOW else stage.share  # both are looked at as often

    def _go_on(self, release: Release, reason: str) -> None:
        """Take the next step, or the last."""
        if release.stage + 1 == len(self._stages):
            self._end(release, Decision.PROMOTE, reason)
            return
        with changing(self._project, self._name):
            now = self._going()
            if now is None or now.status is not Status.RUNNING:
                return
            following = replace(now, stage=now.stage + 1)
            self._share = self._stages[following.stage].share
            move(self._project, staged(following, self._stages[following.stage]), following)
        _log.info("went on", extra={"release": self._id, "share": self._share, "reason": reason})

    def _shift(self, release: Release) -> None:
        """Give each version the share that its rewards deserve."""
        self._next_shift = time.monotonic() + self._shift_seconds
        rewards = self._evidence.rewards if self._evidence is not None else {}
        known = {ref: Moments().plus(each) for ref, each in rewards.items()}
        if not sum(each.count for each in known.values()):
            return
        share = round(allocate(known, self._random)[release.model], 2)
        if abs(share - self._share) < _LEAST_SHIFT:
            return
        with changing(self._project, self._name):
            now = self._going()
            if now is None or now.status is not Status.RUNNING:
                return
            self._share = share
            move(self._project, staged(now, self._stage(now)), now)
        _log.info("shifted", extra={"release": self._id, "share": share})

    def _end(self, release: Release, decision: Decision, reason: str) -> None:
        with changing(self._project, self._name):
            now = self._going()
            if now is None:
                return
            end = endings.promote if decision is Decision.PROMOTE else endings.roll_back
            end(self._project, now, by=endings.JUDGE, reason=reason)
        _log.info(str(decision), extra={"release": self._id, "reason": reason})


def _margins(stages: Sequence[Stage]) -> tuple[Margin, ...]:
    """Return what is held against a candidate: a shadow is asked in its own time, whatever that takes."""
    if not any(each.role is ShareRole.SHADOW for each in stages):
        return MARGINS
    return tuple(replace(each, weight=0.0) if each.metric in _TIMES else each for each in MARGINS)


def conduct(project: Project, environment: str) -> None:
    """Carry on the release to an environment that is under way, if there is one and nobody else does."""
    folder = environment_folder(project, environment)
    with os.fdopen(open_private(folder / LOCK, 0), "w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return
        lock.truncate()
        lock.write(str(os.getpid()))
        lock.flush()
        while (release := under_way(project, environment)) is not None:
            Conductor(project, release).run()
        with changing(project, environment):
            if under_way(project, environment) is None:
                call_off(project, environment)


def main(arguments: list[str]) -> int:
    """Carry on what the arguments name; return the exit status."""
    log_json_lines()
    folder, environment = arguments
    try:
        project = open_project(Path(folder))
        conduct(project, environment)
        os.nice(_NICE)
        tidy(project, environment)
    except KervanError as error:
        _log.error(str(error), extra={"error": error})
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
