"""An account of AWS: where it is asked, with whose credentials, and what its errors mean.

Credentials are found by the library itself (variables, profiles, roles), and are written nowhere.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from kervan.core.errors import InvalidConfig, ServerFailed
from kervan.core.plugins import extras_named
from kervan.deploy.targets.findings import failed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from kervan.core.nouns import Finding

_ABSENT = frozenset({"ResourceNotFoundException", "NotFoundException", "NoSuchEntity", "RuleNotFound"})
_NOT_THERE = (
    "could not find",
    "does not exist",
    "cannot find",
    "not found",
    "unable to describe task definition",
)
_TIRED = frozenset({"Throttling", "ThrottlingException", "TooManyRequestsException"})
_HINTS = {
    "AccessDenied": "give whoever deploys the right to this call, in IAM",
    "AccessDeniedException": "give whoever deploys the right to this call, in IAM",
    "UnauthorizedOperation": "give whoever deploys the right to this call, in IAM",
    "UnrecognizedClientException": "AWS does not know these credentials: `aws sts get-caller-identity`",
    "InvalidClientTokenId": "AWS does not know these credentials: `aws sts get-caller-identity`",
    "ExpiredToken": "log in again: `aws sso login`",
    "ExpiredTokenException": "log in again: `aws sso login`",
    "LimitExceededException": "ask AWS for a higher quota, or remove what is not used",
    "ResourceLimitExceeded": "ask AWS for a higher quota, or remove what is not used",
    "ServiceQuotaExceededException": "ask AWS for a higher quota, or remove what is not used",
    "ResourceConflictException": "something else changes it just now: try again in a moment",
    "ResourceInUse": "something else changes it just now: try again in a moment",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class AwsSettings:
    """What every place of AWS is told: where, in whose name, and what its resources are tagged with.

    Without a `region` that of the credentials' profile counts; `endpoint_url` asks an emulator instead.
    """

    region: str = ""
    endpoint_url: str = ""
    role: str = ""
    tags: dict[str, str] = field(default_factory=dict)


def client(service: str, region: str, endpoint_url: str) -> Any:
    """Return boto3's client of a service; see `told_by_aws` for what it raises."""
    with extras_named():
        import boto3
    session = boto3.Session(region_name=region or None)  # not the shared one, which keeps old credentials
    return session.client(service, endpoint_url=endpoint_url or None)


@contextmanager
def told_by_aws(what: str) -> Iterator[None]:
    """Turn errors of AWS into `ServerFailed` that names the call, AWS' own words, and what to do."""
    with extras_named():
        from botocore import exceptions as raised
    try:
        yield
    except raised.ClientError as error:
        said = error.response.get("Error", {})
        code = said.get("Code", "")
        hint = _HINTS.get(code, "try again in a moment" if code in _TIRED else "")
        raise ServerFailed(
            f"{what}: AWS refused {error.operation_name}: {said.get('Message') or code}", hint=hint
        ) from error
    except raised.NoRegionError as error:
        raise InvalidConfig(
            f"{what}: no region is named", hint='[targets.…] region = "eu-central-1"'
        ) from error
    except (raised.NoCredentialsError, raised.PartialCredentialsError) as error:
        raise ServerFailed(f"{what}: {error}", hint="`aws configure sso`, or set AWS_PROFILE") from error
    except raised.WaiterError as error:
        raise ServerFailed(f"{what}: it does not come up: {_reason(error)}") from error
    except (raised.BotoCoreError, ValueError) as error:
        raise ServerFailed(f"{what}: {error}", hint="is the region right, and AWS reachable?") from error


def _reason(error: Any) -> str:
    last = error.last_response
    for name in ("FailureReason", "LastUpdateStatusReason", "StateReason"):
        found = last.get(name) or last.get("Configuration", {}).get(name)
        if found:
            return str(found)
    return str(error)


def ask(call: Callable[..., Any], **body: Any) -> Any:
    """Return what a call answers, None if what it asks for is not there."""
    from botocore.exceptions import ClientError

    try:
        return call(**body)
    except ClientError as error:
        said = error.response.get("Error", {})
        words = said.get("Message", "").lower()
        if said.get("Code") in _ABSENT or any(each in words for each in _NOT_THERE):
            return None
        raise


def look_at_account(service: str, settings: AwsSettings) -> Iterator[Finding]:
    """Say what is missing before anything can be sent: credentials, a region that has the service."""
    with extras_named():
        import boto3
    session = boto3.Session(region_name=settings.region or None)
    region = session.region_name
    if region is None:
        yield failed("region", "targets", "no region is named", 'region = "eu-central-1"')
    elif not settings.endpoint_url and region not in _regions(session, service):
        yield failed(
            "region",
            region,
            f"AWS has no {service} in {region!r}, as far as boto3 knows",
            "name another region",
        )
    if session.get_credentials() is None:
        yield failed(
            "credentials", "AWS", "there are no credentials", "`aws configure sso`, or set AWS_PROFILE"
        )


def _regions(session: Any, service: str) -> set[str]:
    partitions = session.get_available_partitions()
    return {each for partition in partitions for each in session.get_available_regions(service, partition)}


def tag_list(tags: Mapping[str, str]) -> list[dict[str, str]]:
    """Return tags as most services want them."""
    return [{"Key": name, "Value": value} for name, value in sorted(tags.items())]
