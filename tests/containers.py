"""What tests of images share: a base, a registry and a podman that are real, each made once and cached.

The base is put together from a closed list of Debian's packages: the real files of Python and its libraries,
without the scripts that an installation would run. `podman` has storage of its own; the runtime is told to
leave limits of open files alone, which not every root may raise.
"""

from __future__ import annotations

import fcntl
import hashlib
import io
import os
import shutil
import socket
import subprocess
import sys
import tarfile
import tempfile
import time
import urllib.request
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from kervan.core.places import ImageSettings
from kervan.deploy.client import ask
from kervan.deploy.image.build import Image, Order, build
from kervan.deploy.image.engine import Engine
from kervan.deploy.image.layout import CONFIG, LAYER, MANIFEST, Descriptor, Layout, to_json
from kervan.deploy.image.needs import of_kervan, pins
from kervan.deploy.workload import image_of
from kervan.package.contents.readers.any import parse_manifest
from kervan.package.contents.signing import SigningKey
from kervan.testing.sample import SECRET, make_package
from tools import tool

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

PLATFORM = {"x86_64": "linux/amd64", "aarch64": "linux/arm64"}[os.uname().machine]
CACHE = Path(tempfile.gettempdir()) / f"kervan-test-images-{os.getuid()}"
_PACKAGES = """
    base-files coreutils dash gcc-12-base libacl1 libattr1 libbz2-1.0 libc6 libcrypt1 libdb5.3 libexpat1
    libffi8 libgcc-s1 libgmp10 liblzma5 libncursesw6 libnsl2 libpcre2-8-0 libpython3.11-minimal
    libpython3.11-stdlib libreadline8 libselinux1 libsqlite3-0 libssl3 libstdc++6 libtinfo6 libtirpc3
    libuuid1 media-types netbase python3-minimal python3.11-minimal zlib1g
"""
_MERGED = ("bin", "lib", "lib64", "sbin")  # folders that are links into /usr
_USERS = "root:x:0:0:root:/root:/bin/sh\nkervan:x:10001:10001::/opt/kervan:/bin/false\n"
_ONE_BY_ONE = """#!/bin/sh
case $1 in
  run|start|stop|rm|pod|play|kube|network|restart) exec flock -o "{folder}/network.lock" "{program}" "$@" ;;
esac
exec "{program}" "$@"
"""
_SHIM = """#!{python} -IS
import json, os, sys

arguments = sys.argv[1:]
for place, each in enumerate(arguments):
    if each in ("--bundle", "-b"):
        file = os.path.join(arguments[place + 1], "config.json")
        with open(file) as content:
            told = json.load(content)
        told["process"].pop("rlimits", None)
        with open(file, "w") as content:
            json.dump(told, content)
os.execv("{runc}", ["runc", *arguments])
"""


