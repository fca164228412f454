//! The one suite that every kind must pass: it runs over [`crate::KINDS`], so a kind is tested by being listed.
#![allow(clippy::unwrap_used)]

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Float64Array, Int64Array, RecordBatch, StringArray, new_null_array};
use arrow::compute::concat_batches;
use arrow::datatypes::{DataType, Float64Type, SchemaRef};
use serde_json::json;

use crate::KINDS;
use crate::artifact::Artifact;
use crate::kind::{Examples, FitContext, Kind, Model, ValueSpec};
use crate::rows::{MemoryRows, conform, from_instances, to_objects};

const SUBJECTS: [&str; 4] = [
    "where is my parcel",
    "refund my order please",
    "忘记密码怎么办",
    "换个地址",
];

/// Examples that any kind can learn from: every column a kind may ask for, and a label that follows from them. The label can
/// be read as a name and as a number.
fn examples(rows: usize) -> MemoryRows {
    let text: StringArray = (0..rows)
        .map(|row| Some(format!("{} number {}", SUBJECTS[row % 4], row / 4)))
        .collect();
    let label: StringArray = (0..rows).map(|row| Some(["1", "2", "4", "5"][row % 4])).collect();
    let columns: [(&str, ArrayRef); 2] = [("text", Arc::new(text)), ("label", Arc::new(label))];
    let batch = RecordBatch::try_from_iter(columns).unwrap();
    MemoryRows::new(batch.schema(), vec![batch])
}

fn fit(kind: &dyn Kind, seed: u64, threads: usize) -> Box<dyn Model> {
    let (train, calibrate) = (examples(160), examples(40));
    let examples = Examples {
        model: "suite",
        train: &train,
        calibrate: &calibrate,
    };
    let recipe = kind.check_recipe(&json!({})).unwrap();
    let context = FitContext {
        seed,
        threads,
        memory_max_bytes: 64 << 20,
        progress: &|_, _| (),
        encoder: None,
    };
    kind.fit(&examples, &recipe, &context).unwrap().model
}

/// A column of values that are hard on any code path, cut or repeated to `rows`.
fn hard_column(spec: &ValueSpec, rows: usize) -> ArrayRef {
    let long = "长 text ".repeat(12_000);
    let texts = [
        "",
        " ",
        "🤬🤬 ok",
        "never seen words zxqv",
        "ＦＵＬＬ　width",
        "a\0b\u{200b}",
        "退款 refund 退款",
        &long,
    ];
    match spec.value_type.data_type() {
        DataType::Utf8 => {
            let nullable = |row: usize| {
                if spec.nullable && row % 9 == 8 {
                    None
                } else {
                    Some(texts[row % texts.len()])
                }
            };
            Arc::new((0..rows).map(nullable).collect::<StringArray>())
        }
        DataType::Int64 => Arc::new((0..rows as i64).map(|row| row * i64::MAX / 7).collect::<Int64Array>()),
        DataType::Float64 => {
            let hard = [0.0, -0.0, f64::MAX, f64::MIN_POSITIVE, 1e-300];
            Arc::new((0..rows).map(|row| hard[row % hard.len()]).collect::<Float64Array>())
        }
        other => new_null_array(&other, rows),
    }
}

fn hard_rows(model: &dyn Model, rows: usize) -> RecordBatch {
    let inputs = &model.signature().inputs;
    let columns = inputs.iter().map(|spec| hard_column(spec, rows)).collect();
    RecordBatch::try_new(model.signature().input_schema(), columns).unwrap()
}

fn one_by_one(model: &dyn Model, rows: &RecordBatch, order: impl Iterator<Item = usize>) -> RecordBatch {
    let answers: Vec<RecordBatch> = order.map(|row| model.predict(&rows.slice(row, 1)).unwrap()).collect();
    let schema: SchemaRef = model.signature().output_schema();
    concat_batches(&schema, &answers).unwrap()
}

