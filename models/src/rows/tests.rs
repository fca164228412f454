#![allow(clippy::unwrap_used)]

use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array, RecordBatch, StringArray, StringViewArray};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::kind::{Signature, ValueSpec, ValueType};

const LIMITS: RowLimits = RowLimits {
    rows_max: 4,
    text_max_bytes: 10,
};

fn signature() -> Signature {
    let spec = |name: &str, value_type, nullable, example: Value| ValueSpec {
        name: name.into(),
        value_type,
        nullable,
        optional: false,
        about: String::new(),
        example,
    };
    let inputs = vec![
        spec("text", ValueType::Text, true, json!("where is it")),
        spec("waited", ValueType::Number, false, json!(3.5)),
        spec("turns", ValueType::TextList, true, json!(["hi"])),
    ];
    Signature {
        inputs: inputs.clone(),
        outputs: inputs,
    }
}

fn refused(instances: Value) -> String {
    from_instances(&signature(), &instances, LIMITS)
        .unwrap_err()
        .to_string()
}

#[test]
fn rows_come_back_as_they_went_in() {
    let rows = json!([
        {"text": "退款", "waited": 0.1, "turns": ["a", "b"]},
        {"text": null, "waited": 1e300, "turns": null},
    ]);
    let batch = from_instances(&signature(), &rows, LIMITS).unwrap();
    assert_eq!(json!(to_objects(&batch)), rows);
    let columns = json!({"text": ["退款", null], "waited": [0.1, 1e300], "turns": [["a", "b"], null]});
    assert_eq!(from_columns(&signature(), &columns, LIMITS).unwrap(), batch);
}

#[test]
fn what_is_optional_may_be_left_out() {
    let mut signature = signature();
    signature.inputs[2].optional = true;
    let whole = json!([{"text": "退款", "waited": 0.1, "turns": null}, {"text": null, "waited": 1.0, "turns": null}]);
    let whole = from_instances(&signature, &whole, LIMITS).unwrap();
    let rows = json!([{"text": "退款", "waited": 0.1}, {"text": null, "waited": 1.0, "turns": null}]);
    assert_eq!(from_instances(&signature, &rows, LIMITS).unwrap(), whole);
    let columns = json!({"text": ["退款", null], "waited": [0.1, 1.0]});
    assert_eq!(from_columns(&signature, &columns, LIMITS).unwrap(), whole);
    assert_eq!(conform(&signature, &whole.project(&[1, 0]).unwrap()).unwrap(), whole);
    let misspelt = json!([{"text": "退款", "waited": 0.1, "turn": null}]);
    assert!(from_instances(&signature, &misspelt, LIMITS).is_err());
    assert!(from_columns(&signature, &json!({"text": ["退款"]}), LIMITS).is_err());
}

#[test]
fn misfits_name_their_path() {
    assert_eq!(
        refused(json!([{"text": 5, "waited": 1, "turns": null}])),
        "$.instances[0].text: expected a string, found a number"
    );
    assert_eq!(
        refused(json!([{"text": "a", "turns": null}])),
        "$.instances[0].waited: expected a number, found nothing"
    );
    assert_eq!(
        refused(json!([{"text": "a", "waited": null, "turns": null}])),
        "$.instances[0].waited: expected a number, found null"
    );
    assert_eq!(
        refused(json!([{"text": "a", "waited": 1, "turns": null, "x": 1}])),
        "$.instances[0].x: expected only the fields text, waited, turns, found a field the model does not take"
    );
    assert_eq!(
        refused(json!({"text": "a"})),
        "$.instances: expected an array of rows, found an object"
    );
    assert_eq!(
        refused(json!(["a"])),
        "$.instances[0]: expected an object, found a string"
    );
    assert_eq!(
        refused(json!([{"text": "more than ten", "waited": 1, "turns": null}])),
        "$.instances[0].text: expected a text of at most 10 bytes, found 13 bytes"
    );
    assert_eq!(
        refused(Value::Array(vec![json!({}); 5])),
        "$.instances: expected at most 4 rows in one request, found 5 rows"
    );
}

#[test]
fn columns_must_be_equally_long() {
    let columns = json!({"text": ["a"], "waited": [1, 2], "turns": [null]});
    let error = from_columns(&signature(), &columns, LIMITS).unwrap_err().to_string();
    assert_eq!(
        error,
        "$.inputs.waited: expected 1 values, as many as the columns before, found 2 values"
    );
}

#[test]
fn conform_takes_other_forms_of_the_same_value() {
    let signature = Signature {
        inputs: signature().inputs[..2].to_vec(),
        outputs: vec![],
    };
    let batch =
        |text: ArrayRef, waited: ArrayRef| RecordBatch::try_from_iter([("waited", waited), ("text", text)]).unwrap();
    let plain = batch(
        Arc::new(StringArray::from(vec!["a"])),
        Arc::new(Float64Array::from(vec![1.5])),
    );
    let views = batch(
        Arc::new(StringViewArray::from(vec!["a"])),
        Arc::new(StringArray::from(vec!["1.5"])),
    );
    assert_eq!(
        conform(&signature, &plain).unwrap(),
        conform(&signature, &views).unwrap()
    );
    let wrong = batch(
        Arc::new(StringArray::from(vec!["a"])),
        Arc::new(StringArray::from(vec!["secret"])),
    );
    let error = conform(&signature, &wrong).unwrap_err().to_string();
    assert!(
        error.starts_with("column `waited`") && !error.contains("secret"),
        "{error}"
    );
}

proptest! {
    #[test]
    fn any_finite_number_survives(number in any::<f64>().prop_filter("finite", |n| n.is_finite()), text in ".{0,3}") {
        let rows = json!([{"text": text, "waited": number, "turns": [text]}]);
        let written = serde_json::to_string(&rows).unwrap();
        let batch = from_instances(&signature(), &serde_json::from_str(&written).unwrap(), RowLimits { text_max_bytes: 100, ..LIMITS }).unwrap();
        prop_assert_eq!(json!(to_objects(&batch)), rows);
    }
}
