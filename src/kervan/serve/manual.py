"""The document of a server as a page to read and to try: one file, and nothing from outside."""

from __future__ import annotations

import base64
import hashlib
import json
from html import escape
from typing import TYPE_CHECKING, Any

from kervan.serve.openapi import operations

if TYPE_CHECKING:
    from collections.abc import Iterable

_STYLE = """
:root{color-scheme:light dark;--line:#8884;--soft:#888;--mark:#b4532a}
body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}
h1{margin-bottom:0}h2{margin-top:2rem;border-bottom:1px solid var(--line)}
p.soft,small{color:var(--soft)}details{border:1px solid var(--line);border-radius:.4rem;margin:.5rem 0}
summary{cursor:pointer;padding:.4rem .8rem}summary code{font-weight:600}summary b{color:var(--mark)}
details>div{padding:.2rem .8rem .8rem}table{border-collapse:collapse;width:100%}
td,th{text-align:left;padding:.2rem .6rem .2rem 0;border-bottom:1px solid var(--line);vertical-align:top}
textarea,input{width:100%;box-sizing:border-box;font:14px/1.4 ui-monospace,monospace;padding:.4rem}
textarea{min-height:9rem}button{font:inherit;padding:.3rem 1rem;margin:.5rem 0}
pre{overflow:auto;background:#8881;padding:.6rem;border-radius:.3rem}
"""
_SCRIPT = """
for(const form of document.querySelectorAll("form[data-path]"))form.addEventListener("submit",async event=>{
  event.preventDefault();
  const shown=form.querySelector("pre"),key=document.querySelector("#key").value,headers={};
  if(form.dataset.method!=="GET")headers["content-type"]="application/json";
  if(key)headers["authorization"]="Bearer "+key;
  const area=form.querySelector("textarea"),started=performance.now();
  try{
    const request={method:form.dataset.method,headers,body:area?area.value:undefined};
    const reply=await fetch(form.dataset.path,request);
    const text=await reply.text(),took=Math.round((performance.now()-started)*10)/10;
    let nice=text;try{nice=JSON.stringify(JSON.parse(text),null,2)}catch{}
    shown.textContent=reply.status+" "+reply.statusText+"  "+took+" ms\\n\\n"+nice;
  }catch(error){shown.textContent=String(error)}
  shown.hidden=false;
});
"""


def _hash(content: str) -> str:
    return base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()


POLICY = (
    "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'; connect-src 'self'; "
    f"style-src 'sha256-{_hash(_STYLE)}'; script-src 'sha256-{_hash(_SCRIPT)}'"
)


def page(told: dict[str, Any]) -> str:
    """Return the page for an OpenAPI document of ours."""
    every = list(operations(told))
    typed = [each for each in every if _example(each[2]) is not None]
    others = [each for each in every if _example(each[2]) is None]
    key = (
        '<p><label>Key <input id="key" type="password" autocomplete="off" placeholder="kv_…"></label></p>'
        if "securitySchemes" in told["components"]
        else '<input id="key" type="hidden">'
    )
    models = "".join(_columns(name, schema) for name, schema in told["components"]["schemas"].items())
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Kervan</title>'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<style>{_STYLE}</style></head><body><h1>Kervan</h1>"
        f'<p class="soft">{escape(told["info"]["summary"])}. For programs: '
        f'<a href="openapi.json">openapi.json</a></p>{key}'
        f"<h2>Ask</h2>{_list(typed)}<h2>What the models take</h2>{models}"
        f"<h2>Other ways in</h2>{_list(others)}<script>{_SCRIPT}</script></body></html>"
    )


def _list(operations_: Iterable[tuple[str, str, dict[str, Any]]]) -> str:
    return "".join(_operation(method, path, operation) for method, path, operation in operations_)


def _operation(method: str, path: str, operation: dict[str, Any]) -> str:
    example = _example(operation)
    can_try = example is not None or (method == "GET" and "{" not in path)
    area = "" if example is None else f"<textarea>{escape(example)}</textarea>"
    form = (
        f'<form data-method="{method}" data-path="{escape(path)}">{area}<button>Try</button>'
        "<pre hidden></pre></form>"
    )
    answers = "".join(
        f"<tr><td>{status}</td><td>{escape(answer['description'])}</td></tr>"
        for status, answer in operation["responses"].items()
    )
    return (
        f"<details{' open' if example is not None and path == '/predict' else ''}>"
        f"<summary><b>{method}</b> <code>{escape(path)}</code> <small>{escape(operation['summary'])}</small>"
        f"</summary><div>{form if can_try else ''}<table>{answers}</table></div></details>"
    )


def _example(operation: dict[str, Any]) -> str | None:
    """Return the first example of a body, or None."""
    content = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
    for example in content.get("examples", {}).values():
        return json.dumps(example["value"], indent=2, ensure_ascii=False)
    return None


def _columns(name: str, schema: dict[str, Any]) -> str:
    if name == "Problem":
        return ""
    rows = "".join(
        f"<tr><td><code>{escape(column)}</code></td><td>{escape(_kind(told))}</td>"
        f"<td>{'' if column in schema['required'] else 'may be missing'}</td>"
        f"<td>{escape(_limits(told))}</td></tr>"
        for column, told in schema["properties"].items()
    )
    return f"<details><summary>{escape(schema['title'])}</summary><div><table>{rows}</table></div></details>"


def _kind(told: dict[str, Any]) -> str:
    kind = told["type"] if isinstance(told["type"], str) else told["type"][0]
    return f"{told['format']}" if "format" in told else str(kind)


def _limits(told: dict[str, Any]) -> str:
    if "enum" in told:
        return ", ".join(str(each) for each in told["enum"][:20] if each is not None)
    if "examples" in told:
        return ", ".join(told["examples"]) + " …"
    low, high = told.get("minimum", -1e38), told.get("maximum", 1e38)
    least = "" if low < -1e37 else f"from {low:g} "
    most = "" if high > 1e37 else f"up to {high:g} "
    return f"{least}{most}{told.get('description', '')}".strip()
