//! Scores what comes in on stdin with the model beside this file; see kervan.package.writing.code.driver.

mod answers;
mod model;

use model::Value;
use std::io::{Read, Write};

fn main() -> std::io::Result<()> {
    let mut body = Vec::new();
    std::io::stdin().read_to_end(&mut body)?;
    let mut from = Reader { body: &body, at: 0 };
    let mut out = Vec::new();
    let is_named = std::env::args().nth(1).as_deref() == Some("predict");
    while from.at < body.len() {
        if is_named {
            predict(&mut from, &mut out);
        } else {
            let mut row = [0.0; model::INPUTS];
            row.iter_mut().for_each(|number| *number = from.double());
            model::score(&row).iter().for_each(|value| out.extend(value.to_le_bytes()));
        }
    }
    std::io::stdout().write_all(&out)
}

fn predict(from: &mut Reader, out: &mut Vec<u8>) {
    let mut row = Vec::new();
    for column in model::COLUMNS.iter() {
        match from.byte() {
            0 => {}
            1 => row.push((column.name, Value::Missing)),
            2 => row.push((column.name, Value::Number(from.double()))),
            3 => row.push((column.name, Value::Boolean(from.byte() == 1))),
            _ => row.push((column.name, Value::Text(from.text()))),
        }
    }
    match model::predict(&row) {
        Ok(answer) => {
            let (label, values) = answers::parts(&answer);
            out.push(1);
            out.extend((label as u32).to_le_bytes());
            values.iter().for_each(|value| out.extend(value.to_le_bytes()));
        }
        Err(error) => {
            let place = model::COLUMNS.iter().position(|column| column.name == error.field).unwrap();
            out.push(0);
            out.extend((place as u32).to_le_bytes());
        }
    }
}

struct Reader<'a> {
    body: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    fn take(&mut self, size: usize) -> &'a [u8] {
        self.at += size;
        &self.body[self.at - size..self.at]
    }

    fn byte(&mut self) -> u8 {
        self.take(1)[0]
    }

    fn double(&mut self) -> f64 {
        f64::from_le_bytes(self.take(8).try_into().unwrap())
    }

    fn text(&mut self) -> &'a str {
        let size = u32::from_le_bytes(self.take(4).try_into().unwrap());
        std::str::from_utf8(self.take(size as usize)).unwrap()
    }
}
