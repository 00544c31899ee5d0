"""Run in a process of its own: break stored models in many ways, load each, and let it answer.

Arguments: the folder of the stored models, the seed, how many mutations. Each model is a folder with the two
files. Prints the number of the mutation before each, and at the end how many were refused and how many
answered. Any other outcome ends the process with an error; a crash ends it by a signal.
"""

from __future__ import annotations

import json
import random
import resource
import sys
import warnings
from pathlib import Path
from typing import Any

import numpy as np

from kervan.core.errors import Corrupted, Refused
from kervan.core.schema import Column, Schema, Signature, Type
from kervan.package.writing.formats.native import NativeFormat

INPUTS = Schema(tuple(Column(name=f"x{place}", type=Type.NUMBER) for place in range(8)))
CLASSES = Column(name="y", type=Type.CATEGORY, allowed=("0", "1", "2"))
NUMBER = Column(name="y", type=Type.NUMBER)
NUMBERS = [0, 1, -1, 2, 7, 8, 9, 255, 624, 2**31 - 1, 2**31, -(2**31), 2**53, -(2**40), 0.5, True, None, "a"]
MEMORY = 3 << 30


def mutate(folder: Path, target: Path, chance: random.Random) -> None:
    text, arrays = (folder / "model.json").read_bytes(), bytearray((folder / "arrays.bin").read_bytes())
    ways = [
        _flip_arrays,
        _flip_whole,
        _change_values,
        _change_values,
        _change_shapes,
        _swap,
        _cut,
        _flip_text,
    ]
    text, arrays = chance.choice(ways)(text, arrays, chance)
    (target / "model.json").write_bytes(text)
    (target / "arrays.bin").write_bytes(arrays)


def _flip_arrays(text: bytes, arrays: bytearray, chance: random.Random) -> Any:
    for _ in range(chance.choice([1, 3, 30])):
        arrays[chance.randrange(len(arrays))] ^= 1 << chance.randrange(8)
    return text, arrays


def _flip_whole(text: bytes, arrays: bytearray, chance: random.Random) -> Any:
    """Write a whole number of eight bytes where one may lie."""
    for _ in range(chance.choice([1, 5])):
        place = chance.randrange(len(arrays) // 8) * 8
        number = chance.choice([-1, -2, 0, 3, 2**31, 2**40, 2**62, -(2**60)])
        arrays[place : place + 8] = number.to_bytes(8, "little", signed=True)
    return text, arrays


def _flip_text(text: bytes, arrays: bytearray, chance: random.Random) -> Any:
    broken = bytearray(text)
    for _ in range(chance.choice([1, 3])):
        broken[chance.randrange(len(broken))] = chance.choice(b'0123456789[]{}",.-eE')
    return bytes(broken), arrays


def _places(node: Any) -> list[tuple[Any, Any]]:
    """List every place in the description that holds a value."""
    found: list[tuple[Any, Any]] = []
    waiting = [node]
    while waiting:
        node = waiting.pop()
        inside = node.items() if isinstance(node, dict) else enumerate(node)
        for key, value in inside:
            if isinstance(value, (dict, list)):
                waiting.append(value)
            else:
                found.append((node, key))
    return found


def _change_values(text: bytes, arrays: bytearray, chance: random.Random) -> Any:
    model = json.loads(text)
    places = _places(model["nodes"]) + _places([model["root"]])
    for _ in range(chance.choice([1, 2])):
        node, key = chance.choice(places)
        node[key] = chance.choice([*NUMBERS, [chance.randrange(len(model["nodes"]))]])
    return json.dumps(model).encode(), arrays


def _change_shapes(text: bytes, arrays: bytearray, chance: random.Random) -> Any:
    """Turn an array's shape, take items away, or give it another dtype of the same size."""
    model = json.loads(text)
    entry = chance.choice(model["arrays"])
    way = chance.randrange(3)
    if way == 0:
        entry["shape"] = entry["shape"][::-1]
    elif way == 1:
        entry["shape"] = [int(np.prod(entry["shape"]))]
    else:
        entry["dtype"] = chance.choice(
            {"<f8": ["<i8", "<u8"], "<i8": ["<f8"]}.get(entry["dtype"], [entry["dtype"]])
        )
    return json.dumps(model).encode(), arrays


def _swap(text: bytes, arrays: bytearray, chance: random.Random) -> Any:
    """Swap two nodes, so that objects get attributes of other kinds."""
    model = json.loads(text)
    nodes = model["nodes"]
    one, other = chance.randrange(len(nodes)), chance.randrange(len(nodes))
    nodes[one], nodes[other] = nodes[other], nodes[one]
    return json.dumps(model).encode(), arrays


def _cut(text: bytes, arrays: bytearray, chance: random.Random) -> Any:
    if chance.random() < 0.5:
        return text[: chance.randrange(len(text))], arrays
    return text, arrays[: chance.randrange(len(arrays))]


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def main(models: Path, seed: int, count: int) -> None:
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    warnings.simplefilter("ignore")
    np.seterr(all="ignore")
    rows = np.random.default_rng(0).normal(size=(40, 8)).astype(np.float32)
    folders = sorted(path for path in models.iterdir() if path.is_dir())
    target = models / f"mutated-{seed}"
    target.mkdir()
    refused = answered = 0
    for number in range(count):
        chance = random.Random(seed * 1_000_000 + number)
        folder = chance.choice(folders)
        _say(f"{number} {folder.name}")
        mutate(folder, target, chance)
        signature = Signature(inputs=INPUTS, output=NUMBER if folder.name.startswith("number") else CLASSES)
        try:
            values = NativeFormat().load(target, signature).predict(rows)
        except (Corrupted, Refused):
            refused += 1
            continue
        assert values.shape == (40, 1 if folder.name.startswith("number") else 3), values.shape
        answered += 1
    _say(json.dumps({"refused": refused, "answered": answered}))


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
