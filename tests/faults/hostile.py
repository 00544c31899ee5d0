"""A collection of files that are made to do harm: each would, somewhere, run code, fill memory or a disk."""

from __future__ import annotations

import bz2
import gzip
import io
import json
import lzma
import marshal
import os
import pickle
import stat
import struct
import tarfile
import zipfile
import zlib
from typing import TYPE_CHECKING, Any

import joblib
import lz4.frame
import numpy as np
import zstandard
from onnx import TensorProto, helper

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

MIB = 1 << 20


class Call:
    """Calls a function with arguments when it is unpickled."""

    def __init__(self, function: Any, *arguments: Any) -> None:
        self.function, self.arguments = function, arguments

    def __reduce__(self) -> Any:
        return self.function, self.arguments


def collection(marker: Path) -> dict[str, bytes]:
    """Return every hostile file by its name. Those that run code would make the folder `marker`."""
    call = Call(os.mkdir, str(marker))
    return {
        **_pickles(call),
        **_hidden(call),
        **_archives(),
        **_bombs(),
        **_headers(call),
        **_texts(),
        "gzip-and-more.gz": gzip.compress(b"text") + b"PK" + pickle.dumps(call),
        **_programs(str(marker)),
    }


def _pickles(call: Call) -> dict[str, bytes]:
    found = {f"protocol-{number}.pkl": pickle.dumps(call, number) for number in range(6)}
    array = np.array([call], dtype=object)
    path = str(call.arguments[0])
    found |= {
        "model.json": pickle.dumps(call, 0),
        "model.onnx": pickle.dumps(call, 4),
        "notes.txt": pickle.dumps({"a": [1, call]}, 0),
        "in-a-model.pkl": pickle.dumps({"weights": np.ones(3), "more": (call,)}),
        "plain.joblib": _joblib({"weights": np.ones(3), "more": call}, 0),
        "object-array.joblib": _joblib({"weights": array}, 0),
        "broken-afterwards.pkl": pickle.dumps(call)[:-1] + b"\xff\xff\xff",
        "cut.pkl": pickle.dumps([call, list(range(100))])[:-20],
        "two-pickles.pkl": pickle.dumps({"a": 1}) + pickle.dumps(call),
        "leading-none.pkl": b"N0" + pickle.dumps(call, 0),
        "leading-numbers.pkl": b"I1\n0I2\n0" * 1000 + pickle.dumps(call, 0),
        "like-gguf.gguf": b"GGUF" + bytes(5) + b"0" + pickle.dumps(call, 0),
        "like-catboost.cbm": b"CBM1" + bytes(64) + b"0" + pickle.dumps(call, 2),
        "like-litert.tflite": b"C\x07\0\0TFL3\0" + b"0" + pickle.dumps(call, 1),
        "leading-memo.pkl": b"Vtext\np0\n0" + pickle.dumps(call, 1),
        "resolve-name.pkl": b"cpkgutil\nresolve_name\n(Vos:mkdir\ntR(V" + path.encode() + b"\ntR.",
        "inst.pkl": b"(V" + path.encode() + b"\nios\nmkdir\n.",
        "obj.pkl": b"(cos\nmkdir\nV" + path.encode() + b"\no.",
        "names-from-memo.pkl": b"\x80\x04\x8c\x02os\x94\x8c\x05mkdir\x940\x940h\x00h\x01\x93\x8c"
        + bytes([len(path)])
        + path.encode()
        + b"\x85R.",
        "extension-number.pkl": b"\x80\x02\x82\x01.",
        "persistent.pkl": b"\x80\x02Vname\nQ.",
        "old.joblib": b"ZF0x" + b"0" * 15 + zlib.compress(pickle.dumps(call)),
    }
    return found


def _joblib(value: Any, compress: Any) -> bytes:
    file = io.BytesIO()
    joblib.dump(value, file, compress=compress)
    return file.getvalue()


