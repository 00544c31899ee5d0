/// The classes in the order of the probabilities.
pub static CLASSES: [&str; OUTPUTS] = [@@classes@@];

/// The most probable class, the first of several, and the probability of each.
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
    Answer { label: CLASSES[best], probabilities }
}
