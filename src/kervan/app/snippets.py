"""Lines that ask an environment's model: for a shell, in Python, in JavaScript.

Where keys are needed, they take one from the variable KERVAN_KEY.
"""

from __future__ import annotations

import json
import shlex
from typing import TYPE_CHECKING, Any

from kervan.deploy.client import KEY

if TYPE_CHECKING:
    from collections.abc import Mapping

    from kervan.core.nouns import Deployment

_JSON = {"content-type": "application/json"}


def address_of(deployment: Deployment) -> str:
    """Return where rows are sent to."""
    return f"{deployment.endpoint}/predict"


def curl(deployment: Deployment, row: Mapping[str, Any]) -> str:
    """Return the line that asks for a row in a shell."""
    plan = deployment.plan
    parts = ["curl", "-s", shlex.quote(address_of(deployment))]
    parts += ["--cacert", shlex.quote(plan.certificate)] if plan.certificate else []
    parts += ["-H", f'"authorization: Bearer ${KEY}"'] if plan.keys else []
    parts += ["-H", "'content-type: application/json'", "-d", shlex.quote(_body(row))]
    return " ".join(parts)


def python(deployment: Deployment, row: Mapping[str, Any]) -> str:
    """Return a program of Python's own modules that asks for a row."""
    plan = deployment.plan
    headers = [f"{name!r}: {value!r}" for name, value in _JSON.items()]
    headers += [f"'authorization': 'Bearer ' + os.environ[{KEY!r}]"] if plan.keys else []
    trust = f"ssl.create_default_context(cafile={plan.certificate!r})"
    context = f", context={trust}" if plan.certificate else ""
    others = [*(["os"] if plan.keys else []), *(["ssl"] if plan.certificate else [])]
    return "\n".join(
        [
            *(f"import {each}" for each in ("json", *others, "urllib.request")),
            "",
            f"row = {dict(row)!r}",
            "body = json.dumps({'features': row}).encode()",
            f"headers = {{{', '.join(headers)}}}",
            f"request = urllib.request.Request({address_of(deployment)!r}, body, headers)",
            f"with urllib.request.urlopen(request{context}) as answer:",
            "    print(json.load(answer)['predictions'][0])",
        ]
    )


def javascript(deployment: Deployment, row: Mapping[str, Any]) -> str:
    """Return a program for Node.js that asks for a row."""
    headers = [f'"{name}": "{value}"' for name, value in _JSON.items()]
    headers += [f'"authorization": `Bearer ${{process.env.{KEY}}}`'] if deployment.plan.keys else []
    return "\n".join(
        [
            f"const answer = await fetch({json.dumps(address_of(deployment))}, {{",
            '  method: "POST",',
            f"  headers: {{{', '.join(headers)}}},",
            f"  body: JSON.stringify({_body(row)}),",
            "});",
            "console.log((await answer.json()).predictions[0]);",
        ]
    )


def _body(row: Mapping[str, Any]) -> str:
    return json.dumps({"features": dict(row)}, ensure_ascii=False)
