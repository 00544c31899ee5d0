"""Where the world plugs in. An adapter needs no inheritance: having these methods is enough."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias, runtime_checkable

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence
    from pathlib import Path, PurePath

    import numpy as np
    import polars as pl
    from numpy.typing import NDArray

    from kervan.core.fetching import Estimate, Fetched, TableRequest, Tell
    from kervan.core.nouns import Finding
    from kervan.core.places import Place
    from kervan.core.schema import Signature
    from kervan.core.serving import Plan, Serving

    Matrix: TypeAlias = NDArray[np.float64]  # encoded rows, of shape (rows, inputs): see `package.encoding`


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadOptions:
    """How to read a table: the separator ("" to find it out) and the texts that stand for a missing value.

    The columns in `texts` are not typed: `1.50` and `true` stay as they were written. Those in `dropped` are
    thrown away later: where they hold what no table here can have, they may come without any value.
    `sheet` is the one to read of a workbook, "" for the only one. `encoding` is that of a delimited text, ""
    for UTF-8 or what its mark says.
    """

    separator: str = ""
    encoding: str = ""
    missing: tuple[str, ...] = ()
    texts: tuple[str, ...] = ()
    dropped: tuple[str, ...] = ()
    sheet: str = ""


@runtime_checkable
class Connector(Protocol):
    """Where tables are fetched from: bytes of a place as they are, rows of a query as Parquet."""

    def accepts(self, location: str) -> bool:
        """Say whether this adapter fetches from such a location, judged by its text alone."""

    def estimate(self, request: TableRequest) -> Estimate:
        """Return what fetching would take, without doing it."""

    def fetch(self, request: TableRequest, folder: Path, tell: Tell) -> Fetched:
        """Fetch into an empty folder, or raise `NotFound`, `InvalidInput` or `ServerFailed`.

        A place that breaks off is an error: what came is either whole or nothing. `tell` may be called as
        often as one likes with how far it is.
        """


@runtime_checkable
class Source(Protocol):
    """How the file of a table is read."""

    def accepts(self, location: str) -> bool:
        """Say whether this adapter reads such a location, judged by its name alone."""

    def read(self, path: Path, options: ReadOptions) -> pl.DataFrame:
        """Read the table, or raise `InvalidData` that names file, row and column."""


@runtime_checkable
class Batching(Protocol):
    """A source that reads files which are larger than memory."""

    def batches(self, path: Path, options: ReadOptions) -> Iterator[pl.DataFrame]:
        """Yield the rows in batches of some megabytes, in order, all of the same columns and types.

        Put together they are what `read` returns, and what it refuses is refused in the same words, whatever
        came before. There is one batch at least, which may be empty. The file is not compressed, as who asks
        has unpacked it under its name, and may be read more than once.
        """


class Predictor(Protocol):
    """A model that is loaded and answers."""

    def predict(self, matrix: Matrix) -> NDArray[np.float64]:
        """Score a matrix of shape (rows, inputs), encoded as `kervan.package.encoding` says.

        Returns (rows, classes) probabilities in the order of the signature for a classification,
        (rows, 1) values for a regression.
        """


class Fitted(Predictor, Protocol):
    """A fitted model in memory, which answers like a predictor: what a format writes."""

    model: Any
    signature: Signature

    @property
    def form(self) -> Any:
        """The model as `kervan.package.writing.neutral.form.Form`, or raise `Refused` with the reason."""


class Precision(StrEnum):
    """How what is asked holds the numbers of a row: as they come, or rounded."""

    DOUBLE = "float64"
    SINGLE = "float32"
    DIGITS = "14 digits"  # what a spreadsheet tells apart


@dataclass(frozen=True, slots=True, kw_only=True)
class About:
    """What is true of a format whatever the model: what people ask before they choose one.

    `vendor` owns it, "" for an open one; `readers` names what reads its files; `licence` is that of the
    format or its usual reader. `text` says that people can read the files, `compressed` that they are
    compressed inside, `holds_functions` that they hold features which are functions of the user's, `is_code`
    that other programs run them and Kervan never loads them to answer requests. `tolerance` is how far an
    answer may be from the original's, which is a matter of the format's arithmetic. `precision` is how its
    files hold the numbers of a row: where they round them, the proof asks the original about the rounded row.
    """

    title: str
    extension: str
    vendor: str = ""
    licence: str
    readers: str
    text: bool = False
    compressed: bool = False
    holds_functions: bool = False
    is_code: bool = False
    tolerance: float = 1e-12
    precision: Precision = Precision.DOUBLE


@runtime_checkable
class Format(Protocol):
    """How a fitted model is written, and scored again without the library that trained it."""

    about: About

    def save(self, fitted: Fitted, folder: Path) -> None:
        """Write a fitted model into an empty folder, or raise `Refused` that names the reason."""

    def load(self, folder: Path, signature: Signature) -> Predictor:
        """Load what `save` wrote, running no code from the folder.

        Raises `Refused` for a format whose files are code: other programs run those.
        """


class Scope(StrEnum):
    """What somebody who asks a server must be allowed to do; `OPEN` needs nothing."""

    OPEN = "open"
    PREDICT = "predict"
    FEEDBACK = "feedback"
    METRICS = "metrics"
    CONTROL = "control"
    DOCS = "docs"


class Action(StrEnum):
    """What a route is for: `PREDICT` answers rows, `INFORM` tells about the models that are there.

    `LOAD` (which loads anew what is there), `ADD` (which does not) and `UNLOAD` change which of them answer;
    `FEEDBACK` takes what was true.
    """

    PREDICT = "predict"
    INFORM = "inform"
    LOAD = "load"
    ADD = "add"
    UNLOAD = "unload"
    FEEDBACK = "feedback"


JSON = "application/json"
GRPC = "application/grpc"


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """One way to reach a protocol.

    `path` may hold `{name}` and `{version}` of a model, each of them one part between slashes or before a
    colon. `takes` lists the content types of a body, "" where none needs to be declared. `call` is how the
    adapter itself tells its routes from each other. With `asks_folder` it is also told about the models that
    lie in the server's folder and are not loaded.
    """

    path: str
    action: Action
    scope: Scope
    method: str = "POST"
    takes: tuple[str, ...] = (JSON,)
    call: str = ""
    asks_folder: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One request as a protocol sees it: names of `headers` are in lower case, `query` is decoded."""

    route: Route
    body: bytes = b""
    parameters: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    query: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What goes back."""

    body: bytes
    kind: str = JSON
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """What a model has answered since it was loaded, in the process that is asked.

    `answered` and `refused` are requests, `runs` what the model scored at once; `decode`, `wait` and `score`
    are seconds over all requests, `last` is the time of the last answer, or 0.
    """

    answered: int = 0
    refused: int = 0
    rows: int = 0
    runs: int = 0
    decode: float = 0.0
    wait: float = 0.0
    score: float = 0.0
    last: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Served:
    """A model version on a server; of each name one `is_default`, `reason` says why it is not ready.

    `labels` are the environments in whose name it answers.
    """

    name: str
    version: str
    signature: Signature
    samples: Sequence[Mapping[str, Any]] = ()
    is_default: bool = True
    is_ready: bool = True
    reason: str = ""
    labels: tuple[str, ...] = ()
    counts: Counts = Counts()


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """Rows to score: each maps column names to JSON values. `id` is the caller's own, or "".

    `outputs` names the parts of the answer that the caller wants, where a protocol lets it choose; `form`
    is what the adapter wants to know when it writes the answer.
    """

    rows: Sequence[Mapping[str, Any]]
    id: str = ""
    outputs: tuple[str, ...] = ()
    form: Any = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """Predictions for the rows of a request.

    `id` names the recorded prediction. `values` has shape (rows, classes) for a classification, (rows, 1)
    for a regression.
    """

    id: str
    request: Request
    model: str
    version: str
    values: NDArray[np.float64]


class Choose(Protocol):
    """Picks the model version that a request is about."""

    def __call__(self, name: str = "", version: str = "") -> Signature:
        """Return what the chosen version takes; without a name or a version the default answers.

        A version may be whole ("1.2.0"), begun ("v1.2": the newest of these) or that of an environment
        ("production"). Raises `NotFound` that says what is there. On a route that loads or unloads, to
        choose a version is to load or unload it.
        """


@runtime_checkable
class Wire(Protocol):
    """How a request is spoken: bytes to rows and answers to bytes, without I/O."""

    @property
    def routes(self) -> Sequence[Route]:
        """The ways in."""

    @property
    def complaint(self) -> str:
        """The member of an error's JSON in which callers look for the message; "" for RFC 9457 alone."""

    def decode(self, call: Call, choose: Choose) -> Request:
        """Read a request, or raise `InvalidInput` (`RefusedRow` where a row and field can be named).

        `choose` has to be asked once, for the version whose rows these are, or that is to be loaded or
        unloaded: then there are no rows.
        """

    def encode(self, answer: Answer, signature: Signature, call: Call) -> Reply:
        """Write an answer."""

    def inform(self, call: Call, models: Sequence[Served]) -> Reply:
        """Answer a route that predicts nothing, after what it does is done, or raise `NotFound`."""


