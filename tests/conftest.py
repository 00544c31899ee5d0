"""What all tests share: opened stores, real services, small disks, the folder of public data sets."""

from __future__ import annotations

import itertools
import os
import re
import shutil
import subprocess
from contextlib import ExitStack, contextmanager
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import hypothesis
import pytest
import sqlalchemy as sa

from containers import (  # noqa: F401 - fixtures
    _podman_home,
    base_image,
    image_order,
    podman,
    registry,
    sample_image,
    sample_package,
    sample_packages,
    wheelhouse,
)
from journeys.home import Home, as_csv, customers
from kervan.core.config import DataSettings
from kervan.core.errors import MissingTool
from kervan.core.loading import DATA_FOLDER
from kervan.core.nouns import Workspace
from kervan.data.ingest import load
from kervan.package.writing.spark.engine import engine
from kervan.store.open import Store
from sampling import this_week
from servers import mariadb, postgresql

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

    import polars as pl

# Words of libraries that no extra of `all` brings, of compilers and of other programs: `make test` leaves the
# files out that speak of any.
_HEAVY = re.compile(
    r"(?i)ai_edge_litert|botocore|catboost|coreml|executorch|excel|h2o|h5py|javac|jpmml|jpype|keras|lightgbm|litert|mariadb|"
    r"ui\.browser|mlflow|mojo|moto\b|mysql|needing_tools|onnxmltools|opendp|openvino|pojo|postgres|pypmml|pyspark|rustc|savedmodel|skl2onnx|"
    r"soffice|spark|tensorflow|torch|treelite|tritonclient|xgboost|frameworks\.md|== \"format\""
)

_MARKS = {"service", "slow", "framework"}  # of single tests that it leaves out too

hypothesis.settings.register_profile("kervan", deadline=None)  # a busy machine is no failure
hypothesis.settings.load_profile("kervan")
# Tests run in as many processes as there are cores: threads of each would only wait for one another.
os.environ.setdefault("OMP_NUM_THREADS", "1")

ACTOR = "ayşe"
_TEMPLATE = "kervan_template"
_NUMBERS = itertools.count(1)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Tests come in two parts: what a laptop does in minutes, and what takes frameworks or time."""
    parser.addoption("--part", choices=("light", "rest"), help="of all tests, those of one part")


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Leave files out that could not even be imported."""
    is_light = config.getoption("--part") == "light"
    return True if is_light and _is_heavy(collection_path) else None


# Files of which one process would still be busy when the others have done all else: these begin.
_LONG = re.compile(
    r"faults/test_kill|docs/test_how_to|docs/test_readme|test_real_tables|test_our_adapters|test_dear"
)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out tests of the other part or of other weeks, and begin with the files that take longest."""
    items.sort(key=lambda item: _LONG.search(item.path.as_posix()) is None)
    part = config.getoption("--part")
    if not part:
        return
    _keep(config, items, _sampled(items))
    heavy = [_is_heavy(item.path) or not _MARKS.isdisjoint(_marks(item)) for item in items]
    _keep(config, items, [each for each, more in zip(items, heavy, strict=True) if more == (part == "rest")])


def _keep(config: pytest.Config, items: list[pytest.Item], kept: list[pytest.Item]) -> None:
    held = set(kept)
    config.hook.pytest_deselected(items=[item for item in items if item not in held])
    items[:] = kept


def _sampled(items: list[pytest.Item]) -> list[pytest.Item]:
    """Of tests that are marked so, and of their cases, take those of this week."""
    cases: dict[str, list[pytest.Item]] = {}
    for item in items:
        if item.get_closest_marker("sampled"):
            cases.setdefault(item.nodeid.partition("[")[0], []).append(item)
    later = {item for name, each in cases.items() for item in set(each) - set(this_week(each, name))}
    return [item for item in items if item not in later]


def _marks(item: pytest.Item) -> set[str]:
    return {mark.name for mark in item.iter_markers()}


@cache
def _is_heavy(path: Path) -> bool:
    is_test = path.suffix == ".py" and path.name.startswith("test_")
    return is_test and _HEAVY.search(path.read_text(encoding="utf-8")) is not None


def _without_service(reason: str) -> NoReturn:
    """Skip a test whose service is not there; where services are required, that is a failure."""
    if os.environ.get("KERVAN_REQUIRE_SERVICES") == "1":
        pytest.fail(reason)
    pytest.skip(reason)


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """The folder of public data sets."""
    folder = os.environ.get(DATA_FOLDER)
    if not folder:
        pytest.skip(f"{DATA_FOLDER} names no folder of public data sets")
    path = Path(folder).resolve()
    assert path.is_dir(), f"{DATA_FOLDER}={folder} is no folder"
    return path


@pytest.fixture(scope="session")
def public(data_dir: Path) -> Callable[[str], pl.DataFrame]:
    """Read one of the public data sets."""
    return lambda name: load(name, data_dir, DataSettings()).table


@pytest.fixture(scope="session")
def spark() -> object:
    """One session of Spark for all tests of this process: starting one takes longer than most of them."""
    try:
        return engine()
    except MissingTool as error:
        _without_service(f"{error}: {error.hint}")


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """A PostgreSQL server of our own on a free port; its superuser needs no password."""
    with _service(postgresql()) as url:
        yield url


@pytest.fixture(scope="session")
def mysql_url() -> Iterator[str]:
    """A MariaDB server of our own on a free port; its superuser needs no password."""
    with _service(mariadb()) as url:
        yield url


@contextmanager
def _service(service: AbstractContextManager[str]) -> Iterator[str]:
    with ExitStack() as opened:
        try:
            url = opened.enter_context(service)
        except MissingTool as error:
            _without_service(f"{error}: {error.hint}")
        yield url


@pytest.fixture(scope="session")
def postgres_template(postgres_url: str, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A database with the tables of an empty catalog, to be copied."""
    _administer(postgres_url, f"CREATE DATABASE {_TEMPLATE}")
    folder = tmp_path_factory.mktemp("template")
    store = Store(_workspace(folder, catalog=_database(postgres_url, _TEMPLATE)))
    assert store.catalog.head() is None
    store.close()
    return _TEMPLATE


