//! TOML values as JSON, for the recipes, whose keys only their kind knows.

use serde_json::{Map, Number, Value};
use toml::Spanned;
use toml::de::{DeInteger, DeValue};

use super::problems::Problems;

/// The value as JSON, tables in the order of the file. What JSON cannot hold is noted and becomes null.
pub(super) fn from_toml(value: &Spanned<DeValue<'_>>, problems: &Problems) -> Value {
    let refuse = |what: &str| {
        problems.add(
            Some(value.span()),
            format!("a recipe cannot hold {what}"),
            "write a plain number or a text",
        );
        Value::Null
    };
    match value.get_ref() {
        DeValue::String(text) => Value::String(text.clone().into_owned()),
        DeValue::Boolean(flag) => Value::Bool(*flag),
        DeValue::Integer(digits) => match whole_number(digits) {
            Some(number) => Value::Number(number),
            None => refuse("a whole number of more than 64 bits"),
        },
        DeValue::Float(float) => match float.as_str().parse().ok().and_then(Number::from_f64) {
            Some(number) => Value::Number(number),
            None => refuse("a number that is not finite"),
        },
        DeValue::Datetime(_) => refuse("a date"),
        DeValue::Array(items) => Value::Array(items.iter().map(|item| from_toml(item, problems)).collect()),
        DeValue::Table(table) => {
            let mut entries: Vec<_> = table.iter().collect();
            entries.sort_by_key(|(key, _)| key.span().start);
            let inner = entries
                .into_iter()
                .map(|(key, value)| (key.get_ref().to_string(), from_toml(value, problems)));
            Value::Object(inner.collect::<Map<_, _>>())
        }
    }
}

fn whole_number(digits: &DeInteger<'_>) -> Option<Number> {
    let signed = i64::from_str_radix(digits.as_str(), digits.radix())
        .ok()
        .map(Number::from);
    signed.or_else(|| {
        u64::from_str_radix(digits.as_str(), digits.radix())
            .ok()
            .map(Number::from)
    })
}