@runtime_checkable
class Service(Wire, Protocol):
    """A `Wire` over gRPC: bodies are messages, each route is the path of a method, its `call` the method."""

    @property
    def service(self) -> str:
        """The full name of the service."""

    @property
    def streamed(self) -> Collection[str]:
        """The methods that take and give a stream of messages."""

    def complain(self, call: Call, words: str) -> bytes:
        """Write what was wrong with one message of a stream, which goes on."""


@runtime_checkable
class Target(Protocol):
    """Where a release lives."""

    about: Place

    def render(self, serving: Serving, plan: Plan) -> Mapping[PurePath, str]:
        """Return the files that describe the release, to be read and compared without applying them."""

    def apply(self, folder: Path, plan: Plan) -> str:
        """Make the world look like the rendered files, as the plan says, and return the endpoint's URL.

        What ran before goes on when the new release does not come up; then `ServerFailed` is raised.
        """

    def remove(self, folder: Path) -> None:
        """Take the release away; nothing happens if it is gone already."""

    def runs(self, folder: Path) -> bool:
        """Say whether what was applied from the folder is there and was not ended from outside.

        Raises `KervanError` where the place cannot be asked.
        """


@runtime_checkable
class Checking(Protocol):
    """A target that finds out, before anything is sent, what the place would refuse."""

    def check(self, folder: Path, plan: Plan) -> Sequence[Finding]:
        """Return what is wrong with the rendered files: sizes, names, limits, missing credentials."""


@runtime_checkable
class Reporting(Protocol):
    """A target whose place has something to tell of what runs there."""

    def logs(self, folder: Path, lines: int) -> Sequence[str]:
        """Return the newest lines that what runs has written, oldest first."""

    def shell(self, folder: Path) -> Sequence[str]:
        """Return the command that opens a shell where it runs, or raise `Refused` if there is none."""
