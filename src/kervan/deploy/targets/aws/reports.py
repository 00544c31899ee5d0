"""What CloudWatch has of what runs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kervan.deploy.targets.aws.account import ask

if TYPE_CHECKING:
    from collections.abc import Sequence

_STREAMS = 5  # the newest, each of one instance


def log_lines(logs: Any, group: str, lines: int) -> Sequence[str]:
    """Return the newest lines of a group of logs, oldest first; none where nothing was ever written."""
    streams = ask(
        logs.describe_log_streams,
        logGroupName=group,
        orderBy="LastEventTime",
        descending=True,
        limit=_STREAMS,
    )
    names = [each["logStreamName"] for each in (streams or {}).get("logStreams", ())]
    events: list[tuple[int, str]] = []
    for name in names:
        found = logs.get_log_events(logGroupName=group, logStreamName=name, limit=lines, startFromHead=False)
        events += [(each["timestamp"], each["message"].rstrip("\n")) for each in found["events"]]
    return [message for _, message in sorted(events)[-lines:]]
