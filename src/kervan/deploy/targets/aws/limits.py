"""What AWS would refuse of a release, said before anything is sent.

The figures are those of AWS' own pages of quotas. A quota that was raised for an account is not known here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kervan.core.serving import ShareRole
from kervan.deploy.targets.findings import failed, warned

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from kervan.core.nouns import Finding
    from kervan.core.serving import Plan
    from kervan.deploy.targets.aws.parts import Part

LEAST_MEMORY, MOST_MEMORY = 128, 10_240  # MiB of a function
MOST_SECONDS = 900  # of an answer
LAMBDA_REQUEST = 6 << 20  # bytes of a request, and of an answer
RUNTIME_CLIENT = "awslambdaric"  # what an image needs to be one of Lambda's
_ECR = ".dkr.ecr."


def look_at_function(body: Mapping[str, Any], plan: Plan, url: str) -> Iterator[Finding]:
    """Say what of a function is over Lambda's limits, or missing."""
    name, memory, seconds = body["FunctionName"], body["MemorySize"], body["Timeout"]
    is_image = body["PackageType"] == "Image"
    if not LEAST_MEMORY <= memory <= MOST_MEMORY:
        said = f"a function has {LEAST_MEMORY} to {MOST_MEMORY} MiB, not {memory}"
        yield failed("memory", name, said, "[release] memory")
    if not 1 <= seconds <= MOST_SECONDS:
        yield failed("seconds", name, f"a function runs for 1 to {MOST_SECONDS} s, not {seconds}", "seconds")
    if not body["Role"]:
        yield failed("role", name, "the function has no role", 'role = "arn:aws:iam::123456789012:role/…"')
    if url == "public" and (is_image or not plan.keys):
        why = "an image carries no file of keys" if is_image else "there are no keys"
        hint = 'url = "iam", or a ZIP with keys: `kervan key create`'
        yield failed("door", name, f"the URL would be open to everybody: {why}", hint)
    if is_image and not any(each.startswith(RUNTIME_CLIENT) for each in plan.image.requirements):
        hint = f'[image] requirements = ["{RUNTIME_CLIENT}==4.2.2"]'
        yield failed("runtime", name, f"the image lacks {RUNTIME_CLIENT}, which speaks with Lambda", hint)
    yield from look_at_unused(plan)


def look_at_traffic(name: str, parts: Sequence[Part], plan: Plan, most: int) -> Iterator[Finding]:
    """Say what of the division of traffic cannot be: at most so many get a share beside the main version."""
    candidates = [part for part in parts if part.role is ShareRole.CANDIDATE]
    if len(candidates) > most:
        said = f"{1 + len(candidates)} versions would share the traffic, and there can be {1 + most}"
        yield failed("traffic", name, said, "release one candidate at a time")
    if plan.rule or plan.sticky:
        wanted = "who gets which version by a rule" if plan.rule else "that callers stay with a version"
        yield failed("traffic", name, f"AWS deals by chance here, and you want {wanted}", "leave it out")


def look_at_unused(plan: Plan) -> Iterator[Finding]:
    """Say which settings mean nothing for a function."""
    if plan.cpu:
        yield warned("cpu", "plan", "a function's CPU follows from its memory: [release] cpu is not used")
    if plan.workers > 1 or plan.most_workers:
        yield warned("workers", "plan", "functions come and go by themselves: [release] workers is not used")
    if plan.grpc_port is not None:
        yield warned("grpc", "plan", "a function speaks no gRPC: [release] grpc_port is not used")


def look_at_registry(images: Sequence[str], endpoint_url: str) -> Iterator[Finding]:
    """Say where an image lies in no registry of AWS."""
    for image in images:
        if _ECR not in image and not endpoint_url:
            hint = '[image] registry = "123456789012.dkr.ecr.eu-central-1.amazonaws.com/kervan"'
            yield failed("image", image, f"AWS takes images from ECR alone, not {image}", hint)