def _hidden(call: Call) -> dict[str, bytes]:
    plain = pickle.dumps(call)
    packers: Mapping[str, Callable[[bytes], bytes]] = {
        "gz": gzip.compress,
        "zlib": zlib.compress,
        "bz2": bz2.compress,
        "xz": lzma.compress,
        "lzma": lambda content: lzma.compress(content, lzma.FORMAT_ALONE),
        "lz4": lz4.frame.compress,
        "zst": zstandard.compress,
    }
    found = {f"pickle.{name}": pack(plain) for name, pack in packers.items()}
    found |= {
        f"compressed-{name}.joblib": _joblib(call, (name, 3)) for name in ("zlib", "gzip", "bz2", "xz", "lz4")
    }
    torch = {"archive/data.pkl": plain, "archive/data/0": bytes(64), "archive/version": b"3\n"}
    script = {
        "model/data.pkl": pickle.dumps(1),
        "model/code/__torch__/m.py": b"def forward(self, x):\n  return x\n",
    }
    found |= {
        "gzip-in-gzip.gz": gzip.compress(gzip.compress(plain)),
        "gzip-in-zip-in-gzip": gzip.compress(_zip({"weights.bin": gzip.compress(plain)})),
        "in-a-tar.tar": _tar({"model.txt": plain}),
        "in-a-tar-gz.tar.gz": gzip.compress(_tar({"weights/a.bin": plain})),
        "in-a-zip.zip": _zip({"readme.txt": b"hello", "deep/inside.json": plain}),
        "weights.pt": _zip(torch, zipfile.ZIP_STORED),
        "script.pt": _zip(script, zipfile.ZIP_STORED),
        "objects.npy": _npy(np.array([call], dtype=object)),
        "objects.npz": _zip({"a.npy": _npy(np.ones(3)), "b.npy": _npy(np.array([call], dtype=object))}),
        "pickle-named.npy": plain,
        "pickle-and-zip.bin": plain + _zip({"readme.txt": b"hello"}),
        "text-and-zip.txt": b"just a text\n" * 10 + _zip(torch),
        "joblib-in-gzip-twice.gz": gzip.compress(_joblib(call, ("zlib", 3))),
        "second-stream.gz": gzip.compress(pickle.dumps(call)[:10]) + gzip.compress(pickle.dumps(call)[10:]),
    }
    return found


def _npy(array: Any) -> bytes:
    file = io.BytesIO()
    np.save(file, array, allow_pickle=True)
    return file.getvalue()


