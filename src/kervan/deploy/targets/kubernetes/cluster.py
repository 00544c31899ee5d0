"""A cluster as kubectl reaches it: what is there, why a pod does not come up, and how objects go away."""

from __future__ import annotations

from dataclasses import dataclass
from time import monotonic, sleep
from typing import TYPE_CHECKING, Any

import msgspec

from kervan.core.errors import KervanError, ServerFailed
from kervan.deploy.targets.commands import run

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from kervan.deploy.targets.written import Note

WORKLOADS = ("deployment", "statefulset")
_LOOK = 1.0  # seconds
OPERATED = ("inferenceservice", "seldondeployment", "model", "experiment")  # by operators in the cluster


@dataclass(frozen=True, slots=True)
class Cluster:
    """The namespace of a cluster in which a release lies."""

    namespace: str
    context: str = ""

    @classmethod
    def of(cls, note: Note) -> Cluster:
        """Return the one that a note names."""
        return cls(note.facts.get("namespace", "default"), note.facts.get("context", ""))

    def command(self, *words: str) -> list[str]:
        """Return a command of kubectl for this namespace."""
        context = [f"--context={self.context}"] if self.context else []
        return ["kubectl", *words, *context, f"--namespace={self.namespace}"]

    def apply(self, folder: Path, names: Iterable[str]) -> None:
        """Apply some of a folder's files."""
        run(self.command("apply", *(f"--filename={folder / name}" for name in names)))

    def apply_all(self, folder: Path) -> None:
        """Apply all of a folder's files by its kustomization."""
        run(self.command("apply", f"--kustomize={folder}"))

    def wait(self, workload: str, patience: int) -> None:
        """Wait until a rollout is done, or raise `ServerFailed` with the reason of the pods."""
        try:
            run(self.command("rollout", "status", workload, f"--timeout={patience}s"), seconds=patience + 60)
        except ServerFailed as error:
            reason = self.reason(workload)
            raise ServerFailed(
                f"{workload} did not come up: {reason or error}",
                hint="`kervan logs` shows what its container wrote; what ran before goes on",
            ) from error

    def wait_for(self, name: str, condition: str, patience: int) -> None:
        """Wait until an object says that it is ready, or raise `ServerFailed` with its reason."""
        end = monotonic() + patience
        while self._is_behind(name) and monotonic() < end:
            sleep(_LOOK)  # until then it says what was true of the object before
        try:
            words = ("wait", name, f"--for={condition}", f"--timeout={patience}s")
            run(self.command(*words), seconds=patience + 60)
        except ServerFailed as error:
            reason = self._told_by(name)
            raise ServerFailed(
                f"{name} did not become ready: {reason or error}", hint="what ran before goes on"
            ) from error

    def _is_behind(self, name: str) -> bool:
        """Say whether an operator that tells how far it is has not yet seen what was applied last."""
        try:
            found = msgspec.json.decode(run(self.command("get", name, "--output=json"), seconds=30))
        except (KervanError, msgspec.DecodeError):
            return False
        applied = found.get("metadata", {}).get("generation", 0)
        return bool(found.get("status", {}).get("observedGeneration", applied) < applied)

    def _told_by(self, name: str) -> str:
        try:
            text = run(self.command("get", name, "--output=json"), seconds=30)
        except KervanError:
            return ""
        status = msgspec.json.decode(text).get("status", {})
        found = [
            f"{each.get('reason') or each.get('type')}: {each['message']}"
            for each in status.get("conditions", [])
            if each.get("status") == "False" and each.get("message")
        ]
        return "; ".join(dict.fromkeys([*found, status.get("description", "")])).strip("; ")

    def reason(self, workload: str) -> str:
        """Return why the pods of a workload do not run, in the cluster's words, or ""."""
        try:
            labels = self._labels(workload)
            text = run(self.command("get", "pods", f"--selector={labels}", "--output=json"), seconds=30)
        except KervanError:
            return ""
        found = [why for pod in msgspec.json.decode(text).get("items", []) if (why := _reason_of(pod))]
        return "; ".join(dict.fromkeys(found))

    def _labels(self, workload: str) -> str:
        path = "--output=jsonpath={.spec.selector.matchLabels}"
        labels = msgspec.json.decode(run(self.command("get", workload, path), seconds=30))
        return ",".join(f"{name}={value}" for name, value in labels.items())

    def delete(self, objects: Iterable[str], patience: int = 300) -> None:
        """Delete objects by kind and name; nothing happens to those that are gone."""
        for each in objects:
            run(self.command("delete", each, "--ignore-not-found", f"--timeout={patience}s"))

    def has(self, kind_and_name: str) -> bool:
        """Say whether there is an object; raises `ServerFailed` if the cluster does not say."""
        words = ("get", kind_and_name, "--ignore-not-found", "--output=name")
        return bool(run(self.command(*words), seconds=30).strip())


def _reason_of(pod: dict[str, Any]) -> str:
    """Return what keeps a pod from running: the state of its container, or why no node takes it."""
    status = pod.get("status", {})
    for each in status.get("containerStatuses", []):
        waiting = each.get("state", {}).get("waiting") or {}
        ended = each.get("lastState", {}).get("terminated") or each.get("state", {}).get("terminated") or {}
        words = [waiting.get("reason", ""), waiting.get("message", "")]
        if ended:
            words += [ended.get("reason", ""), f"status {ended.get('exitCode')}", ended.get("message", "")]
        if any(words):
            return ": ".join(filter(None, words))
    for each in status.get("conditions", []):
        if each.get("status") == "False" and each.get("message"):
            return f"{each.get('reason', each['type'])}: {each['message']}"
    return ""