@pytest.fixture
def postgres_catalog(postgres_url: str, postgres_template: str) -> Iterator[str]:
    """The URL of an empty catalog on PostgreSQL."""
    name = f"catalog_{next(_NUMBERS)}"
    _administer(postgres_url, f"CREATE DATABASE {name} TEMPLATE {postgres_template}")
    yield _database(postgres_url, name)
    _administer(postgres_url, f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def postgres_nothing(postgres_url: str) -> Iterator[str]:
    """The URL of a database on PostgreSQL without any table."""
    name = f"nothing_{next(_NUMBERS)}"
    _administer(postgres_url, f"CREATE DATABASE {name}")
    yield _database(postgres_url, name)
    _administer(postgres_url, f"DROP DATABASE {name} WITH (FORCE)")


def _administer(url: str, statement: str) -> None:
    engine = sa.create_engine(url, isolation_level="AUTOCOMMIT", poolclass=sa.NullPool)
    with engine.connect() as connection:
        connection.execute(sa.text(statement))


def _database(url: str, name: str) -> str:
    return f"{url.rpartition('/')[0]}/{name}"


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    """A workspace on SQLite, in a folder with blanks and Turkish letters."""
    return _workspace(tmp_path / "çalışma ı")


@pytest.fixture(params=["sqlite", "postgresql"])
def any_workspace(request: pytest.FixtureRequest, tmp_path: Path) -> Workspace:
    """A workspace with its catalog on each database in turn."""
    folder = tmp_path / "çalışma ı"
    if request.param == "sqlite":
        return _workspace(folder)
    return _workspace(folder, catalog=request.getfixturevalue("postgres_catalog"))


@pytest.fixture
def store(any_workspace: Workspace) -> Iterator[Store]:
    """An empty store on each database in turn."""
    opened = Store(any_workspace)
    yield opened
    opened.close()


@pytest.fixture
def local_store(workspace: Workspace) -> Iterator[Store]:
    """An empty store on SQLite."""
    opened = Store(workspace)
    yield opened
    opened.close()


def _workspace(folder: Path, catalog: str = "") -> Workspace:
    root = folder / ".kervan"
    return Workspace(
        root=root,
        catalog=catalog or f"sqlite:///{root / 'catalog.sqlite'}",
        blobs=str(root / "blobs"),
        actor=ACTOR,
    )


@pytest.fixture
def small_disk(tmp_path: Path) -> Callable[[str], AbstractContextManager[Path]]:
    """Mount a memory disk: `small_disk("size=1m")` is soon full, `small_disk("ro")` cannot be written."""

    @contextmanager
    def mount(options: str) -> Iterator[Path]:
        folder = tmp_path / "disk"
        folder.mkdir()
        command = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)]
        if os.geteuid() != 0 or subprocess.run(command, capture_output=True, check=False).returncode:
            pytest.skip("mounting a small disk needs root")
        try:
            yield folder
        finally:
            subprocess.run(["umount", "-l", str(folder)], check=True)

    return mount


@pytest.fixture(scope="session")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    """A project whose model answers in `üretim` and was asked for 120 predictions; tests only ask it."""
    folder = tmp_path_factory.mktemp("dükkân") / "Müşteri Kaybı"
    folder.mkdir()
    here = Home(folder)
    try:
        here.start().ask("run", "--quiet", "--why", "ilk sürüm")
        here.write("istek.csv", "yaş,şehir,gelir,0\n" + "39,İstanbul,20000.5,0.5\n" * 120)
        here.ask("predict", "üretim", "-f", "istek.csv")
        yield here
    finally:
        here.stop()


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    """An empty project folder with blanks and Turkish letters; its servers end with the test."""
    folder = tmp_path / "Müşteri Kaybı"
    folder.mkdir()
    here = Home(folder)
    yield here
    here.stop()


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project after its first run, without a server."""
    folder = tmp_path_factory.mktemp("kalıp") / "Müşteri Kaybı"
    folder.mkdir()
    here = Home(folder)
    try:
        here.start().ask("run", "--quiet")
    finally:
        here.stop()
    return folder


@pytest.fixture
def lived(home: Home, template: Path) -> Home:
    """A project after its first run; `kervan release` brings its server back."""
    shutil.copytree(template, home.folder, dirs_exist_ok=True)
    return home


@pytest.fixture(scope="session")
def two_versions(template: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with two versions of its model, of which the second is released; without a server."""
    folder = tmp_path_factory.mktemp("kalıp") / "Müşteri Kaybı"
    shutil.copytree(template, folder)
    here = Home(folder)
    try:
        here.write("müşteriler.csv", as_csv([*customers(200), *customers(100, seed=1)]))
        here.ask("run", "--quiet", "--why", "yeni satırlar")
    finally:
        here.stop()
    return folder


@pytest.fixture
def grown(home: Home, two_versions: Path) -> Home:
    """A project with two versions of its model, of which the first answers in `üretim`."""
    shutil.copytree(two_versions, home.folder, dirs_exist_ok=True)
    home.ask("release", "müşteri-kaybı@1.0.0", "--why", "geri dönüş", "--quiet")
    return home