def _zip(files: Mapping[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", method) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return file.getvalue()


def _tar(files: Mapping[str, bytes]) -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as archive:
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return file.getvalue()


def _special(kind: bytes, target: str) -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as archive:
        info = tarfile.TarInfo("model")
        info.type, info.linkname = kind, target
        archive.addfile(info)
    return file.getvalue()


def _archives() -> dict[str, bytes]:
    link = zipfile.ZipInfo("link")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr(link, "/etc/passwd")
    names = {
        f"slip-{place}": name
        for place, name in enumerate(["../a", "/etc/a", "a/../../b", "C:\\a", "a\\..\\b"])
    }
    found = {f"{key}.zip": _zip({"good": b"1", name: b"2"}) for key, name in names.items()}
    found |= {f"{key}.tar": _tar({"good": b"1", name: b"2"}) for key, name in names.items()}
    found |= {
        "symlink.zip": file.getvalue(),
        "symlink.tar": _special(tarfile.SYMTYPE, "/etc"),
        "hardlink.tar": _special(tarfile.LNKTYPE, "../../etc/passwd"),
        "device.tar": _special(tarfile.CHRTYPE, ""),
        "pipe.tar": _special(tarfile.FIFOTYPE, ""),
        "twice.tar": _tar({"a": b"1"})[:1024] + _tar({"a": b"2"}),
        "two-cases.zip": _zip({"Model": b"1", "model": b"2"}),
        "nul.zip": _zip({"good.onnxXevil": b"1"}).replace(b"good.onnxX", b"good.onnx\0"),
        "two-names.zip": _zip({"aaaa": b"1"}).replace(b"aaaa", b"bbbb", 1),
        "many-members.zip": _zip({str(number): b"" for number in range(30_000)}),
        "long-name.tar": _long_name(),
    }
    return found


def _long_name() -> bytes:
    """A name of 200 MiB is announced, and the file is not even as long."""
    info = tarfile.TarInfo("././@LongLink")
    info.type, info.size = tarfile.GNUTYPE_LONGNAME, 200 * MIB
    return info.tobuf(tarfile.GNU_FORMAT) + bytes(512)


def _bombs() -> dict[str, bytes]:
    zeros = bytes(64 * MIB)
    zipped = _zip({"a": zeros})
    nested = gzip.compress(b"a")
    for _ in range(12):
        nested = gzip.compress(nested)
    layers = _zip({"a": b"x"})
    for _ in range(12):
        layers = _zip({"a": layers})
    shared = _overlapping()
    alone = lzma.compress(zeros, lzma.FORMAT_ALONE, preset=0)
    return {
        "bomb.zip": zipped,
        "bomb.gz": gzip.compress(zeros),
        "bomb.bz2": bz2.compress(zeros),
        "bomb.xz": lzma.compress(zeros, preset=0),
        "bomb.zst": zstandard.compress(zeros),
        "bomb.lz4": lz4.frame.compress(zeros),
        "bomb.zlib": zlib.compress(zeros),
        "bomb.tar.gz": gzip.compress(_tar({"a": zeros})),
        "bomb-in-bomb.gz": gzip.compress(gzip.compress(zeros)),
        "bomb-in-zip.zip": _zip({f"{number}.zip": zipped for number in range(20)}),
        "many-streams.gz": gzip.compress(bytes(MIB)) * 100,
        "nested-12.gz": nested,
        "nested-12.zip": layers,
        "overlapping.zip": shared,
        "memory.lzma": b"\x5d" + struct.pack("<I", 1 << 31) + alone[5:],
    }


def _overlapping() -> bytes:
    """A zip whose entries all lead to the same bytes."""
    single = _zip({"a": bytes(MIB)})
    end = single.rfind(b"PK\x05\x06")
    start = single.find(b"PK\x01\x02")
    entry = single[start:end]
    entries = b"".join(entry.replace(b"a", name.encode(), 1) for name in "abcdefghij")
    tail = struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, 10, 10, len(entries), start, 0)
    return single[:start] + entries + tail


def _header(text: str, body: bytes = b"", version: int = 1) -> bytes:
    packed = text.encode()
    length = struct.pack("<H" if version == 1 else "<I", len(packed))
    return b"\x93NUMPY" + bytes([version, 0]) + length + packed + body


def _safetensors(header: Any, body: bytes = b"") -> bytes:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + body


def _tensor(first: int, last: int, shape: list[int]) -> dict[str, Any]:
    return {"dtype": "F32", "shape": shape, "data_offsets": [first, last]}


def _headers(call: Call) -> dict[str, bytes]:
    plain = "'fortran_order': False"
    return {
        "terabytes.npy": _header(f"{{'descr': '<f8', {plain}, 'shape': (1099511627776,)}}"),
        "below-zero.npy": _header(f"{{'descr': '<f8', {plain}, 'shape': (-5,)}}", bytes(80)),
        "many-sides.npy": _header(f"{{'descr': '<f8', {plain}, 'shape': ({'9,' * 5000})}}"),
        "records-of-objects.npy": _header(
            f"{{'descr': [('a', '<f8'), ('b', '|O')], {plain}, 'shape': (1,)}}", bytes(16)
        ),
        "long-header.npy": _header("{" + " " * (8 * MIB), version=2),
        "deep-header.npy": _header("(" * 30_000, version=2),
        "code-in-header.npy": _header("__import__('os').mkdir('x')"),
        "huge-header.safetensors": struct.pack("<Q", 1 << 39) + b'{"a":1}' + bytes(100),
        "past-the-end.safetensors": _safetensors({"a": _tensor(0, 4_000_000, [1_000_000])}, bytes(4)),
        "overlap.safetensors": _safetensors({"a": _tensor(0, 8, [2]), "b": _tensor(4, 12, [2])}, bytes(12)),
        "wrong-size.safetensors": _safetensors({"a": _tensor(0, 8, [2**40])}, bytes(8)),
        "twice.safetensors": _safetensors(
            b'{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"a":1}', bytes(4)
        ),
        "deep.safetensors": _safetensors(b'{"a":' * 30_000),
        "pickle-behind.safetensors": _safetensors({"a": _tensor(0, 4, [1])}, bytes(4) + pickle.dumps(call)),
        "elsewhere.onnx": _onnx("../../etc/passwd"),
        "absolute.onnx": _onnx("/etc/passwd"),
        "windows.onnx": _onnx("..\\..\\secrets"),
        "elsewhere-in-attribute.onnx": _onnx("../up", in_attribute=True),
        "longer-than-it-is.onnx": b"\x08\x09\x3a\xff\xff\xff\xff\x0f" + bytes(50),
        "endless-number.onnx": b"\x08\x09\x12\x01a\x3a\x20" + b"\xff" * 40,
        "deep.onnx": _deep_onnx(),
        "claims-much.zip": _claims(),
        "lambda.keras": _keras(
            {"class_name": "Lambda", "config": {"function": {"class_name": "__lambda__"}}}
        ),
        "any-callable.keras": _keras({"module": "subprocess", "class_name": "Popen", "config": {}}),
        "get-file.keras": _keras({"module": "keras.utils", "class_name": "function", "config": "get_file"}),
        "lambda.h5": b"\x89HDF\r\n\x1a\n"
        + bytes(2000)
        + b'{"layers": [{"class_name": "Lambda", "config": {}}]}',
    }


def _onnx(location: str, *, in_attribute: bool = False) -> bytes:
    tensor = TensorProto(name="w", data_type=TensorProto.FLOAT, dims=[4], data_location=TensorProto.EXTERNAL)
    tensor.external_data.add(key="location", value=location)
    nodes = [helper.make_node("Identity", ["w"], ["y"])]
    if in_attribute:
        nodes = [helper.make_node("Constant", [], ["y"], value=tensor)]
    output = [helper.make_tensor_value_info("y", TensorProto.FLOAT, [4])]
    graph = helper.make_graph(nodes, "g", [], output, [] if in_attribute else [tensor])
    opsets = [helper.make_opsetid("", 19)]
    found: bytes = helper.make_model(graph, ir_version=9, opset_imports=opsets).SerializeToString()
    return found


def _deep_onnx() -> bytes:
    """Graphs in attributes of nodes of graphs, a hundred deep."""
    graph = b""
    for _ in range(100):
        attribute = b"\x32" + _length(graph) + graph
        node = b"\x2a" + _length(attribute) + attribute
        graph = b"\x0a" + _length(node) + node
    return b"\x08\x09\x12\x01a\x3a" + _length(graph) + graph


def _length(content: bytes) -> bytes:
    count, found = len(content), b""
    while count > 127:
        found += bytes([count & 127 | 128])
        count >>= 7
    return found + bytes([count])


def _claims() -> bytes:
    """A zip whose index is said to hold four billion members."""
    return (
        b"PK\x03\x04"
        + bytes(60)
        + struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, 60_000, 60_000, 1 << 31, 0, 0)
    )


