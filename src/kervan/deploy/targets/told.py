"""What a container is told by its environment, wherever it runs: `kervan.serve.container` reads it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from kervan.core.errors import Refused
from kervan.core.keeping import KEEP_ALL
from kervan.core.places import PORT

if TYPE_CHECKING:
    from kervan.core.serving import Plan
    from kervan.deploy.workload import Workload

GRPC_PORT = PORT + 1  # where the plan takes any


def told(workload: Workload) -> dict[str, str]:
    """Return the variables that are not as a container takes them anyway.

    Raises `Refused` for pseudonyms in records: their key is a file here, and is written into no manifest.
    """
    plan = workload.plan
    if plan.keeping.hash:
        raise Refused(
            "pseudonyms need a key, which lies on this machine alone",
            hint="leave these columns out of the records: leave_out",
        )
    grpc = grpc_port(plan)
    kept = "" if plan.keeping == KEEP_ALL else msgspec.json.encode(plan.keeping).decode()
    values = {
        "KERVAN_ENVIRONMENT": workload.environment,
        "KERVAN_DEPLOYMENT": workload.deployment,
        "KERVAN_GRPC_PORT": "" if grpc is None else str(grpc),
        "KERVAN_PLATFORM": "1" if plan.platform else "",
        "KERVAN_PROXY": "" if plan.platform else plan.proxy,
        "KERVAN_RATE": plan.rate,
        "KERVAN_SLOW": "" if plan.slow == 1 else f"{plan.slow:g}",
        "KERVAN_KEEPING": kept,
    }
    return {name: value for name, value in values.items() if value}


def grpc_port(plan: Plan) -> int | None:
    """Return the port for gRPC inside of a container, None if there is none.

    >>> from kervan.core.serving import Plan
    >>> grpc_port(Plan()), grpc_port(Plan(grpc_port=0)), grpc_port(Plan(grpc_port=9000))
    (None, 8081, 9000)
    """
    return None if plan.grpc_port is None else plan.grpc_port or GRPC_PORT
