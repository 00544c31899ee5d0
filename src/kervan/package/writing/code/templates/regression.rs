/// The predicted number.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    pub value: f64,
}

fn answer(values: [f64; OUTPUTS]) -> Answer {
    Answer { value: values[0] }
}
