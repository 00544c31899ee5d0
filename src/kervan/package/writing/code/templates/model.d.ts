/** A trained model. Written by Kervan; do not edit. */

/** What one input takes. A category's number is its place in `allowed`. */
export interface Column {
  readonly name: string;
  readonly type: "integer" | "number" | "boolean" | "category";
  readonly nullable: boolean;
  readonly minimum: number | null;
  readonly maximum: number | null;
  readonly unit: string;
  readonly unseen: "as_missing" | "refuse";
  readonly allowed: readonly string[];
}

/** One row by column names. */
export interface Row {
@@fields@@
}

export interface Answer {
@@answer@@
}

/** A row cannot be used; `field` names the column. */
export class RefusedRow extends TypeError {
  readonly field: string;
}

export const COLUMNS: readonly Column[];
export const OUTPUT: string;
export const CLASSES: readonly string[];

/** Predict one row. A value that is absent, null or NaN is missing. */
export function predict(row: Row | ReadonlyMap<string, unknown>): Answer;

/** Return the numbers of a row, in the order of COLUMNS. */
export function encode(row: Row | ReadonlyMap<string, unknown>): number[];

/** Score rows of numbers: NaN where one is missing, the place of a category or -1, booleans as 0 and 1. */
export function score(rows: Iterable<ArrayLike<number>>): number[][];