fn each(test: impl Fn(&'static dyn Kind)) {
    KINDS.iter().for_each(|kind| test(*kind));
}

#[test]
fn saved_and_loaded_it_answers_with_the_same_bits() {
    each(|kind| {
        let model = fit(kind, 7, 2);
        let bytes = model.artifact().to_bytes().unwrap();
        let loaded = kind.load(Artifact::from_bytes(&bytes, None).unwrap()).unwrap();
        assert_eq!(loaded.artifact().to_bytes().unwrap(), bytes);
        assert_eq!(loaded.signature(), model.signature());
        let rows = hard_rows(model.as_ref(), 40);
        assert_eq!(loaded.predict(&rows).unwrap(), model.predict(&rows).unwrap());
    });
}

#[test]
fn an_answer_does_not_depend_on_its_neighbours() {
    each(|kind| {
        let model = fit(kind, 7, 1);
        let rows = hard_rows(model.as_ref(), 40);
        let together = model.predict(&rows).unwrap();
        assert_eq!(one_by_one(model.as_ref(), &rows, 0..40), together);
        let backwards = one_by_one(model.as_ref(), &rows, (0..40).rev());
        let turned = one_by_one(model.as_ref(), &rows, 0..40);
        for row in 0..40 {
            assert_eq!(backwards.slice(39 - row, 1), turned.slice(row, 1));
        }
        assert_eq!(model.predict(&rows.slice(0, 0)).unwrap().num_rows(), 0);
    });
}

#[test]
fn one_seed_is_one_model_whatever_the_threads() {
    each(|kind| {
        let bytes = |seed, threads| fit(kind, seed, threads).artifact().to_bytes().unwrap();
        assert_eq!(bytes(7, 1), bytes(7, 1));
        assert_eq!(bytes(7, 1), bytes(7, 3));
    });
}

#[test]
fn scores_are_finite_and_outputs_keep_to_the_signature() {
    each(|kind| {
        let model = fit(kind, 7, 1);
        let answers = model.predict(&hard_rows(model.as_ref(), 40)).unwrap();
        assert_eq!(answers.schema(), model.signature().output_schema());
        for (column, spec) in answers.columns().iter().zip(&model.signature().outputs) {
            assert!(spec.nullable || column.null_count() == 0, "{}", spec.name);
            if let Some(numbers) = column.as_primitive_opt::<Float64Type>() {
                assert!(numbers.values().iter().all(|value| value.is_finite()), "{}", spec.name);
            }
        }
    });
}

#[test]
fn the_example_of_a_signature_is_a_row_it_takes_and_answers_survive_json() {
    each(|kind| {
        let model = fit(kind, 7, 1);
        let example: serde_json::Map<_, _> = model
            .signature()
            .inputs
            .iter()
            .map(|input| (input.name.clone(), input.example.clone()))
            .collect();
        let limits = crate::rows::RowLimits {
            rows_max: 10,
            text_max_bytes: 1000,
        };
        let rows = from_instances(model.signature(), &json!([example]), limits).unwrap();
        assert_eq!(conform(model.signature(), &rows).unwrap(), rows);
        let answers = to_objects(&model.predict(&rows).unwrap());
        let text = serde_json::to_string(&answers).unwrap();
        assert_eq!(
            serde_json::from_str::<serde_json::Value>(&text).unwrap(),
            json!(answers)
        );
    });
}

#[test]
fn a_damaged_artifact_is_refused_or_harmless() {
    each(|kind| {
        let bytes = fit(kind, 7, 1).artifact().to_bytes().unwrap();
        // Every byte would take minutes; a prime step visits the header, the settings and every array.
        for at in (0..bytes.len()).step_by(997).chain(0..600.min(bytes.len())) {
            let mut damaged = bytes.clone();
            damaged[at] ^= 0xff;
            if let Ok(model) = Artifact::from_bytes(&damaged, None).and_then(|artifact| kind.load(artifact)) {
                model.predict(&hard_rows(model.as_ref(), 3)).unwrap();
            }
        }
        assert!(Artifact::from_bytes(&bytes[..bytes.len() / 2], None).is_err());
    });
}
