//! Where the model comes from: its recipe, and the tables its examples were drawn from.

use maud::{Markup, html};
use serde_json::Value;

use super::numbers::count;
use super::{boxed, foreign, nothing};

/// Every checked hyper-parameter; keys inside of keys are joined by dots.
pub(super) fn recipe(recipe: &Value) -> Markup {
    let mut lines = Vec::new();
    flatten(recipe, "", &mut lines);
    if lines.is_empty() {
        return nothing("This kind has no hyper-parameters.");
    }
    let table = html! {
        table.narrow {
            thead { tr { th scope="col" { "Key" } th scope="col" { "Value" } } }
            tbody {
                @for (key, value) in &lines {
                    tr { th scope="row" { code { (foreign(key)) } } td { code { (foreign(value)) } } }
                }
            }
        }
    };
    html! {
        p.how { "The same examples, recipe and code give the same model, byte for byte." }
        (boxed("Recipe", lines.len(), &table))
    }
}

fn flatten(value: &Value, path: &str, lines: &mut Vec<(String, String)>) {
    match value {
        Value::Object(fields) => {
            for (key, value) in fields {
                let path = if path.is_empty() {
                    key.clone()
                } else {
                    format!("{path}.{key}")
                };
                flatten(value, &path, lines);
            }
        }
        Value::Null if path.is_empty() => {}
        other => lines.push((path.to_owned(), other.to_string())),
    }
}

/// Tables, rows and digests: enough to tell whether two models saw the same rows.
pub(super) fn lineage(tables: &[(String, u64, String)]) -> Markup {
    if tables.is_empty() {
        return nothing("No table is recorded.");
    }
    let table = html! {
        table {
            thead { tr {
                th scope="col" { "Table" }
                th.number scope="col" { "Rows" }
                th scope="col" { "Digest" }
            } }
            tbody {
                @for (name, rows, digest) in tables {
                    tr {
                        th scope="row" { (foreign(name)) }
                        td.number { (count(*rows)) }
                        td { code.digest { (digest) } }
                    }
                }
            }
        }
    };
    html! {
        p.how { "The model was made from these tables; an equal digest means equal rows." }
        (boxed("Lineage", tables.len(), &table))
    }
}
