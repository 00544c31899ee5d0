"""AWS Lambda: a function whose published versions share its traffic by an alias.

Only moving the alias changes who answers, so what comes before it may fail: a new version is published and
tried, and the alias stays where it was unless it answers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from kervan.core.errors import Refused
from kervan.core.places import Artefact, Place
from kervan.deploy.bundle import LAMBDA, look_at_bundle
from kervan.deploy.targets.aws.account import ask, client, look_at_account, told_by_aws
from kervan.deploy.targets.aws.bodies import as_files, is_rendered, look_at_bodies, read_body
from kervan.deploy.targets.aws.functions import LambdaSettings, bodies
from kervan.deploy.targets.aws.limits import look_at_function, look_at_registry, look_at_traffic
from kervan.deploy.targets.aws.parts import read_note
from kervan.deploy.targets.aws.publishing import Publisher, api_named
from kervan.deploy.targets.aws.reports import log_lines
from kervan.deploy.targets.aws.undo import taken_back_on_failure
from kervan.deploy.workload import settings_of, workload_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path, PurePath

    from kervan.core.nouns import Finding
    from kervan.core.serving import Plan, Serving

_SERVICES = {
    "create-function": "lambda",
    "create-function-url-config": "lambda",
    "add-permission": "lambda",
    "create-api": "apigatewayv2",
}
_STRATEGIES = ("at-once", "blue-green", "canary")
_CHECKED = "the limits of Lambda; each body by boto3's model of the service, with its patterns"
_PROVED = (
    "the handler by AWS' own runtime client against a local Runtime API; the calls against moto, which keeps "
    "functions, versions, aliases and URLs and runs none of them; never on AWS itself"
)


class LambdaTarget:
    """A function whose code is a ZIP."""

    about = Place(
        title="AWS Lambda",
        artefact=Artefact.ZIP,
        strategies=_STRATEGIES,
        tool="boto3",
        checked=_CHECKED,
        proved=_PROVED,
    )

    runtime = LAMBDA

    def render(self, serving: Serving, plan: Plan) -> Mapping[PurePath, str]:
        """Return the bodies of the calls, and the note for `apply`."""
        settings = settings_of(plan, LambdaSettings)
        is_image = self.about.artefact is Artefact.IMAGE
        found = bodies(workload_of(serving, plan), settings, is_image=is_image)
        # The code comes when it is sent: a body with it would be no text.
        return as_files({name: body for name, body in found.items() if body is not None})

    def check(self, folder: Path, plan: Plan) -> Sequence[Finding]:
        """Say what AWS would refuse."""
        settings = settings_of(plan, LambdaSettings)
        note = read_note(folder)
        findings = [*look_at_function(read_body(folder, "create-function"), plan, settings.url)]
        findings += look_at_traffic(note.name, note.parts, plan, 1)
        codes = [part.code for part in note.parts]
        if self.about.artefact is Artefact.ZIP:
            for code in codes:
                findings += look_at_bundle(folder / code, LAMBDA, is_stored=bool(settings.bucket))
        else:
            findings += look_at_registry(codes, settings.endpoint_url)
        findings += look_at_bodies(folder, _SERVICES, {"create-function": {"Code": {}}})
        return [*findings, *look_at_account("lambda", settings)]

    def apply(self, folder: Path, plan: Plan) -> str:
        """Publish what is not, try it, move the alias, and return the URL, or the alias' ARN.

        Raises `ServerFailed`; the alias then still leads where it led, and what was published is gone.
        """
        with told_by_aws("AWS Lambda"), taken_back_on_failure() as undo:
            publisher = Publisher(folder, read_note(folder), undo)
            numbers = publisher.publish()
            publisher.try_out(numbers)
            alias = publisher.move_alias(numbers)
            return publisher.open_doors(alias)

    def remove(self, folder: Path) -> None:
        """Delete the function with its versions, alias and URL, and the API in front of it."""
        if not is_rendered(folder, "release"):
            return
        note = read_note(folder)
        with told_by_aws("AWS Lambda"):
            if is_rendered(folder, "create-api"):
                gateway = client("apigatewayv2", note.region, note.endpoint_url)
                api = api_named(gateway, note.name)
                if api is not None:
                    ask(gateway.delete_api, ApiId=api["ApiId"])
            ask(client("lambda", note.region, note.endpoint_url).delete_function, FunctionName=note.name)

    def runs(self, folder: Path) -> bool:
        """Say whether the alias leads to a version that can be invoked."""
        if not is_rendered(folder, "release"):
            return False
        note = read_note(folder)
        with told_by_aws("AWS Lambda"):
            lamb = client("lambda", note.region, note.endpoint_url)
            found = ask(
                lamb.get_function_configuration, FunctionName=note.name, Qualifier=note.facts["alias"]
            )
        return found is not None and found.get("State", "Active") in {"Active", "Inactive"}

    def logs(self, folder: Path, lines: int) -> Sequence[str]:
        """Return the newest lines that the function has written."""
        note = read_note(folder)
        with told_by_aws("CloudWatch"):
            logs = client("logs", note.region, note.endpoint_url)
            return log_lines(logs, f"/aws/lambda/{note.name}", lines)

    def shell(self, folder: Path) -> Sequence[str]:
        """Say that there is none."""
        raise Refused("a function has no shell", hint="`kervan logs` shows what it wrote")


class LambdaImageTarget(LambdaTarget):
    """A function whose code is an image in ECR."""

    about = Place(
        title="AWS Lambda with an image",
        artefact=Artefact.IMAGE,
        strategies=_STRATEGIES,
        tool="boto3",
        checked=_CHECKED,
        proved=_PROVED,
    )
