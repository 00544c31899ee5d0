"""What a release is on AWS Lambda: one function, a published version of it for each package, one alias.

Pure: settings and packages in, bodies of calls out. A version is known by its description, which names the
package and a hash of all that it runs with, so that what is published already is not published again.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import msgspec

from kervan.core.errors import InvalidConfig, did_you_mean
from kervan.core.places import PACKAGE
from kervan.deploy.targets.aws.account import AwsSettings
from kervan.deploy.targets.aws.limits import RUNTIME_CLIENT
from kervan.deploy.targets.aws.parts import Note, Part, digest_of
from kervan.deploy.targets.told import told

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from kervan.deploy.workload import Unit, Workload

CODE = "/var/task"  # where a ZIP lies
IN_ZIP = "package"  # where a package lies in it
KEYS_IN_ZIP = "access.json"
HANDLER = "handler.aws"  # in a ZIP: `deploy/bundle.py` writes the file
DOORS = ("iam", "public", "none")
_MIB = 1 << 20
_ARCHITECTURES = {"linux/amd64": "x86_64", "linux/arm64": "arm64"}
_NOT_HERE = frozenset({"KERVAN_PLATFORM", "KERVAN_PROXY", "KERVAN_GRPC_PORT"})


@dataclass(frozen=True, slots=True, kw_only=True)
class LambdaSettings(AwsSettings):
    """`[targets.lambda]` and `[targets.lambda-image]`.

    `role` is the ARN of the role that the function has. `url` says who may ask the function's own URL: who
    signs with `iam`, the `public` (then keys are needed), or nobody (`none`). `api` puts an HTTP API of API
    Gateway in front. A ZIP over 50 MB goes by way of `bucket`. `memory` is in MiB, where [release] memory
    says nothing; `seconds` is how long an answer may take.
    """

    url: str = "iam"
    api: bool = False
    alias: str = "live"
    bucket: str = ""
    python: str = "3.12"
    memory: int = 1024
    seconds: int = 30
    variables: dict[str, str] = field(default_factory=dict)


def bodies(workload: Workload, settings: LambdaSettings, *, is_image: bool) -> dict[str, Any]:
    """Return the bodies of all calls by their commands, and the note."""
    if settings.url not in DOORS:
        raise InvalidConfig(
            f"[targets.{workload.plan.target}] url: {settings.url!r} is unknown",
            hint=did_you_mean(settings.url, DOORS),
        )
    function = _function(workload, settings, is_image=is_image)
    note = Note(
        name=workload.name,
        region=settings.region,
        endpoint_url=settings.endpoint_url,
        parts=tuple(_part(unit, function, is_image=is_image) for unit in workload.units),
        facts={"alias": settings.alias, "bucket": settings.bucket, "url": settings.url},
    )
    qualified = {"FunctionName": workload.name, "Qualifier": settings.alias}
    door = {"public": "NONE", "iam": "AWS_IAM"}.get(settings.url)
    api = {"Name": workload.name, "ProtocolType": "HTTP", "Tags": function["Tags"]}
    return {
        "create-function": function,
        "create-function-url-config": {**qualified, "AuthType": door} if door else None,
        "create-api": api if settings.api else None,
        **dict(_permissions(qualified, settings)),
        **{
            f"sample.{unit.label}": unit.manifest.samples[0]
            for unit in workload.units
            if unit.manifest.samples
        },
        "release": msgspec.to_builtins(note),
    }


def _function(workload: Workload, settings: LambdaSettings, *, is_image: bool) -> dict[str, Any]:
    code: dict[str, Any] = {
        "PackageType": "Zip",
        "Runtime": f"python{settings.python}",
        "Handler": HANDLER,
    }
    if is_image:
        start = {
            "EntryPoint": ["python", "-m", RUNTIME_CLIENT],
            "Command": ["kervan.serve.function.aws"],
        }
        code = {"PackageType": "Image", "ImageConfig": start}
    return {
        "FunctionName": workload.name,
        **code,
        "Role": settings.role,
        "Architectures": [_ARCHITECTURES[workload.plan.image.platform]],
        "MemorySize": -(-workload.plan.memory // _MIB) or settings.memory,
        "Timeout": settings.seconds,
        "Environment": {"Variables": _variables(workload, settings, is_image=is_image)},
        "Tags": {"managed-by": "kervan", "environment": workload.environment, **settings.tags},
    }


def _variables(workload: Workload, settings: LambdaSettings, *, is_image: bool) -> dict[str, str]:
    has_keys = bool(workload.plan.keys) and not is_image
    return {
        "KERVAN_PACKAGE": PACKAGE if is_image else f"{CODE}/{IN_ZIP}",
        "KERVAN_RECORDS": "log",
        **{name: value for name, value in told(workload).items() if name not in _NOT_HERE},
        **({"KERVAN_KEYS": f"{CODE}/{KEYS_IN_ZIP}"} if has_keys else {}),
        **settings.variables,
    }


def _part(unit: Unit, function: Mapping[str, Any], *, is_image: bool) -> Part:
    # Not the deployment: a version that stays is not published anew because another one comes beside it.
    variables = {**function["Environment"]["Variables"], "KERVAN_DEPLOYMENT": ""}
    runs = {**function, "Environment": variables, "Tags": {}, "package": unit.manifest.hash}
    return Part(
        model=str(unit.manifest.ref),
        label=unit.label,
        digest=digest_of(runs),
        code=unit.image if is_image else f"{unit.manifest.version}.zip",
        role=unit.role,
        percent=unit.share * 100,
    )


def _permissions(qualified: Mapping[str, str], settings: LambdaSettings) -> Iterator[tuple[str, Any]]:
    """Yield who may invoke: of a public URL everybody, by two statements, as AWS asks for since 2025."""
    if settings.url != "public":
        return
    everybody = {**qualified, "Principal": "*"}
    ask = {"StatementId": "kervan-url", "Action": "lambda:InvokeFunctionUrl", "FunctionUrlAuthType": "NONE"}
    run = {"StatementId": "kervan-run", "Action": "lambda:InvokeFunction", "InvokedViaFunctionUrl": True}
    yield "add-permission.url", {**everybody, **ask}
    yield "add-permission.run", {**everybody, **run}
