/// The classes in the order of the probabilities.
pub static CLASSES: [&str; OUTPUTS] = [@@classes@@];

/// The class that the model names, the most probable one where it has neither a threshold nor costs, and the probability of each.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    pub label: &'static str,
    pub probabilities: [(&'static str, f64); OUTPUTS],
}

fn answer(values: [f64; OUTPUTS]) -> Answer {
    let mut best = 0;
    let mut probabilities = [("", 0.0); OUTPUTS];
    for (place, value) in values.iter().enumerate() {
        if *value > values[best] {
            best = place;
        }
        probabilities[place] = (CLASSES[place], *value);
    }
@@naming@@    Answer { label: CLASSES[best], probabilities }
}
