// Scores what comes in on stdin with the model beside this file; see kervan.package.writing.code.driver.
// "score" imports the module, "predict" requires the other one, so that both are proved.
import { readFileSync, writeSync } from "node:fs";
import { createRequire } from "node:module";
import * as imported from "./model.mjs";

const required = createRequire(import.meta.url)("./model.cjs");
const body = readFileSync(0);

function* score(model) {
  const width = model.COLUMNS.length;
  for (let at = 0; at < body.length; at += 8 * width) {
    const row = model.COLUMNS.map((_, place) => body.readDoubleLE(at + 8 * place));
    yield doubles(model.score([row])[0]);
  }
}

function* predict(model) {
  let at = 0;
  while (at < body.length) {
    const row = {};
    for (const { name } of model.COLUMNS) {
      const [value, size] = read(at);
      if (value !== undefined) {
        Object.defineProperty(row, name, { value, enumerable: true });
      }
      at += size;
    }
    yield ask(model, row);
  }
}

function read(at) {
  switch (body[at]) {
    case 0:
      return [undefined, 1];
    case 1:
      return [null, 1];
    case 2:
      return [body.readDoubleLE(at + 1), 9];
    case 3:
      return [body[at + 1] === 1, 2];
    default: {
      const size = body.readUInt32LE(at + 1);
      return [body.toString("utf8", at + 5, at + 5 + size), 5 + size];
    }
  }
}

function ask(model, row) {
  let answer;
  try {
    answer = model.predict(row);
  } catch (error) {
    if (!(error instanceof model.RefusedRow)) {
      throw error;
    }
    return head(0, model.COLUMNS.findIndex((column) => column.name === error.field));
  }
  if (model.CLASSES.length === 0) {
    return Buffer.concat([head(1, 0), doubles([answer.value])]);
  }
  const values = model.CLASSES.map((label) => answer.probabilities[label]);
  return Buffer.concat([head(1, model.CLASSES.indexOf(answer.label)), doubles(values)]);
}

function head(accepted, place) {
  const bytes = Buffer.alloc(5);
  bytes[0] = accepted;
  bytes.writeUInt32LE(place, 1);
  return bytes;
}

function doubles(values) {
  const bytes = Buffer.alloc(8 * values.length);
  values.forEach((value, place) => bytes.writeDoubleLE(value, 8 * place));
  return bytes;
}

const parts = process.argv[2] === "predict" ? predict(required) : score(imported);
const answers = Buffer.concat([...parts]);
for (let at = 0; at < answers.length; ) {
  at += writeSync(1, answers, at);
}
