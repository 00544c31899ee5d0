"""C99, which compiles as C++ too."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from kervan.core.errors import Refused
from kervan.core.schema import Type
from kervan.package.writing.code.printer import Printer, decimals, numbers_of
from kervan.package.writing.code.program import Constant
from kervan.package.writing.code.text import c_text, fill, naming

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from kervan.core.schema import Signature
    from kervan.package.writing.code.program import Program

_TYPES = {
    "float32": "float",
    "float64": "double",
    "uint8": "uint8_t",
    "uint16": "uint16_t",
    "int32": "int32_t",
}
_SCALARS = {"int": "int32_t", "float": "double", "bool": "bool", "None": "void"}
_LARGEST_WORK = 65_536  # doubles, 512 KiB of stack


class CPrinter(Printer):
    """Kernels in C."""

    functions: ClassVar[dict[str, str]] = {
        **{name: name for name in ("exp", "expm1", "fabs", "floor", "isnan", "log", "log1p", "sqrt", "tanh")},
        "power": "pow",
    }

    def head(self, name: str, arguments: Sequence[tuple[str, str]], result: str) -> str:
        """Print the head of a function."""
        given = ", ".join(
            f"double *{each}"
            if kind == "Work"
            else f"const {_TYPES[kind]} *{each}"
            if kind in _TYPES
            else f"{_SCALARS[kind]} {each}"
            for each, kind in arguments
        )
        return f"static {_SCALARS[result]} {name}({given})"

    def declare(self, name: str, kind: str, value: str, *, changes: bool) -> str:
        """Print a local variable."""
        return f"{'' if changes else 'const '}{_SCALARS[kind]} {name} = {value}"

    def loop(self, name: str, first: str, last: str) -> str:
        """Print the head of a loop."""
        return f"for (int32_t {name} = {first}; {name} < {last}; {name}++)"

    def cast(self, value: str, kind: str) -> str:
        """Print a conversion."""
        return f"({_SCALARS[kind]}){value}"

    def function(self, name: str, arguments: Sequence[str]) -> str:
        """Print the call of a function of libm."""
        if name == "round32":
            return f"round32({arguments[0]})"
        return super().function(name, arguments)


# GCC 12 vectorises (double)(float)x of a few numbers at -O2 and leaves the rounding out.
_ROUNDING = """static double round32(double x) {
    volatile float single = (float)x;
    return (double)single;
}

