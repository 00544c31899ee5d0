from __future__ import annotations

import hashlib
import os
import secrets
import time
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kervan.core.access import SCOPES, Grant, Rate, Secret
from kervan.core.identity import new_id
from kervan.core.private import write_private
from kervan.serve.access import Access, Caller
from kervan.serve.problem import HttpProblem
from kervan.serve.rates import Rates, Window
from serve.keyring import issue, publish

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def refused(asked: Callable[[], object]) -> HttpProblem:
    with pytest.raises(HttpProblem) as caught:
        asked()
    return caught.value


def bearer(token: str) -> dict[str, str]:
    return {"authorization": f"Bearer {token}"}


def until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.01)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "access.json"


def test_without_a_file_anybody_may_do_everything() -> None:
    access = Access()
    caller = access.caller({})
    assert not access.needs_keys
    assert access.holds(caller)
    assert all(caller.may(scope, "gelir") for scope in SCOPES)


def test_a_key_opens_what_it_was_given_for(file: Path) -> None:
    grant, token = issue("predict:gelir", "metrics", rate="5/minute")
    publish(file, grant)
    access = Access(file)
    for headers in (bearer(token), {"x-api-key": token}, {**bearer(token), "x-api-key": token}):
        caller = access.caller(headers)
        assert (caller.id, caller.rate) == (grant.id, "5/minute")
    assert caller.may("predict", "gelir")
    assert caller.may("metrics")
    assert not caller.may("predict", "kira")
    assert not caller.may("predict")
    assert not caller.may("control")
    caller.must("metrics")
    problem = refused(lambda: caller.must("predict", "kira"))
    assert problem.status == 403
    assert "predict:kira" in str(problem)
    assert 'error="insufficient_scope"' in problem.headers["www-authenticate"]
    whole, token = issue("predict")
    publish(file, whole)
    assert Access(file).caller(bearer(token)).may("predict", "kira")


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"authorization": ""},
        {"authorization": "Bearer"},
        {"authorization": "Bearer "},
        {"authorization": "Basic YWRtaW46cGFzc3dvcmQ="},
        {"x-api-key": ""},
        {"x-api-key": "kv_"},
        {"x-api-key": "' OR 1=1 --"},
        {"x-api-key": "kv_" + "A" * 26 + "_" + "b" * 32},
        {"x-api-key": "kv_../../etc/passwd_" + "b" * 32},
        {"x-api-key": "kv_" + "A" * 26 + "_" + "ü" * 32},
        {"x-api-key": "kv_" + "A" * 30_000},
        {"x-api-key": "\x00"},
    ],
)
def test_hostile_keys_are_refused_alike(file: Path, headers: dict[str, str]) -> None:
    publish(file, issue("predict")[0])
    access = Access(file)
    problem = refused(lambda: access.caller(headers))
    assert problem.status == 401
    assert problem.headers["www-authenticate"].startswith("Bearer")
    assert problem.hint


def test_a_wrong_secret_tells_nothing_about_its_key(file: Path) -> None:
    grant, token = issue("predict")
    publish(file, grant)
    access = Access(file)
    wrong = refused(lambda: access.caller(bearer(token[:-1] + ("a" if token[-1] != "a" else "b"))))
    unknown = refused(lambda: access.caller(bearer(f"kv_{new_id()}_{'x' * 32}")))
    assert str(wrong) == str(unknown)
    assert grant.id not in str(wrong)


def test_two_keys_that_differ_are_refused(file: Path) -> None:
    (one, first), (other, second) = issue("predict"), issue("metrics")
    publish(file, one, other)
    problem = refused(lambda: Access(file).caller({**bearer(first), "x-api-key": second}))
    assert problem.status == 401
    assert "two different" in str(problem)


def test_a_changed_file_ends_who_was_known_before(file: Path) -> None:
    (one, first), (other, second) = issue("predict"), issue("predict")
    publish(file, one, other)
    access = Access(file)
    caller = access.caller(bearer(first))
    assert access.holds(caller)
    publish(file, other)
    until(lambda: not access.holds(caller))
    assert refused(lambda: access.caller(bearer(first))).status == 401
    assert access.holds(access.caller(bearer(second)))


