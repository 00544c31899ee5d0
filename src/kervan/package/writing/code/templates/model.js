@@strict@@/* A trained model. Written by Kervan; do not edit. Needs no other module.
 *
 * predict takes a row as an object or Map of column names to values, score takes rows of numbers in the order
 * of COLUMNS. */

class RefusedRow extends TypeError {
  constructor(field, what) {
    super(`${JSON.stringify(field)}: ${what}`);
    this.name = "RefusedRow";
    this.field = field;
  }
}

const COLUMNS = [
@@columns@@
];
const OUTPUT = @@output@@;
const CLASSES = @@classes@@;

const LARGEST = 3.4028234663852886e38; // of float32
const CODES = COLUMNS.map((column) => new Map(column.allowed.map((text, place) => [text, place])));

/** Predict one row: { label, probabilities } of a classification, { value } of a regression.
 *
 * A value that is absent, null, undefined or NaN is missing. Throws RefusedRow that names the first field that
 * cannot be used. */
function predict(row) {
  const answer = score([encode(row)])[0];
  if (CLASSES.length === 0) {
    return { value: answer[0] };
  }
  const best = @@best@@;
  return {
    label: CLASSES[best],
    probabilities: Object.fromEntries(CLASSES.map((label, place) => [label, answer[place]])),
  };
}

/** Return the numbers of a row, in the order of COLUMNS. */
function encode(row) {
  if (typeof row !== "object" || row === null || Array.isArray(row)) {
    throw new TypeError(`a row is an object or Map of column names to values; ${shown(row)} is none`);
  }
  return COLUMNS.map((column, place) => read(column, CODES[place], valueOf(row, column.name)));
}

/** Score rows of numbers: NaN where one is missing, the place of a category or -1, booleans as 0 and 1. */
function score(rows) {
  return Array.from(rows, scoreRow);
}

function valueOf(row, name) {
  if (row instanceof Map) {
    return row.get(name);
  }
  return Object.prototype.hasOwnProperty.call(row, name) ? row[name] : undefined;
}

function read(column, codes, value) {
  if (value === undefined || value === null || Number.isNaN(value)) {
    if (!column.nullable) {
      throw new RefusedRow(column.name, "is missing");
    }
    return column.type === "category" ? -1 : NaN;
  }
  if (column.type === "category") {
    return readCategory(column, codes, value);
  }
  if (column.type === "boolean") {
    if (typeof value !== "boolean") {
      throw new RefusedRow(column.name, `${shown(value)} is not true or false`);
    }
    return Number(value);
  }
  return readNumber(column, value);
}

function readCategory(column, codes, value) {
  if (typeof value !== "string") {
    throw new RefusedRow(column.name, `${shown(value)} is not a text`);
  }
  if (!codes.has(value) && column.unseen === "refuse") {
    throw new RefusedRow(column.name, `${shown(value)} is a category that the model does not know`);
  }
  return codes.has(value) ? codes.get(value) : -1;
}

function readNumber(column, value) {
  if (typeof value !== "number") {
    throw new RefusedRow(column.name, `${shown(value)} is not a number`);
  }
  if (!(Math.abs(value) <= LARGEST)) {
    throw new RefusedRow(column.name, `${shown(value)} is beyond ${LARGEST}`);
  }
  if (column.type === "integer" && value !== Math.floor(value)) {
    throw new RefusedRow(column.name, `${shown(value)} is not a whole number`);
  }
  if (column.minimum !== null && value < column.minimum) {
    throw new RefusedRow(column.name, `${shown(value)} is below ${column.minimum}`);
  }
  if (column.maximum !== null && value > column.maximum) {
    throw new RefusedRow(column.name, `${shown(value)} is above ${column.maximum}`);
  }
  return value;
}

function shown(value) {
  return (typeof value === "string" ? JSON.stringify(value) : String(value)).slice(0, 40);
}

/** Read little-endian numbers from base64. */
function unpack(kind, get, text) {
  const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  const view = new DataView(bytes.buffer);
  return kind.from({ length: bytes.length / kind.BYTES_PER_ELEMENT }, (_, place) =>
    view[get](place * kind.BYTES_PER_ELEMENT, true),
  );
}

@@kernels@@
function scoreRow(row) {
  if (row.length !== @@inputs@@) {
    throw new RangeError(`a row has @@inputs@@ numbers, not ${row.length}`);
  }
  const w = new Float64Array(@@work@@);
  w.set(row);
@@calls@@
  return Array.from(w.subarray(@@answer@@, @@end@@));
}

@@constants@@

@@exports@@