"""


def _with_rounding(kernels: str) -> str:
    return _ROUNDING + kernels if "round32(" in kernels else kernels


def write_c(program: Program, name: str = "model") -> Mapping[str, str]:
    """Return header and source by file name. Raises `Refused` for what C cannot hold."""
    signature = program.signature
    _check(program)
    printer = CPrinter(program)
    calls = [
        f"    {printer.name_of(call)}({', '.join(['w', *map(_argument, numbers_of(call))])});"
        for call in program.calls
    ]
    parts = {
        "name": name,
        "guard": name.upper(),
        "inputs": str(len(signature.inputs)),
        "outputs": str(program.outputs),
        "gives": "probabilities" if signature.is_classification else "the value",
        "stack": f"{8 * program.work:,}",
        "work": str(program.work),
        "answer": str(program.answer),
        "kernels": _with_rounding(printer.kernels()),
        "calls": "\n".join(calls),
        "names": _texts(column.name for column in signature.inputs),
        "units": _texts(column.unit for column in signature.inputs),
        "types": _texts(column.type for column in signature.inputs),
        "output": c_text(signature.output.name),
        "lookups": _lookups(signature, name),
        **_classes(signature, name),
    }
    arrays = "".join(map(_array, program.constants))
    return {
        f"{name}.h": fill("model.h", {**parts, "constants": f"{program.constant_bytes:,}"}),
        f"{name}.c": fill("model.c", {**parts, "constants": arrays}),
    }


def _check(program: Program) -> None:
    if program.work > _LARGEST_WORK:
        raise Refused(
            f"scoring a row needs {8 * program.work:,} bytes of work, which is too much for the stack in C",
            hint=f"the limit is {8 * _LARGEST_WORK:,}; choose another family, or the format onnx",
        )
    for column in (*program.signature.inputs, program.signature.output):
        for text in (column.name, *column.allowed):
            if "\0" in text:
                raise Refused(
                    f"column {column.name!r}: {text!r} has a zero character, where texts end in C",
                    hint="clean it before training, or write the model in another format",
                )


def _argument(value: float | Constant) -> str:
    return value.name if isinstance(value, Constant) else repr(value)


def _array(constant: Constant) -> str:
    kind = constant.values.dtype.name
    suffix = "f" if kind == "float32" else ""
    numbers = [_number(each, suffix) for each in decimals(constant.values)] or ["0"]
    lines = [", ".join(numbers[at : at + 12]) for at in range(0, len(numbers), 12)]
    inner = ",\n    ".join(lines)
    return f"static const {_TYPES[kind]} {constant.name}[{len(numbers)}] = {{\n    {inner}}};\n"


def _number(text: str, suffix: str) -> str:
    named = {"inf": "INFINITY", "-inf": "-INFINITY", "nan": "NAN"}
    return named.get(text) or text + suffix


def _texts(texts: Iterable[str]) -> str:
    return ", ".join(map(c_text, texts))


_CLASS_PARTS = (
    "classes_comment",
    "classes_counted",
    "classes_declared",
    "classes_defined",
    "label_declared",
)


def _classes(signature: Signature, name: str) -> dict[str, str]:
    if not signature.is_classification:
        return dict.fromkeys(_CLASS_PARTS, "")
    count = f"{name.upper()}_CLASSES"
    texts = _texts(signature.output.allowed)
    defined = f"const char *const {name}_classes[{count}] = {{{texts}}};\n"
    rules = (rule.format(name=name, count=count) for rule in (_BY_THRESHOLD, _BY_COSTS))
    label = naming(signature, *rules) or _LABEL.format(name=name, count=count)
    return {
        "classes_counted": f"#define {count} {len(signature.output.allowed)}\n",
        "classes_comment": ", and its classes in the order of the probabilities",
        "classes_declared": f"extern const char *const {name}_classes[{count}];\n",
        "classes_defined": defined + label,
        "label_declared": "\n/* The class that an answer names: the likeliest, or by threshold or costs. */\n"
        f"const char *{name}_label(const double *output);\n",
    }


def _lookups(signature: Signature, name: str) -> str:
    """Print tables of categories in the order of their bytes, and the function that looks a text up."""
    tables, cases = [], []
    for place, column in enumerate(signature.inputs):
        if column.type is not Type.CATEGORY or not column.allowed:
            continue
        coded = sorted((text.encode(), code) for code, text in enumerate(column.allowed))
        texts = ",\n    ".join(c_text(text.decode()) for text, _ in coded)
        codes = ", ".join(str(code) for _, code in coded)
        count = len(coded)
        tables.append(f"static const char *const texts_{place}[{count}] = {{\n    {texts}}};\n")
        tables.append(f"static const int32_t codes_{place}[{count}] = {{{codes}}};\n")
        cases.append(
            f"    case {place}:\n        return find(text, texts_{place}, codes_{place}, {count});\n"
        )
    if not tables:
        return _NO_CODES.format(name=name)
    return "".join(tables) + _FIND + _CODE.format(name=name, cases="".join(cases))


_FIND = """
static int find(const char *text, const char *const *texts, const int32_t *codes, int count) {
    int low = 0;
    int high = count;
    while (low < high) {
        const int middle = low + (high - low) / 2;
        const int order = strcmp(texts[middle], text);
        if (order == 0) {
            return (int)codes[middle];
        }
        if (order < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return -1;
}
"""

_LABEL = """
const char *{name}_label(const double *output) {{
    int best = 0;
    for (int i = 1; i < {count}; i++) {{
        if (output[i] > output[best]) {{
            best = i;
        }}
    }}
    return {name}_classes[best];
}}
"""

_BY_THRESHOLD = """
const char *{name}_label(const double *output) {{
    return {name}_classes[output[1] >= THRESHOLD ? 1 : 0];
}}
"""

_BY_COSTS = """
const char *{name}_label(const double *output) {{
    int best = 0;
    double least = INFINITY;
    for (int i = 0; i < {count}; i++) {{
        double cost = 0.0;
        for (int k = 0; k < {count}; k++) {{
            cost += output[k] * costs[i * {count} + k];
        }}
        if (cost < least) {{
            least = cost;
            best = i;
        }}
    }}
    return {name}_classes[best];
}}
"""

_CODE = """
int {name}_code(int column, const char *text) {{
    if (text == NULL) {{
        return -1;
    }}
    switch (column) {{
{cases}    default:
        return -1;
    }}
}}
"""

_NO_CODES = """
int {name}_code(int column, const char *text) {{
    (void)column;
    (void)text;
    return -1;
}}
"""