def test_time_ends_a_key_and_the_secret_before(file: Path) -> None:
    soon = time.time() + 0.6
    (dying, first), (renewed, second) = issue("predict", expires=soon), issue("predict", until=soon)
    third = secrets.token_urlsafe(24)
    fresh = Secret(sha256=hashlib.sha256(third.encode()).hexdigest())
    publish(
        file,
        dying,
        Grant(id=renewed.id, scopes=renewed.scopes, secrets=(*renewed.secrets, fresh)),
    )
    access = Access(file)
    known = [access.caller(bearer(token)) for token in (first, second)]
    assert access.caller(bearer(f"kv_{renewed.id}_{third}")).id == renewed.id
    until(lambda: not any(access.holds(caller) for caller in known))
    assert time.time() >= soon
    for token in (first, second):
        assert refused(lambda token=token: access.caller(bearer(token))).status == 401
    assert access.caller(bearer(f"kv_{renewed.id}_{third}")).id == renewed.id


@pytest.mark.parametrize(
    "content", [None, b"", b"{", b"[]", b"\xff", b'{"version":2,"keys":[]}', b'{"keys":[{"id":1}]}']
)
def test_a_broken_or_missing_file_lets_nobody_in(file: Path, content: bytes | None) -> None:
    grant, token = issue("predict")
    publish(file, grant)
    access = Access(file)
    caller = access.caller(bearer(token))
    if content is None:
        file.unlink()
    else:
        write_private(file, content)
    until(lambda: not access.holds(caller))
    problem = refused(lambda: access.caller(bearer(token)))
    assert problem.status == 503
    assert str(file) not in str(problem)  # where things lie is nobody's business
    assert refused(lambda: access.caller({})).status == 401
    publish(file, grant)
    until(lambda: _opens(access, token))


def _opens(access: Access, token: str) -> bool:
    try:
        return access.caller(bearer(token)).may("predict")
    except HttpProblem:
        return False


def test_a_file_that_is_replaced_within_one_tick_of_the_clock_is_seen(file: Path) -> None:
    grants = [issue("predict") for _ in range(2)]
    publish(file, grants[0][0])
    os.utime(file, ns=(1, 1))
    access = Access(file)
    caller = access.caller(bearer(grants[0][1]))
    publish(file, grants[1][0])
    os.utime(file, ns=(1, 1))
    until(lambda: not access.holds(caller))


def test_a_rate_counts_each_key_and_model_alone() -> None:
    rates = Rates(default="3/hour")
    one, other = Caller(id="A"), Caller(id="B")
    for _ in range(3):
        rates.take(one, "gelir")
    problem = refused(lambda: rates.take(one, "gelir"))
    assert problem.status == 429
    assert 1 <= int(problem.headers["retry-after"]) <= 7200
    rates.take(one, "kira")
    rates.take(other, "gelir")


@given(st.lists(st.floats(0, 3), max_size=60), st.integers(1, 5))
def test_never_more_than_the_rate_and_what_is_said_to_wait_is_enough(pauses: list[float], limit: int) -> None:
    window, now, taken = Window(Rate(limit, 2)), 1_000.3, []
    for pause in pauses:
        now += pause
        wait = window.take(now)
        if wait:
            now += wait + 1e-9
            assert window.take(now) == 0
        taken.append(now)
    for start in taken:  # an even stream before is assumed, so a whole window may hold some of two
        assert sum(start <= each < start + 2 for each in taken) < 2 * limit + 1
        place = start // 2
        assert sum(each // 2 == place for each in taken) <= limit


def test_names_that_a_caller_makes_up_take_no_memory_and_no_rate() -> None:
    rates = Rates(default="1/hour")
    caller = Caller(id="A")
    for number in range(2_000):
        with suppress(HttpProblem):
            rates.take(caller, f"uydurma-{number}")
    assert refused(lambda: rates.take(caller, "uydurma-3000")).status == 429
    assert refused(lambda: rates.take(caller, "uydurma-1")).status == 429


def test_a_key_of_its_own_rate_has_no_other_and_without_one_nothing_is_counted() -> None:
    rates = Rates(default="1/hour")
    fast = Caller(id="A", rate="100/hour")
    for _ in range(100):
        rates.take(fast)
    assert refused(lambda: rates.take(fast)).status == 429
    anybody = Access().caller({})
    free = Rates()
    for _ in range(1000):
        free.take(anybody, "gelir")
    rates.take(anybody)
    assert refused(lambda: rates.take(anybody)).status == 429


def test_what_was_refused_is_answered_again_after_the_time_that_was_said() -> None:
    rates = Rates(default="2/second")
    caller = Caller(id="A")
    rates.take(caller)
    rates.take(caller)
    wait = int(refused(lambda: rates.take(caller)).headers["retry-after"])
    started = time.monotonic()

    def answers() -> bool:
        try:
            rates.take(caller)
        except HttpProblem:
            return False
        return True

    until(answers)
    assert time.monotonic() - started <= wait + 1
