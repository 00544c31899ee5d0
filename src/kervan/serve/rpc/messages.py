"""The messages of the gRPC services, from descriptors that `protos/` holds.

`services.binpb` is what `protoc` makes of the `.proto` files there, which name the fields that are used:

    python -m grpc_tools.protoc -I. --include_imports --descriptor_set_out=services.binpb *.proto

They live in a pool of their own: a process may hold the same names from a client's library as well.
"""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import Any

from kervan.core.errors import InvalidInput

DESCRIPTORS = "services.binpb"


@cache
def pool() -> Any:
    """Return the pool of descriptors."""
    from google.protobuf.descriptor_pb2 import FileDescriptorSet
    from google.protobuf.descriptor_pool import DescriptorPool

    content = files("kervan.serve.rpc").joinpath("protos", DESCRIPTORS).read_bytes()
    found = DescriptorPool()
    for file in FileDescriptorSet.FromString(content).file:
        found.Add(file)
    return found


@cache
def message(name: str) -> Any:
    """Return the class of a message by its full name."""
    from google.protobuf.message_factory import GetMessageClass

    return GetMessageClass(pool().FindMessageTypeByName(name))


def parse(name: str, body: bytes) -> Any:
    """Read a message, or raise `InvalidInput`."""
    from google.protobuf.message import DecodeError

    try:
        return message(name).FromString(body)
    except DecodeError as error:
        raise InvalidInput(f"this is no {name}", hint="see the service's .proto file") from error
