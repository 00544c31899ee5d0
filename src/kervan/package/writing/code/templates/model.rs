//! A trained model. Written by Kervan; do not edit. Needs no crate.
//!
//! `predict` takes a row as pairs of column names and values, `score` takes the numbers of a row in the order of
//! `COLUMNS`.

#![allow(clippy::all, dead_code)]
#![forbid(unsafe_code)]

use std::fmt;

pub const INPUTS: usize = @@inputs@@;
pub const OUTPUTS: usize = @@outputs@@;

/// What the values of an input are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Integer,
    Number,
    Boolean,
    Category,
}

/// What one input takes. A category's number is its place in `allowed`.
#[derive(Debug)]
pub struct Column {
    pub name: &'static str,
    pub kind: Kind,
    pub nullable: bool,
    pub minimum: f64,
    pub maximum: f64,
    pub unit: &'static str,
    pub refuses_unseen: bool,
    pub allowed: &'static [&'static str],
    sorted: &'static [u32],
}

/// One value of a row.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Value<'a> {
    Missing,
    Number(f64),
    Boolean(bool),
    Text(&'a str),
}

/// A row cannot be used; `field` names the column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefusedRow {
    pub field: &'static str,
    pub what: &'static str,
}

impl fmt::Display for RefusedRow {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(to, "{:?}: {}", self.field, self.what)
    }
}

impl std::error::Error for RefusedRow {}

/// The inputs in their order.
pub static COLUMNS: [Column; INPUTS] = [
@@columns@@
];

/// What is predicted.
pub static OUTPUT: &str = @@output@@;

@@answers@@
/// Predict one row. A value that is absent, `Missing` or NaN is missing.
pub fn predict(row: &[(&str, Value)]) -> Result<Answer, RefusedRow> {
    Ok(answer(score(&encode(row)?)))
}

/// Return the numbers of a row, in the order of `COLUMNS`.
pub fn encode(row: &[(&str, Value)]) -> Result<[f64; INPUTS], RefusedRow> {
    let mut numbers = [0.0; INPUTS];
    for (number, column) in numbers.iter_mut().zip(COLUMNS.iter()) {
        let found = row.iter().find(|(name, _)| *name == column.name);
        let value = found.map_or(Value::Missing, |(_, value)| *value);
        *number = read(column, value).map_err(|what| RefusedRow { field: column.name, what })?;
    }
    Ok(numbers)
}

/// Score a row of numbers: NaN where one is missing, the place of a category or -1, booleans as 0 and 1.
pub fn score(row: &[f64; INPUTS]) -> [f64; OUTPUTS] {
    let mut work = @@work@@;
    let w = &mut work[..];
    w[..INPUTS].copy_from_slice(row);
@@calls@@
    let mut answer = [0.0; OUTPUTS];
    answer.copy_from_slice(&w[@@answer@@..@@answer@@ + OUTPUTS]);
    answer
}

fn read(column: &Column, value: Value) -> Result<f64, &'static str> {
    match value {
        Value::Missing if !column.nullable => Err("is missing"),
        Value::Number(number) if number.is_nan() && !column.nullable => Err("is missing"),
        Value::Missing => Ok(if column.kind == Kind::Category { -1.0 } else { f64::NAN }),
        Value::Number(number) if number.is_nan() => read(column, Value::Missing),
        Value::Text(text) if column.kind == Kind::Category => read_category(column, text),
        _ if column.kind == Kind::Category => Err("is not a text"),
        Value::Boolean(value) if column.kind == Kind::Boolean => Ok(if value { 1.0 } else { 0.0 }),
        _ if column.kind == Kind::Boolean => Err("is not true or false"),
        Value::Number(number) => read_number(column, number),
        _ => Err("is not a number"),
    }
}

fn read_category(column: &Column, text: &str) -> Result<f64, &'static str> {
    match column.sorted.binary_search_by(|code| column.allowed[*code as usize].cmp(text)) {
        Ok(place) => Ok(f64::from(column.sorted[place])),
        Err(_) if column.refuses_unseen => Err("is a category that the model does not know"),
        Err(_) => Ok(-1.0),
    }
}

fn read_number(column: &Column, number: f64) -> Result<f64, &'static str> {
    if number.abs() > f64::from(f32::MAX) {
        return Err("is beyond the largest float32");
    }
    if column.kind == Kind::Integer && number != number.floor() {
        return Err("is not a whole number");
    }
    if number < column.minimum {
        return Err("is below the minimum");
    }
    if number > column.maximum {
        return Err("is above the maximum");
    }
    Ok(number)
}

fn round32(x: f64) -> f64 {
    f64::from(x as f32)
}

@@kernels@@
@@constants@@
