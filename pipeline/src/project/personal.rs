//! `[personal]`: what counts as personal data in this project, and how it is hidden.

use deskmill_models::text::pii::{PiiRules, PiiType};

use super::checked::Personal;
use super::names::hint_for;
use super::problems::quoted;
use super::section::Section;

/// The section; what is wrong in it is noted and left out.
pub(super) fn read_personal(mut section: Section<'_>) -> Personal {
    let types = read_types(&mut section);
    let order_numbers = if types.is_empty() || types.iter().any(|kind| kind == PiiType::OrderNumber.name()) {
        read_order_numbers(&mut section)
    } else {
        section.without_effect("order_numbers", "when `types` leaves `order_number` out");
        Vec::new()
    };
    let pseudonym_key_env = read_key_env(&mut section);
    section.finish();
    Personal {
        order_numbers,
        types,
        pseudonym_key_env,
    }
}

fn read_types(section: &mut Section<'_>) -> Vec<String> {
    let known: Vec<&str> = PiiType::ALL.iter().map(|kind| kind.name()).collect();
    let mut types = Vec::new();
    for written in section.texts("types") {
        if known.contains(&written.value.as_str()) {
            types.push(written.value);
        } else {
            section.problems().add(
                Some(written.span),
                format!("{} is no type of personal data", quoted(&written.value)),
                hint_for(&written.value, &known, "the types are"),
            );
        }
    }
    types
}

fn read_order_numbers(section: &mut Section<'_>) -> Vec<String> {
    let written = section.texts("order_numbers");
    let mut patterns = Vec::new();
    for pattern in written {
        // All so far and this one, so that the bound on their number is seen as well.
        patterns.push(pattern.value);
        if let Err(error) = PiiRules::default().with_order_numbers(&patterns) {
            patterns.pop();
            section
                .problems()
                .add(Some(pattern.span), error.to_string(), error.hint());
        }
    }
    patterns
}

/// The name of an environment variable. Lower case is refused because a key that is written here by mistake has it.
fn read_key_env(section: &mut Section<'_>) -> Option<String> {
    let written = section.text("pseudonym_key_env")?;
    let is_name = written.value.starts_with(|c: char| c.is_ascii_uppercase() || c == '_')
        && written
            .value
            .bytes()
            .all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_');
    if !is_name {
        // It may be the key, so it is told of at the section's head and its line is not shown.
        section.problems().add(
            section.span_within(""),
            "`pseudonym_key_env` is not the name of an environment variable (A-Z, 0-9 and `_`)",
            "keep the key out of this file, and name the variable that holds it: `pseudonym_key_env = \"DESKMILL_PSEUDONYM_KEY\"`",
        );
        return None;
    }
    Some(written.value)
}
