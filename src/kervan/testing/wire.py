"""What every protocol of requests must do."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pytest

from kervan.core.errors import InvalidInput
from kervan.core.ports import Action, Answer, Call, Choose, Reply, Request, Route, Scope, Wire
from kervan.core.schema import Signature
from kervan.serve.decode import RowDecoder
from kervan.testing.sample import INPUTS, OUTPUTS, ROWS
from kervan.testing.suite import Suite

CLASSIFICATION = Signature(inputs=INPUTS, output=OUTPUTS["multi"])
REGRESSION = Signature(inputs=INPUTS, output=OUTPUTS["regression"])
HOSTILE = (
    b"",
    b" \n",
    b"null",
    b"nonsense",
    b"[" * 100_000,
    b'{"a":' * 100_000,
    b'{"inputs": ' + b"9" * 100_000 + b"}",
    b"\xff\xfe\x00\x01",
    b"\x80\x04\x95",
    b"<xml/>",
    "İıŞş".encode("utf-16"),
)


ODD: tuple[Any, ...] = (None, True, -1, 1.5, 10**30, "", "x", [], [[]], [None], {}, {"a": [1]}, [{"a": {}}])


def with_odd_values(content: Any) -> Iterator[Any]:
    """Yield JSON content with each of its values in turn replaced by each odd one, or left out.

    >>> sum(1 for _ in with_odd_values({"a": [1]}))
    41
    """
    yield from ODD
    if not isinstance(content, dict | list):
        return
    places = list(content) if isinstance(content, dict) else range(len(content))
    for place in places:
        without = content.copy()
        del without[place]
        yield without
        for odd in with_odd_values(content[place]):
            changed = content.copy()
            changed[place] = odd
            yield changed


def choosing(signature: Signature) -> Choose:
    """Return a server's choice that always falls on one signature."""

    def choose(name: str = "", version: str = "") -> Signature:
        return signature

    return choose


def _parameters(path: str) -> list[str]:
    return re.findall(r"\{(\w+)\}", path)


class WireSuite(Suite):
    """Tests of a `Wire`. Give `adapter`, `request` and `answers`, both as a caller would write and read."""

    def adapter(self) -> Wire:
        """Return the protocol to test."""
        raise NotImplementedError

    def request(self, rows: Sequence[Mapping[str, Any]], signature: Signature) -> bytes:
        """Write a request for some rows."""
        raise NotImplementedError

    def answers(self, body: bytes) -> list[Any]:
        """Read an answer: each row's label for a classification, its value for a regression."""
        raise NotImplementedError

    def route(self) -> Route:
        """Return the route that `request` is written for: the first that answers rows."""
        return next(route for route in self.adapter().routes if route.action is Action.PREDICT)

    def call(self, body: bytes) -> Call:
        """Return a call by this route with a body."""
        route = self.route()
        return Call(route=route, body=body, parameters=dict.fromkeys(_parameters(route.path), "1"))

    def decode(self, body: bytes) -> Request:
        """Read a request to the classification."""
        return self.adapter().decode(self.call(body), choosing(CLASSIFICATION))

    def encoded(self, values: Any, signature: Signature) -> bytes:
        """Encode an answer with these values."""
        request = Request(rows=[{}] * len(values))
        answer = Answer(
            id="01JD",
            request=request,
            model="gelir",
            version="1.0.0",
            values=np.array(values, dtype=np.float64),
        )
        reply = self.adapter().encode(answer, signature, self.call(b""))
        assert isinstance(reply, Reply)
        assert reply.status == 200
        return reply.body

    def test_is_a_wire(self) -> None:
        assert isinstance(self.adapter(), Wire)

    def test_every_route_says_who_may_use_it(self) -> None:
        routes = self.adapter().routes
        assert len({(route.method, route.path) for route in routes}) == len(routes)
        for route in routes:
            assert isinstance(route.scope, Scope)
            assert route.path.startswith("/")
            assert route.action is Action.INFORM or route.scope is not Scope.OPEN, f"{route.path} is open"
            assert {*_parameters(route.path)} <= {"name", "version"}

    @pytest.mark.parametrize("count", [1, 3, 500])
    def test_rows_come_as_they_were_sent(self, count: int) -> None:
        rows = [dict(ROWS[place % len(ROWS)]) for place in range(count)]
        request = self.decode(self.request(rows, CLASSIFICATION))
        assert isinstance(request, Request)
        assert [dict(row) for row in request.rows] == rows

    def test_requests_do_not_know_each_other(self) -> None:
        bodies = [self.request([row], CLASSIFICATION) for row in ROWS]
        first = [self.decode(body).rows for body in bodies]
        again = [self.decode(body).rows for body in reversed(bodies)]
        assert first == again[::-1]

    @pytest.mark.parametrize("body", HOSTILE, ids=lambda body: repr(body[:12]))
    def test_what_is_no_request_is_refused(self, body: bytes) -> None:
        with pytest.raises(InvalidInput):
            self.decode(body)

    def test_a_request_that_was_cut_off_is_refused(self) -> None:
        whole = self.request(ROWS, CLASSIFICATION)
        for end in range(len(whole) - 1):
            with pytest.raises(InvalidInput):
                self.decode(whole[:end])

    def test_a_request_with_one_wrong_byte_is_read_or_refused(self) -> None:
        whole = self.request(ROWS[:1], CLASSIFICATION)
        for place in range(len(whole)):
            for wrong in (0, 0x22, 0x7D, 0xFF):
                body = whole[:place] + bytes([wrong]) + whole[place + 1 :]
                try:
                    self.decode(body)
                except InvalidInput as error:
                    assert str(error)  # noqa: PT017 - reading is as good as refusing

    def test_a_request_with_one_odd_value_is_read_or_refused(self) -> None:
        try:
            content = json.loads(self.request(ROWS[:2], CLASSIFICATION))
        except ValueError:
            pytest.skip("requests are not in JSON")
        decoder = RowDecoder(CLASSIFICATION)
        for changed in with_odd_values(content):
            try:
                decoder.decode(self.decode(json.dumps(changed).encode()).rows)
            except InvalidInput as error:
                assert str(error)  # noqa: PT017 - reading is as good as refusing

    def test_labels_come_in_the_order_of_the_rows(self) -> None:
        values = [[0.1, 0.2, 0.7], [0.5, 0.3, 0.2], [0.0, 1.0, 0.0]]
        assert self.answers(self.encoded(values, CLASSIFICATION)) == ["çok", "az", "orta"]

    def test_of_equally_probable_classes_the_first_is_the_label(self) -> None:
        assert self.answers(self.encoded([[0.4, 0.2, 0.4]], CLASSIFICATION)) == ["az"]

    def test_values_come_with_all_their_digits(self) -> None:
        values = [[0.1], [-1e300], [1 / 3], [5e-324]]
        assert self.answers(self.encoded(values, REGRESSION)) == [value for (value,) in values]

    def test_no_rows_give_no_answers(self) -> None:
        assert self.answers(self.encoded(np.empty((0, 3)), CLASSIFICATION)) == []