def _keras(layer: dict[str, Any]) -> bytes:
    config = {"class_name": "Sequential", "module": "keras", "config": {"layers": [layer]}}
    settings = json.dumps(config).encode()
    return _zip({"config.json": settings, "metadata.json": b"{}", "model.weights.h5": b"\x89HDF\r\n\x1a\n"})


def _texts() -> dict[str, bytes]:
    laughs = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10))
    pmml = '<PMML version="4.4">{}</PMML>'
    return {
        "outside.pmml": b'<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><PMML>&x;</PMML>',
        "laughs.pmml": f'<!DOCTYPE a [<!ENTITY l0 "ha">{laughs}]><PMML>&l9;</PMML>'.encode(),
        "dtd-elsewhere.pmml": b'<!DOCTYPE PMML SYSTEM "http://example.org/a.dtd"><PMML/>',
        "parameter.pmml": b'<!DOCTYPE a [<!ENTITY % x SYSTEM "http://example.org/x"> %x;]><PMML/>',
        "wide.pmml": '<?xml version="1.0" encoding="utf-16"?><!DOCTYPE a [<!ENTITY x "y">]><a>&x;</a>'.encode(
            "utf-16"
        ),
        "deep.pmml": pmml.format("<a>" * 100_000).encode(),
        "MLmodel": b"artifact_path: model\nflavors:\n  python_function: !!python/object/apply:os.mkdir [x]\n",
        "tag.yaml": b"a: 1\nb: !<tag:yaml.org,2002:python/object/apply:os.mkdir> [x]\n",
        "laughs.yaml": _yaml_laughs(),
    }


def _yaml_laughs() -> bytes:
    lines = ["a0: &a0 [x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 9)]
    return "\n".join(lines).encode()


def _programs(marker: str) -> dict[str, bytes]:
    code = compile(f"import os; os.mkdir({marker!r})", "model", "exec")
    java = _zip({"META-INF/MANIFEST.MF": b"", "a/Model.class": b"\xca\xfe\xba\xbe" + bytes(40)})
    return {
        "model.so": b"\x7fELF\x02\x01\x01" + bytes(200),
        "model.dll": b"MZ" + bytes(200),
        "model.sh": b"#!/bin/sh\nmkdir x\n",
        "model.wasm": b"\x00asm\x01\x00\x00\x00" + bytes(20),
        "model.marshal": marshal.dumps(code),
        "model.jar": java,
    }
