//! Hugging Face's text classification, as its inference API (`POST /`) and text-embeddings-inference (`POST /predict`)
//! speak it: texts in, objects of label and score out, the likeliest first.

use deskmill_models::kind::{Signature, ValueType};
use deskmill_models::rows::{RowLimits, from_instances};
use serde::Serialize;
use serde_json::{Map, Value, json};

use super::{Decoded, Predicted, Reply, check_keys, classes, misfit, no_classes, ranked, renamed};
use crate::json::found;
use crate::loaded::Version;
use crate::problem::Problem;

/// How the answer is to look.
pub(crate) struct Asked {
    /// At most so many labels a text.
    top: usize,
    /// Whether the answer is the list of the one text instead of a list of lists.
    single: bool,
}

/// `{"inputs": text or texts, "parameters": {"top_k": 2}}`, answered by a list of lists.
pub(super) fn decode_pipeline(
    body: &Map<String, Value>,
    version: &Version,
    limits: RowLimits,
) -> Result<Decoded, Problem> {
    check_keys(body, "$", &["inputs", "parameters", "options"])?;
    let nothing = Map::new();
    let parameters = match body.get("parameters") {
        None | Some(Value::Null) => &nothing,
        Some(Value::Object(parameters)) => parameters,
        Some(other) => return Err(misfit("$.parameters", "an object", found(other), json!({ "top_k": 2 }))),
    };
    check_keys(parameters, "$.parameters", &["top_k", "function_to_apply"])?;
    // Scores are probabilities already; another function would make them something else.
    match parameters.get("function_to_apply") {
        None | Some(Value::Null) => {}
        Some(other) => {
            let expected = "no such key: scores are calibrated probabilities already";
            return Err(misfit(
                "$.parameters.function_to_apply",
                expected,
                found(other),
                Value::Null,
            ));
        }
    }
    let top = match parameters.get("top_k") {
        None | Some(Value::Null) => usize::MAX,
        Some(number) => match number.as_u64().filter(|top| *top > 0) {
            Some(top) => usize::try_from(top).unwrap_or(usize::MAX),
            None => {
                let found = found(number);
                return Err(misfit("$.parameters.top_k", "a whole number from 1", found, json!(2)));
            }
        },
    };
    let (rows, _) = texts(body, false, version, limits)?;
    Ok(Decoded {
        rows,
        reply: Reply::Labels(Asked { top, single: false }),
    })
}

/// `{"inputs": text or texts, "truncate": false}`, answered by one list for one text.
pub(super) fn decode_predict(
    body: &Map<String, Value>,
    version: &Version,
    limits: RowLimits,
) -> Result<Decoded, Problem> {
    check_keys(body, "$", &["inputs", "truncate", "truncation_direction", "raw_scores"])?;
    let flag = |name: &str| match body.get(name) {
        None | Some(Value::Null) => Ok(false),
        Some(Value::Bool(flag)) => Ok(*flag),
        Some(other) => Err(misfit(format!("$.{name}"), "true or false", found(other), false.into())),
    };
    if flag("raw_scores")? {
        let expected = "false: scores are calibrated probabilities, there are no others";
        return Err(misfit("$.raw_scores", expected, "true", false.into()));
    }
    match body.get("truncation_direction") {
        None | Some(Value::Null) => {}
        Some(Value::String(side)) if side.eq_ignore_ascii_case("right") => {}
        Some(other) => {
            return Err(misfit(
                "$.truncation_direction",
                "`Right`",
                found(other),
                "Right".into(),
            ));
        }
    }
    let (rows, single) = texts(body, flag("truncate")?, version, limits)?;
    Ok(Decoded {
        rows,
        reply: Reply::Labels(Asked {
            top: usize::MAX,
            single,
        }),
    })
}

/// The input that texts go into: the only one that must be there, or the only text.
fn text_input(signature: &Signature) -> Option<&str> {
    let is_text = |value_type| value_type == ValueType::Text;
    let all_texts: Vec<_> = signature
        .inputs
        .iter()
        .filter(|input| is_text(input.value_type))
        .collect();
    let required: Vec<_> = signature.inputs.iter().filter(|input| !input.optional).collect();
    match (required.as_slice(), all_texts.as_slice()) {
        ([only], _) if is_text(only.value_type) => Some(&only.name),
        ([], [only]) => Some(&only.name),
        _ => None,
    }
}

/// Whether a model can be asked on this wire.
pub(crate) fn can_classify(signature: &Signature) -> bool {
    text_input(signature).is_some() && classes(signature).is_some()
}

fn texts(
    body: &Map<String, Value>,
    truncate: bool,
    version: &Version,
    limits: RowLimits,
) -> Result<(arrow::array::RecordBatch, bool), Problem> {
    classes(version.signature()).ok_or_else(|| no_classes(version))?;
    let Some(input) = text_input(version.signature()) else {
        let detail = format!("model `{}` takes more than one text", version.name());
        return Err(Problem::body(detail).hint("ask it by `:predict`"));
    };
    let cut = |text: &str| {
        let mut end = if truncate {
            limits.text_max_bytes.min(text.len())
        } else {
            text.len()
        };
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        text[..end].to_owned()
    };
    let row = |value: &Value| {
        let value = value.as_str().map_or_else(|| value.clone(), |text| cut(text).into());
        Value::Object(Map::from_iter([(input.to_owned(), value)]))
    };
    let (rows, single) = match body.get("inputs") {
        Some(text @ Value::String(_)) => (json!([row(text)]), true),
        Some(Value::Array(texts)) => (texts.iter().map(row).collect(), false),
        other => {
            let found = other.map_or("nothing", found);
            return Err(misfit(
                "$.inputs",
                "a text or an array of texts",
                found,
                "Where is my order?".into(),
            ));
        }
    };
    let rows = from_instances(version.signature(), &rows, limits)
        .map_err(|error| Problem::from_models(version.name(), renamed(error, "$.instances", "$.inputs")))?;
    Ok((rows, single))
}

#[derive(Serialize)]
struct Label {
    label: String,
    score: f64,
}

pub(super) fn encode(asked: &Asked, predicted: &Predicted<'_>) -> serde_json::Result<Vec<u8>> {
    let of = |row| {
        let pairs = ranked(predicted, row).into_iter().take(asked.top);
        pairs.map(|(label, score)| Label { label, score }).collect()
    };
    let rows: Vec<Vec<Label>> = (0..predicted.rows.num_rows()).map(of).collect();
    match rows.first().filter(|_| asked.single) {
        Some(row) => serde_json::to_vec(row),
        None => serde_json::to_vec(&rows),
    }
}
