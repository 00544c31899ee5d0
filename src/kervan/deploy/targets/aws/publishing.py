"""The calls by which a function's versions are published, tried, and get their traffic."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from kervan.core.errors import NotFound, ServerFailed
from kervan.deploy.targets.aws.account import ask, client
from kervan.deploy.targets.aws.bodies import is_rendered, read_body

if TYPE_CHECKING:
    from pathlib import Path

    from kervan.deploy.targets.aws.parts import Note, Part
    from kervan.deploy.targets.aws.undo import Undo

_ZIP = ".zip"
_SETTINGS = ("Role", "Handler", "Runtime", "Timeout", "MemorySize", "Environment", "ImageConfig")


class Publisher:
    """Brings what was rendered into a folder to Lambda; what it makes can be undone."""

    def __init__(self, folder: Path, note: Note, undo: Undo) -> None:
        self._folder, self._note, self._undo = folder, note, undo
        self._lambda = client("lambda", note.region, note.endpoint_url)

    def publish(self) -> dict[str, str]:
        """Publish each version that is not, and return their numbers by their descriptions."""
        numbers = self._published()
        for part in self._note.parts:
            if part.description not in numbers:
                numbers[part.description] = self._publish(part)
        return numbers

    def try_out(self, numbers: dict[str, str]) -> None:
        """Ask each version for its package's own sample, or raise `ServerFailed` with what it said."""
        for part in self._note.parts:
            if is_rendered(self._folder, f"sample.{part.label}"):
                self._ask(part, numbers[part.description])

    def move_alias(self, numbers: dict[str, str]) -> str:
        """Let the alias lead to the main version, and by its share to the candidate; return its ARN."""
        main, candidate = self._note.parts[0], self._note.candidate
        weights = {} if candidate is None else {numbers[candidate.description]: candidate.percent / 100}
        body = {
            "FunctionName": self._note.name,
            "Name": self._note.facts["alias"],
            "FunctionVersion": numbers[main.description],
            "RoutingConfig": {"AdditionalVersionWeights": weights},
        }
        named = {"FunctionName": self._note.name, "Name": self._note.facts["alias"]}
        before = ask(self._lambda.get_alias, **named)
        if before is None:
            arn = self._lambda.create_alias(**body)["AliasArn"]
            self._undo.add("the alias", self._lambda.delete_alias, **named)
        else:
            arn = self._lambda.update_alias(**body)["AliasArn"]
            kept = {"FunctionVersion": before["FunctionVersion"]}
            routing = before.get("RoutingConfig") or {"AdditionalVersionWeights": {}}
            self._undo.add("the alias", self._lambda.update_alias, **named, **kept, RoutingConfig=routing)
        return str(arn)

    def open_doors(self, alias: str) -> str:
        """Give the alias its URL and its API, as wanted, and return one of them, or its ARN."""
        url = ""
        named = {"FunctionName": self._note.name, "Qualifier": self._note.facts["alias"]}
        before = ask(self._lambda.get_function_url_config, **named)
        if is_rendered(self._folder, "create-function-url-config"):
            url = self._open_url(before)
        elif before is not None:
            self._lambda.delete_function_url_config(**named)
        if is_rendered(self._folder, "create-api"):
            url = self._open_api(alias)
        return url.rstrip("/") or alias

    def _open_url(self, before: Any) -> str:
        body = read_body(self._folder, "create-function-url-config")
        call = (
            self._lambda.create_function_url_config
            if before is None
            else self._lambda.update_function_url_config
        )
        url = call(**body)["FunctionUrl"]
        for name in ("add-permission.url", "add-permission.run"):
            self._permit(name)
        return str(url)

    def _permit(self, name: str) -> None:
        """Add a statement to the alias' policy, or take it away where it is wanted no more."""
        place = {"FunctionName": self._note.name, "Qualifier": self._note.facts["alias"]}
        sid = f"kervan-{name.rpartition('.')[2]}"
        there = ask(self._lambda.get_policy, **place)
        has = there is not None and any(
            each.get("Sid") == sid for each in msgspec.json.decode(there["Policy"]).get("Statement", ())
        )
        if is_rendered(self._folder, name):
            if not has:
                self._lambda.add_permission(**read_body(self._folder, name))
        elif has:
            self._lambda.remove_permission(**place, StatementId=sid)

    def _open_api(self, alias: str) -> str:
        gateway = client("apigatewayv2", self._note.region, self._note.endpoint_url)
        api = api_named(gateway, self._note.name)
        if api is None:
            api = gateway.create_api(**read_body(self._folder, "create-api"), Target=alias)
            self._undo.add("the API", gateway.delete_api, ApiId=api["ApiId"])
            account, region = alias.split(":")[4], alias.split(":")[3]
            self._lambda.add_permission(
                FunctionName=self._note.name,
                Qualifier=self._note.facts["alias"],
                StatementId="kervan-api",
                Action="lambda:InvokeFunction",
                Principal="apigateway.amazonaws.com",
                SourceArn=f"arn:aws:execute-api:{region}:{account}:{api['ApiId']}/*",
            )
        return str(api["ApiEndpoint"])

    def _published(self) -> dict[str, str]:
        there = ask(self._lambda.get_function_configuration, FunctionName=self._note.name)
        if there is None:
            return {}
        pages = self._lambda.get_paginator("list_versions_by_function").paginate(FunctionName=self._note.name)
        found = [each for page in pages for each in page["Versions"]]
        return {each["Description"]: each["Version"] for each in found if each["Version"] != "$LATEST"}

    def _publish(self, part: Part) -> str:
        named = {"FunctionName": self._note.name}
        body = read_body(self._folder, "create-function")
        if ask(self._lambda.get_function_configuration, **named) is None:
            self._lambda.create_function(**body, Code=self._code(part), Publish=False)
            self._undo.add("the function", self._lambda.delete_function, **named)
            self._lambda.get_waiter("function_active_v2").wait(**named)
        else:
            self._lambda.update_function_code(
                **named, **self._code(part), Architectures=body["Architectures"], Publish=False
            )
            self._lambda.get_waiter("function_updated_v2").wait(**named)
            wanted = {name: body[name] for name in _SETTINGS if name in body}
            self._lambda.update_function_configuration(**named, **wanted)
            self._lambda.get_waiter("function_updated_v2").wait(**named)
        made = self._lambda.publish_version(**named, Description=part.description)
        number = str(made["Version"])
        self._undo.add(f"version {number}", self._lambda.delete_function, **named, Qualifier=number)
        return number

    def _code(self, part: Part) -> dict[str, Any]:
        if not part.code.endswith(_ZIP):
            return {"ImageUri": part.code}
        path = self._folder / part.code
        bucket = self._note.facts["bucket"]
        if not path.is_file():
            raise NotFound(f"there is no {path}", hint="`kervan deploy` writes it")
        if not bucket:
            return {"ZipFile": path.read_bytes()}
        key = f"kervan/{self._note.name}/{part.digest}{_ZIP}"
        client("s3", self._note.region, self._note.endpoint_url).upload_file(str(path), bucket, key)
        return {"S3Bucket": bucket, "S3Key": key}

    def _ask(self, part: Part, number: str) -> None:
        payload = (self._folder / f"sample.{part.label}.json").read_bytes()
        done = self._lambda.invoke(FunctionName=self._note.name, Qualifier=number, Payload=payload)
        said = done["Payload"].read()
        try:
            model = msgspec.json.decode(said).get("model")
        except (msgspec.DecodeError, AttributeError):
            model = None
        if done.get("FunctionError") or model != part.model:
            words = said.decode(errors="replace")[:300]
            raise ServerFailed(
                f"version {number} of {self._note.name} does not answer as {part.model}: {words}",
                hint=f"`aws logs tail /aws/lambda/{self._note.name}` shows what it wrote",
            )


def api_named(gateway: Any, name: str) -> Any:
    """Return the API of a name, None if there is none."""
    for page in gateway.get_paginator("get_apis").paginate():
        for api in page["Items"]:
            if api["Name"] == name:
                return api
    return None
