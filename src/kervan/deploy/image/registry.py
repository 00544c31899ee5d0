"""A registry of images, asked as the OCI distribution specification says.

https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md
"""

from __future__ import annotations

import base64
import hashlib
import http.client
import json
import os
import re
import ssl
import urllib.error
import urllib.parse
import urllib.request
from typing import IO, TYPE_CHECKING, Any, NoReturn

from kervan.core.errors import Corrupted, NotFound, Refused, ServerFailed
from kervan.deploy.image.credentials import credentials_for
from kervan.deploy.image.layout import (
    INDEX,
    INDICES,
    MANIFESTS,
    Descriptor,
    Layout,
    blobs_of,
    descriptors_of,
    read_json,
    to_json,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from kervan.deploy.reference import Reference

_PATIENCE = 60.0
_PIECE = 1 << 20
_LARGEST = 8 << 20  # bytes of a manifest that are read at all
_CHALLENGE = re.compile(r'(\w+)="([^"]*)"')
_ACCEPTED = ", ".join((*INDICES, *MANIFESTS))


class _Elsewhere(urllib.request.HTTPRedirectHandler):
    """What is fetched may lie elsewhere; the password for the registry does not go there."""

    def redirect_request(self, req: Any, fp: Any, code: int, msg: str, headers: Any, newurl: str) -> Any:
        """Follow, as is usual for GET and HEAD alone."""
        found = super().redirect_request(req, fp, code, msg, headers, newurl)
        if (
            found is not None
            and urllib.parse.urlsplit(newurl).netloc != urllib.parse.urlsplit(req.full_url).netloc
        ):
            found.remove_header("Authorization")
        return found


class Registry:
    """The place of one image in a registry. Errors name the registry's own message."""

    def __init__(self, reference: Reference) -> None:
        self.reference = reference
        self._base = f"{reference.url}/v2/{reference.path}"
        self._opener = urllib.request.build_opener(_Elsewhere)
        self._authority = ""

    def manifest(self, pointer: str) -> tuple[Descriptor, bytes]:
        """Return a manifest by tag or digest, or raise `NotFound`."""
        answer = self._ask("GET", f"/manifests/{pointer}", headers={"Accept": _ACCEPTED})
        content = self._read(answer, _LARGEST)
        digest = f"sha256:{hashlib.sha256(content).hexdigest()}"
        if pointer.startswith("sha256:") and digest != pointer:
            raise Corrupted(f"{self.reference.host} gave another manifest than {pointer}", hint="try again")
        kind = str(answer.headers.get_content_type())
        return Descriptor(kind=kind, digest=digest, size=len(content)), content

    def digest(self, pointer: str) -> str:
        """Return the digest of a manifest, or "" if there is none."""
        try:
            return self.manifest(pointer)[0].digest
        except NotFound:
            return ""

    def fetch(self, descriptor: Descriptor, file: Path) -> None:
        """Write a blob into a file, whole and checked, or not at all."""
        unfinished = file.with_suffix(f".{os.getpid()}")
        hashed = hashlib.sha256()
        try:
            with self._ask("GET", f"/blobs/{descriptor.digest}") as answer, unfinished.open("wb") as to:
                while piece := self._read(answer, _PIECE):
                    hashed.update(piece)
                    to.write(piece)
            if f"sha256:{hashed.hexdigest()}" != descriptor.digest:
                raise Corrupted(
                    f"{self.reference.host} gave another blob than {descriptor.digest}", hint="try again"
                )
            unfinished.replace(file)
        finally:
            unfinished.unlink(missing_ok=True)

    def has(self, descriptor: Descriptor) -> bool:
        """Say whether a blob is there."""
        try:
            self._ask("HEAD", f"/blobs/{descriptor.digest}").close()
        except NotFound:
            return False
        return True

    def send(self, descriptor: Descriptor, file: Path) -> None:
        """Put a blob there, unless it is."""
        if self.has(descriptor):
            return
        begun = self._ask("POST", "/blobs/uploads/", body=b"")
        begun.close()
        place = self._upload_place(begun.headers.get("Location"))
        joined = "&" if urllib.parse.urlsplit(place).query else "?"
        headers = {"Content-Type": "application/octet-stream", "Content-Length": str(descriptor.size)}
        with file.open("rb") as content:
            where = f"{place}{joined}digest={urllib.parse.quote(descriptor.digest)}"
            self._ask("PUT", where, body=content, headers=headers).close()

    def _upload_place(self, location: str | None) -> str:
        """Return where the registry wants a blob put, or raise `ServerFailed` if it names no such place."""
        try:
            place = urllib.parse.urljoin(f"{self._base}/", location or "")
        except ValueError:
            place = ""
        if not location or not place.startswith(("http://", "https://")):
            raise ServerFailed(
                f"the registry {self.reference.host} does not say where to put a blob: {location!r}",
                hint="is it a registry of images?",
            )
        return place

    def _read(self, answer: Any, size: int) -> bytes:
        try:
            return bytes(answer.read(size))
        except (OSError, http.client.HTTPException) as error:
            self._unreached(error)

    def tell(self, pointer: str, content: bytes, kind: str) -> Mapping[str, str]:
        """Put a manifest under a tag or its digest, and return the registry's headers."""
        answer = self._ask("PUT", f"/manifests/{pointer}", body=content, headers={"Content-Type": kind})
        answer.close()
        return {name.lower(): value for name, value in answer.headers.items()}

    def attach(self, descriptor: Descriptor, content: bytes, subject: Descriptor) -> None:
        """Put a manifest that belongs to another, so that those who look at that one find it."""
        told = self.tell(descriptor.digest, content, descriptor.kind)
        if "oci-subject" in told:
            return
        tag = subject.digest.replace(":", "-")  # where registries do not list such themselves
        try:
            known = descriptors_of(read_json(self.manifest(tag)[1], self.reference.host), "manifests")
        except NotFound:
            known = []
        kept = [each.told() for each in known if each.digest != descriptor.digest]
        index = {"schemaVersion": 2, "mediaType": INDEX, "manifests": [*kept, descriptor.told()]}
        self.tell(tag, to_json(index), INDEX)

    def _ask(
        self,
        method: str,
        path: str,
        *,
        body: bytes | IO[bytes] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Any:
        url = path if path.startswith("http") else f"{self._base}{path}"
        for attempt in range(2):
            try:
                request = urllib.request.Request(url, body, dict(headers or {}), method=method)  # noqa: S310
                is_here = urllib.parse.urlsplit(url).netloc == urllib.parse.urlsplit(self._base).netloc
                if self._authority and is_here:
                    request.add_header("Authorization", self._authority)
                return self._opener.open(request, timeout=_PATIENCE)
            except urllib.error.HTTPError as error:
                if (
                    error.code == 401
                    and attempt == 0
                    and self._enter(error.headers.get("WWW-Authenticate", ""))
                ):
                    if body is not None and not isinstance(body, bytes):
                        body.seek(0)
                    continue
                self._complain(error, f"{method} {path}")
            except (OSError, ValueError, http.client.HTTPException) as error:
                self._unreached(error)
        raise AssertionError  # pragma: no cover - the second attempt returns or raises

    def _enter(self, challenge: str) -> bool:
        """Get what opens the registry, as it asks for it; False if there is nothing to try."""
        known = credentials_for(self.reference.host)
        plain = ""
        if known is not None:
            plain = f"Basic {base64.b64encode(':'.join(known).encode()).decode()}"
        if challenge.lower().startswith("basic"):
            self._authority = plain
            return bool(plain)
        asked = dict(_CHALLENGE.findall(challenge))
        if not asked.get("realm", "").startswith(("http://", "https://")):
            return False
        if plain and self._base.startswith("https:") and not asked["realm"].startswith("https:"):
            raise Refused(
                f"{self.reference.host} would have the password sent in the clear, to {asked['realm']}",
                hint="ask whoever runs the registry to mend its configuration",
            )
        scope = f"repository:{self.reference.path}:pull,push" if known else asked.get("scope", "")
        query = urllib.parse.urlencode({"service": asked.get("service", ""), "scope": scope})
        request = urllib.request.Request(f"{asked['realm']}?{query}")  # noqa: S310
        if plain:
            request.add_header("Authorization", plain)
        try:
            with self._opener.open(request, timeout=_PATIENCE) as answer:
                told = read_json(answer.read(_LARGEST), asked["realm"])
        except (OSError, ValueError, Corrupted, http.client.HTTPException):
            return False
        token = told.get("token") or told.get("access_token")
        self._authority = f"Bearer {token}"
        return bool(token)

    def _complain(self, error: urllib.error.HTTPError, what: str) -> NoReturn:
        told = _message(error)
        where = (
            f"{self.reference.host}: {told}" if told else f"{self.reference.host}: {error.code} for {what}"
        )
        if error.code == 404:
            raise NotFound(
                f"{self.reference} is not there ({where})", hint="check its name and tag"
            ) from error
        if error.code in {401, 403}:
            raise Refused(
                f"the registry refuses {self.reference} ({where})",
                hint=f"`docker login {self.reference.host}` or `podman login {self.reference.host}` first",
            ) from error
        raise ServerFailed(f"the registry failed ({error.code}, {where})", hint="try again later") from error

    def _unreached(self, error: Exception) -> NoReturn:
        reason = getattr(error, "reason", error)
        hint = (
            "is its name right in [image] registry or base, and does it run? base may also be an OCI layout"
        )
        if isinstance(reason, ssl.SSLError):
            hint = "its certificate is not known here: SSL_CERT_FILE may name its authority"
        raise ServerFailed(f"cannot reach the registry {self.reference.host}: {reason}", hint=hint) from error


def _message(error: urllib.error.HTTPError) -> str:
    try:
        told = json.loads(error.read(_LARGEST))["errors"][0]
        detail = told.get("message") or told.get("code") or ""
    except (OSError, ValueError, LookupError, TypeError, AttributeError):
        return ""
    return f"{error.code} {detail}"


def pull(reference: Reference, platform: str, layout: Layout) -> Descriptor:
    """Fetch an image for one platform into a layout, what it holds already left out."""
    registry = Registry(reference)
    descriptor, content = registry.manifest(reference.pointer)
    if descriptor.kind in INDICES:
        listed = descriptors_of(read_json(content, reference.host), "manifests")
        chosen = for_platform(listed, platform)
        if chosen is None:
            raise Refused(f"{reference} is not there for {platform}", hint="change [image] base or platform")
        descriptor, content = registry.manifest(chosen.digest)
    for blob in blobs_of(read_json(content, reference.host)):
        if not layout.path(blob.digest).exists():
            registry.fetch(blob, layout.path(blob.digest))
    layout.put(content, descriptor.kind)
    return descriptor


def for_platform(manifests: list[Descriptor], platform: str) -> Descriptor | None:
    """Return the manifest of an index for `linux/amd64` or another platform."""
    system, _, machine = platform.partition("/")
    for each in manifests:
        if (each.platform.get("os"), each.platform.get("architecture")) == (system, machine):
            return each
    return None


def push(layout: Layout, reference: Reference, image: Descriptor, tell: Callable[[str], None]) -> None:
    """Put an image of a layout into a registry: its blobs, then its manifest under the tag.

    What belongs to the image, such as its bill of materials, goes with it. If anything fails, the tag still
    names what it named before.
    """
    registry = Registry(reference)
    attached = [each for each in layout.manifests if _subject(layout, each) == image.digest]
    for manifest in (image, *attached):
        for blob in blobs_of(layout.read(manifest)):
            tell(f"{blob.size / 1e6:.1f} MB {blob.digest[7:19]}")
            registry.send(blob, layout.path(blob.digest))
    content = layout.path(image.digest).read_bytes()
    registry.tell(image.digest, content, image.kind)
    for each in attached:
        registry.attach(each, layout.path(each.digest).read_bytes(), image)
    registry.tell(reference.tag, content, image.kind)


def _subject(layout: Layout, manifest: Descriptor) -> str:
    return str((layout.read(manifest).get("subject") or {}).get("digest", ""))