@contextmanager
def _alone(name: str) -> Iterator[Path]:
    """Hold a lock on something in the cache, so that of several processes one makes it."""
    CACHE.mkdir(parents=True, exist_ok=True)
    with (CACHE / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield CACHE / name


def _demand(condition: object, reason: str) -> None:
    if not condition:
        if os.environ.get("KERVAN_REQUIRE_SERVICES") == "1":
            pytest.fail(reason)
        pytest.skip(reason)


@pytest.fixture(scope="session")
def base_image() -> Path:
    """An OCI layout of Debian with Python 3.11, for this machine's platform."""
    tool("apt-get")
    uris = ["apt-get", "download", "--print-uris", *_PACKAGES.split()]
    asked = subprocess.run(uris, capture_output=True, text=True, check=False)
    if asked.returncode:
        subprocess.run(["apt-get", "update", "-qq"], capture_output=True, check=False)
        asked = subprocess.run(uris, capture_output=True, text=True, check=False)
    _demand(asked.returncode == 0, f"Debian's packages are not to be had: {asked.stderr.strip()[-200:]}")
    key = hashlib.sha256(asked.stdout.encode() + Path(__file__).read_bytes()).hexdigest()[:16]
    with _alone(f"base-{key}") as folder:
        if not folder.exists():
            with tempfile.TemporaryDirectory(dir=CACHE) as scratch:
                _make_base(Path(scratch))
                (Path(scratch) / "layout").replace(folder)
    return folder


def _make_base(scratch: Path) -> None:
    tree, debs = scratch / "tree", scratch / "debs"
    debs.mkdir()
    command = ["apt-get", "download", "-o", "APT::Sandbox::User=root", *_PACKAGES.split()]
    subprocess.run(command, cwd=debs, check=True, capture_output=True)
    for folder in ("usr", "etc", "tmp", "run", "dev", "proc", "sys", "root", "var/lib/dpkg"):
        (tree / folder).mkdir(parents=True)
    for name in _MERGED:
        (tree / "usr" / name).mkdir()
        (tree / name).symlink_to(f"usr/{name}")
    status = ""
    for deb in sorted(debs.glob("*.deb")):
        plain = subprocess.run(["dpkg-deb", "--fsys-tarfile", deb], check=True, capture_output=True).stdout
        with tarfile.open(fileobj=io.BytesIO(plain)) as archive:
            archive.extractall(tree, members=_merged(archive), filter="tar")
        control = subprocess.run(["dpkg-deb", "-f", deb], check=True, capture_output=True, text=True).stdout
        status += control.replace("\n", "\nStatus: install ok installed\n", 1) + "\n"
    (tree / "var/lib/dpkg/status").write_text(status)
    (tree / "etc/passwd").write_text(_USERS)
    (tree / "etc/group").write_text("root:x:0:\nkervan:x:10001:\n")
    with suppress(FileExistsError):
        (tree / "usr/bin/sh").symlink_to("dash")
    shutil.rmtree(tree / "usr/share/doc", ignore_errors=True)
    shutil.rmtree(tree / "usr/share/man", ignore_errors=True)
    (tree / "tmp").chmod(0o1777)
    _write_layout(tree, scratch / "layout")


def _merged(archive: tarfile.TarFile) -> Iterator[tarfile.TarInfo]:
    """Put what packages still place into `/lib` or `/bin` under `/usr`, as installed systems have it."""
    for each in archive:
        path = each.name.removeprefix("./")
        if path.partition("/")[0] in _MERGED:
            each.name = f"usr/{path}"
            if each.islnk():
                each.linkname = f"usr/{each.linkname.removeprefix('./')}"
        if path.strip("/") and not (each.isdir() and path.strip("/") in _MERGED):
            yield each


def _write_layout(tree: Path, folder: Path) -> None:
    layout = Layout.at(folder)
    plain = tree.with_suffix(".tar")
    with tarfile.open(plain, "w", format=tarfile.PAX_FORMAT) as archive:
        archive.add(tree, ".", filter=_plainly)
    packed = subprocess.run(["gzip", "-n1c", plain], check=True, capture_output=True).stdout
    layer = layout.put(packed, LAYER)
    architecture = PLATFORM.partition("/")[2]
    config = {
        "architecture": architecture,
        "os": "linux",
        "config": {"Env": ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"]},
        "history": [{"created_by": "apt-get download, dpkg-deb --fsys-tarfile"}],
        "rootfs": {
            "type": "layers",
            "diff_ids": [f"sha256:{hashlib.sha256(plain.read_bytes()).hexdigest()}"],
        },
    }
    content = {
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "config": layout.put(to_json(config), CONFIG).told(),
        "layers": [layer.told()],
    }
    found = layout.put(to_json(content), MANIFEST)
    platform = {"os": "linux", "architecture": architecture}
    layout.name(Descriptor(kind=MANIFEST, digest=found.digest, size=found.size, platform=platform), "base")


def _plainly(told: tarfile.TarInfo) -> tarfile.TarInfo:
    told.uid = told.gid = told.mtime = 0
    told.uname = told.gname = ""
    return told


@pytest.fixture(scope="session")
def wheelhouse() -> Path:
    """A folder of wheels for what answers predictions, for `[image] wheels`: then no index is asked."""
    needed = [*of_kervan("")]
    key = hashlib.sha256("\n".join([*needed, *pins(needed), sys.version]).encode()).hexdigest()[:16]
    with _alone(f"wheels-{key}") as folder:
        if not folder.exists():
            with tempfile.TemporaryDirectory(dir=CACHE) as scratch:
                constraints = Path(scratch) / "constraints.txt"
                constraints.write_text("\n".join(pins(needed)))
                to = Path(scratch) / "wheels"
                command = [sys.executable, "-m", "pip", "download", "-q", "--disable-pip-version-check"]
                command += ["--only-binary=:all:", "--python-version", "3.11", "-c", str(constraints)]
                command += [part for each in _platforms() for part in ("--platform", each)]
                done = subprocess.run([*command, "-d", str(to), *needed], capture_output=True, check=False)
                _demand(done.returncode == 0, f"wheels are not to be had: {done.stderr.decode()[-300:]}")
                to.replace(folder)
    return folder


def _platforms() -> list[str]:
    return [
        *(f"manylinux_2_{number}_{os.uname().machine}" for number in (17, 26, 27, 28, 34)),
        "manylinux2014_x86_64",
    ]


@pytest.fixture(scope="session")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A real registry on a free port of this machine; gives its host."""
    program = tool("docker-registry")
    folder = tmp_path_factory.mktemp("registry")
    with socket.create_server(("127.0.0.1", 0)) as held:
        host = f"127.0.0.1:{held.getsockname()[1]}"
    (folder / "config.yml").write_text(
        f"version: 0.1\nstorage: {{filesystem: {{rootdirectory: {folder}/data}}}}\n"
        f"http: {{addr: '{host}'}}\nlog: {{level: error, accesslog: {{disabled: true}}}}\n"
    )
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen([program, "serve", folder / "config.yml"], stdout=log, stderr=log)
    try:
        _until_answers(f"http://{host}/v2/")
        yield host
    finally:
        process.terminate()
        process.wait(timeout=10)


def _until_answers(url: str, seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while True:
        try:
            return urllib.request.urlopen(url, timeout=5).close()
        except OSError:
            assert time.monotonic() < deadline, f"{url} does not answer"
            time.sleep(0.05)


@dataclass(frozen=True)
class Podman:
    """Podman with storage of its own; `environ` is what other processes need to use the same."""

    program: str
    environ: dict[str, str]
    loaded: list[str] = field(default_factory=list)

    def __call__(self, *arguments: object, check: bool = True) -> str:
        """Run it, and return what it wrote."""
        done = self.run(*arguments)
        assert done.returncode == 0 or not check, done.stderr
        return done.stdout.strip()

    def run(self, *arguments: object) -> subprocess.CompletedProcess[str]:
        """Run it, whatever comes of it."""
        command = [self.program, *map(str, arguments)]
        return subprocess.run(
            command, env=os.environ | self.environ, capture_output=True, text=True, check=False
        )

    def load(self, image: Image) -> str:
        """Take an image that was made, under its reference, which is returned."""
        Engine("podman", self.program).load(image.layout, image.reference, image.digest)
        self.loaded.append(image.reference)
        return image.reference


@pytest.fixture(scope="session")
def _podman_home() -> Iterator[Podman]:
    """One home for all processes that run tests: of several, each would undo the networks of the others.

    Even so podman's rules for networks do not take two that come at the same time.
    """
    program, runc = tool("podman"), tool("runc")
    with _alone("podman") as folder:
        for name in ("networks", "bin"):
            (folder / name).mkdir(parents=True, exist_ok=True)
        for name, text in _told_podman(folder, program, runc).items():
            fresh = folder / f"fresh.{os.getpid()}"
            fresh.write_text(text)
            fresh.chmod(0o755)
            fresh.replace(folder / name)
        environ = {
            "PATH": f"{folder}/bin:{os.environ['PATH']}",
            "CONTAINERS_CONF": str(folder / "containers.conf"),
            "CONTAINERS_STORAGE_CONF": str(folder / "storage.conf"),
            "CONTAINERS_REGISTRIES_CONF": str(folder / "registries.conf"),
        }
        found = Podman(str(folder / "bin/podman"), environ)
        found("info")  # which makes its storage
    yield found
    found.run("rmi", "--force", *found.loaded)


def _told_podman(folder: Path, program: str, runc: str) -> dict[str, str]:
    return {
        "bin/podman": _ONE_BY_ONE.format(folder=folder, program=program),
        "shim": _SHIM.format(python=sys.executable, runc=runc),
        "containers.conf": (
            '[containers]\ndefault_ulimits = ["nofile=1024:4096", "nproc=2048:4096"]\n'
            'log_driver = "k8s-file"\n'
            '[engine]\nruntime = "shim"\ncgroup_manager = "cgroupfs"\nevents_logger = "file"\n'
            f'static_dir = "{folder}/static"\ntmp_dir = "{folder}/tmp"\nvolume_path = "{folder}/volumes"\n'
            f'[engine.runtimes]\nshim = ["{folder}/shim"]\n'
            f'[network]\nnetwork_backend = "netavark"\nnetwork_config_dir = "{folder}/networks"\n'
        ),
        "storage.conf": (
            f'[storage]\ndriver = "overlay"\ngraphroot = "{folder}/storage"\nrunroot = "{folder}/run"\n'
        ),
        "registries.conf": "unqualified-search-registries = []\n",
    }


@pytest.fixture
def podman(_podman_home: Podman, monkeypatch: pytest.MonkeyPatch) -> Podman:
    """A real podman; what the test itself starts uses the same storage."""
    for name, value in _podman_home.environ.items():
        monkeypatch.setenv(name, value)
    return _podman_home


@pytest.fixture(scope="session")
def sample_packages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Packages of two versions of the sample model."""
    folder = tmp_path_factory.mktemp("packages")
    return {version: make_package(folder / version, version) for version in ("1.0.0", "2.0.0")}


@pytest.fixture(scope="session")
def sample_package(sample_packages: dict[str, Path]) -> Path:
    """The first of them."""
    return sample_packages["1.0.0"]


@pytest.fixture(scope="session")
def image_order(
    sample_package: Path, base_image: Path, wheelhouse: Path, tmp_path_factory: pytest.TempPathFactory
) -> Callable[..., Order]:
    """Order an image of the sample package, with other settings where some are given."""
    folder = tmp_path_factory.mktemp("project")

    def make(package: Path = sample_package, registry: str = "", **told: object) -> Order:
        content = (package / "manifest.json").read_bytes()
        manifest = parse_manifest(content, "manifest.json")
        given = {"base": str(base_image), "wheels": str(wheelhouse), "platform": PLATFORM, **told}
        settings = ImageSettings(registry=registry, **given)  # type: ignore[arg-type]
        return Order(
            package=package,
            manifest=manifest,
            settings=settings,
            reference=image_of(manifest, settings),
            project=folder,
            cache=CACHE / "made",
            trusted=(SigningKey(SECRET).signer.key_id,),
        )

    return make


@pytest.fixture(scope="session")
def sample_image(image_order: Callable[..., Order], tmp_path_factory: pytest.TempPathFactory) -> Image:
    """The image of the sample package, made once for each process that runs tests."""
    return build(image_order(), tmp_path_factory.mktemp("image") / "made", lambda _: None)


@dataclass(frozen=True)
class Container:
    """A container that runs, and where it answers."""

    ident: str
    url: str


HELD = "--read-only --cap-drop=all --security-opt=no-new-privileges --pids-limit=200".split()  # noqa: SIM905


@contextmanager
def running(
    podman: Podman, image: str, *options: str, memory: str = "512m", **told: str
) -> Iterator[Container]:
    """Run an image as little trusted as can be, with variables for it; it is removed in the end."""
    port = free_port()
    variables = [part for name, value in told.items() for part in ("-e", f"{name}={value}")]
    published = ["-p", f"127.0.0.1:{port}:8080", f"--memory={memory}", "--health-interval=disable"]
    ident = podman("run", "--detach", *HELD, *published, *variables, *options, image)
    try:
        yield Container(ident, f"http://127.0.0.1:{port}")
    finally:
        sys.stderr.write(podman.run("logs", ident).stderr)
        podman("rm", "--force", "--time", "1", ident, check=False)


def free_port() -> int:
    """Return a port of this machine that nobody has."""
    with socket.create_server(("127.0.0.1", 0)) as held:
        return int(held.getsockname()[1])


def answered(url: str, rows: list[dict[str, Any]], seconds: float = 60) -> Any:
    """Wait until a server answers, and return what it predicts."""
    _until_answers(f"{url}/readyz", seconds)
    return ask(url, rows)
