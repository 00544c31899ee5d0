use crate::model;

pub fn parts(answer: &model::Answer) -> (usize, Vec<f64>) {
    let label = model::CLASSES.iter().position(|class| *class == answer.label).unwrap();
    (label, answer.probabilities.iter().map(|(_, value)| *value).collect())
}
