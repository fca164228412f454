//! Properties of the wires that examples do not reach: any body is answered or refused, nested tensors equal flat ones.

use deskmill_models::rows::RowLimits;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::tests::{Mirror, Stamp};

const LIMITS: RowLimits = RowLimits {
    rows_max: 50,
    text_max_bytes: 1000,
};

const V2: Wire = Wire::OpenInference { json_bytes: None };
const ALL: [Wire; 8] = [
    Wire::Predict,
    Wire::Explain,
    Wire::Classify,
    Wire::Regress,
    V2,
    Wire::Mlflow,
    Wire::Pipeline,
    Wire::TextClassification,
];

fn stamp() -> Version {
    Version::new("intent", 7, Box::new(Stamp::new(7)))
}

fn mirror() -> Version {
    Version::new("mirror", 7, Box::new(Mirror::new()))
}

fn rows_of(wire: Wire, version: &Version, body: &Value) -> Option<RecordBatch> {
    wire.decode(&serde_json::to_vec(body).unwrap(), version, LIMITS)
        .ok()
        .map(|decoded| decoded.rows)
}

/// Bodies that are nearly right, so that the decoders are entered.
fn nearly_right() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(json!(null)),
        Just(json!("BYTES")),
        Just(json!("INT64")),
        Just(json!("text")),
        Just(json!("tags")),
        any::<u64>().prop_map(Value::from),
        (-2i64..4).prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        any::<bool>().prop_map(Value::from),
    ];
    let key = prop::sample::select(vec![
        "inputs",
        "outputs",
        "instances",
        "examples",
        "context",
        "dataframe_split",
        "dataframe_records",
        "columns",
        "parameters",
        "binary_data_size",
        "id",
        "name",
        "shape",
        "datatype",
        "data",
        "text",
        "tags",
        "count",
    ]);
    leaf.prop_recursive(6, 64, 5, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            prop::collection::btree_map(key.clone().prop_map(String::from), inner, 0..5)
                .prop_map(|map| map.into_iter().collect()),
        ]
    })
}

proptest! {
    #[test]
    fn any_body_is_answered_or_refused(body in nearly_right()) {
        for version in [stamp(), mirror()] {
            for wire in ALL {
                if let Some(rows) = rows_of(wire, &version, &body) {
                    prop_assert!(rows.num_rows() <= LIMITS.rows_max);
                    prop_assert_eq!(rows.schema(), version.signature().input_schema());
                }
            }
        }
    }

    #[test]
    fn nested_tensors_equal_flat_ones(texts in prop::collection::vec("\\PC{0,8}", 0..8)) {
        let body = |shape: Value, data: Value| json!({
            "inputs": [{"name": "text", "shape": shape, "datatype": "BYTES", "data": data}],
        });
        let count = texts.len();
        let flat = rows_of(V2, &stamp(), &body(json!([count]), json!(texts)));
        let nested: Vec<[&String; 1]> = texts.iter().map(|text| [text]).collect();
        let nested = rows_of(V2, &stamp(), &body(json!([count, 1]), json!(nested)));
        prop_assert!(flat.is_some());
        prop_assert_eq!(&flat, &nested);
        prop_assert_eq!(flat, rows_of(Wire::Predict, &stamp(), &json!({ "instances": texts })));
    }

    #[test]
    fn any_shape_is_checked(
        rows in prop_oneof![any::<u64>(), 0u64..60],
        width in prop_oneof![any::<u64>(), 0u64..4],
        items in 0usize..8,
    ) {
        let tags = Version::new("tags", 1, Box::new(Mirror::of(|name| name == "tags")));
        let body = json!({"inputs": [
            {"name": "tags", "shape": [rows, width], "datatype": "BYTES", "data": vec!["a"; items]},
        ]});
        let fits = rows <= LIMITS.rows_max as u64 && rows.checked_mul(width) == Some(items as u64);
        let found = rows_of(V2, &tags, &body);
        prop_assert_eq!(found.map(|rows| rows.num_rows() as u64), fits.then_some(rows));
    }

    #[test]
    fn any_raw_tensors_are_read_or_refused(
        head in nearly_right(),
        json_bytes in prop_oneof![Just(None), (0usize..200).prop_map(Some)],
        raw in prop::collection::vec(any::<u8>(), 0..40),
    ) {
        let mut body = serde_json::to_vec(&head).unwrap();
        body.extend(raw);
        for version in [stamp(), mirror()] {
            let wire = Wire::OpenInference { json_bytes };
            if let Ok(decoded) = wire.decode(&body, &version, LIMITS) {
                prop_assert!(decoded.rows.num_rows() <= LIMITS.rows_max);
            }
        }
    }

    #[test]
    fn any_csv_is_read_or_refused(body in "(text|count|tags|,|\n|\"|[0-9]|\\PC){0,40}") {
        for version in [stamp(), mirror(), Version::new("text", 1, Box::new(Mirror::of(|name| name == "text")))] {
            if let Ok(decoded) = Wire::MlflowCsv.decode(body.as_bytes(), &version, LIMITS) {
                prop_assert!(decoded.rows.num_rows() <= LIMITS.rows_max);
            }
        }
    }
}
