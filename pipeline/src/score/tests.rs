//! Batch scoring through its one door, with a model small enough to check by eye.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, Float64Array, Float64Builder, Int64Array, ListBuilder, RecordBatch, StringArray,
    StringBuilder,
};
use arrow::datatypes::{Float64Type, Int64Type};
use deskmill_models::artifact::Artifact;
use deskmill_models::kind::{Model, Signature, ValueSpec, ValueType};
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use proptest::prelude::*;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::{Place, ScoreRequest, format_of, score};
use crate::error::{Error, Result};

/// Says `long` or `short`, the length in sevenths (bits that no short decimal has), and the words.
struct Length(Signature);

fn spec(name: &str, value_type: ValueType, nullable: bool) -> ValueSpec {
    ValueSpec {
        name: name.into(),
        value_type,
        nullable,
        optional: false,
        about: String::new(),
        example: json!("hello"),
    }
}

fn sevenths(text: &str) -> f64 {
    text.len() as f64 / 7.0
}

impl Model for Length {
    fn kind(&self) -> &'static str {
        "length"
    }

    fn signature(&self) -> &Signature {
        &self.0
    }

    fn predict(&self, rows: &RecordBatch) -> deskmill_models::Result<RecordBatch> {
        let texts: Vec<&str> = rows
            .column(0)
            .as_string::<i32>()
            .iter()
            .map(|text| text.unwrap())
            .collect();
        let labels = StringArray::from_iter_values(texts.iter().map(|t| if t.len() > 5 { "long" } else { "short" }));
        let scores = Float64Array::from_iter_values(texts.iter().map(|text| sevenths(text)));
        let (mut words, mut lengths) = (
            ListBuilder::new(StringBuilder::new()),
            ListBuilder::new(Float64Builder::new()),
        );
        for text in texts {
            words.append_value(text.split_whitespace().map(Some));
            lengths.append_value(text.split_whitespace().map(|word| Some(sevenths(word))));
        }
        let columns: Vec<ArrayRef> = vec![
            Arc::new(labels),
            Arc::new(scores),
            Arc::new(words.finish()),
            Arc::new(lengths.finish()),
        ];
        Ok(RecordBatch::try_new(self.0.output_schema(), columns).unwrap())
    }

    fn artifact(&self) -> Artifact {
        Artifact {
            settings: Value::Null,
            tensors: BTreeMap::new(),
            encoder: None,
        }
    }
}

fn model() -> Length {
    Length(Signature {
        inputs: vec![spec("text", ValueType::Text, false)],
        outputs: vec![
            spec("label", ValueType::Text, false),
            spec("score", ValueType::Number, false),
            spec("words", ValueType::TextList, false),
            spec("lengths", ValueType::NumberList, false),
        ],
    })
}

/// A folder with files that are scored into each other.
struct Desk(TempDir);

impl Desk {
    fn new() -> Self {
        Desk(TempDir::new().unwrap())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn write(&self, name: &str, text: impl AsRef<[u8]>) {
        fs::write(self.path(name), text).unwrap();
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap()
    }

    fn score(&self, from: &str, to: &str, rows_per_batch: usize) -> Result<u64> {
        score_file(&self.path(from), &self.path(to), rows_per_batch, &|_| ())
    }

    /// Scores a text that is wrong; gives message and hint, and sees that nothing is left behind.
    fn refused(&self, from: &str, text: impl AsRef<[u8]>, to: &str) -> String {
        self.write(from, text);
        let error = self.score(from, to, 2).unwrap_err();
        let left: Vec<_> = fs::read_dir(self.0.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name())
            .collect();
        assert_eq!(left, [from], "nothing but the input is there");
        let message = error.to_string().replace(&format!("{}/", self.0.path().display()), "");
        format!("{message} | {}", error.hint())
    }
}

fn score_file(from: &Path, to: &Path, rows_per_batch: usize, progress: &dyn Fn(u64)) -> Result<u64> {
    let place = |path: &Path| (Place::File(path.to_owned()), format_of(path).unwrap());
    let model = model();
    score(
        &ScoreRequest {
            model: &model,
            input: place(from),
            output: place(to),
            rows_per_batch,
        },
        progress,
    )
}

fn parquet(path: &Path) -> RecordBatch {
    let reader = ParquetRecordBatchReaderBuilder::try_new(fs::File::open(path).unwrap()).unwrap();
    let schema = reader.schema().clone();
    let batches: Vec<_> = reader.build().unwrap().map(|batch| batch.unwrap()).collect();
    arrow::compute::concat_batches(&schema, &batches).unwrap()
}

#[test]
fn csv_to_csv_keeps_columns_and_tells_empty_from_null() {
    let desk = Desk::new();
    desk.write(
        "in.csv",
        "\u{feff}id,text,note\r\n1,\"a, \"\"b\"\"\nc\",\r\n\r\n2,退款吧,\"\"\r\n3,x y,5\" nail",
    );
    assert_eq!(desk.score("in.csv", "out.csv", 2).unwrap(), 3);
    let out = desk.read("out.csv");
    let (eight, nine, one) = (8.0_f64 / 7.0, 9.0_f64 / 7.0, 1.0_f64 / 7.0);
    assert!(
        out.starts_with("id,text,note,label,score,words,lengths\n1,\"a, \"\"b\"\"\nc\",,long,"),
        "{out}"
    );
    assert!(
        out.contains(&format!(
            ",long,{eight},\"[\"\"a,\"\",\"\"\\\"\"b\\\"\"\"\",\"\"c\"\"]\","
        )),
        "{out}"
    );
    assert!(
        out.contains(&format!("\n2,退款吧,\"\",long,{nine},\"[\"\"退款吧\"\"]\",[{nine}]\n")),
        "{out}"
    );
    assert!(
        out.contains(&format!("\n3,x y,\"5\"\" nail\",short,{},", 3.0 / 7.0)),
        "{out}"
    );
    assert!(out.ends_with(&format!(",\"[{one},{one}]\"\n")), "{out}");
}

#[test]
fn jsonl_to_jsonl_keeps_every_field_as_it_was_written() {
    let desk = Desk::new();
    let first = r#"{"z":1e2, "big":123456789012345678901234567890,"text":"caf\u00e9", "deep":{"a":[1,{"b":"}],\""}]},"n":null,"f":1.0}"#;
    desk.write("in.jsonl", format!("{first}\n\n  {{\"text\":\"\"}}\r\n"));
    assert_eq!(desk.score("in.jsonl", "out.jsonl", 10).unwrap(), 2);
    let out = desk.read("out.jsonl");
    let score = 5.0_f64 / 7.0;
    let kept = r#"{"z":1e2,"big":123456789012345678901234567890,"text":"caf\u00e9","deep":{"a":[1,{"b":"}],\""}]},"n":null,"f":1.0"#;
    let answers = format!(r#","label":"short","score":{score},"words":["café"],"lengths":[{score}]}}"#);
    let second = r#"{"text":"","label":"short","score":0.0,"words":[],"lengths":[]}"#;
    assert_eq!(out, format!("{kept}{answers}\n{second}\n"));
}

#[test]
fn jsonl_becomes_columns_in_the_order_of_first_appearance() {
    let desk = Desk::new();
    desk.write(
        "in.ndjson",
        "{\"id\":7,\"text\":\"ab\"}\n{\"late\":[1, 2],\"text\":\"c\",\"id\":null}\n",
    );
    assert_eq!(desk.score("in.ndjson", "out.csv", 1).unwrap(), 2);
    let (two, one) = (2.0_f64 / 7.0, 1.0_f64 / 7.0);
    let expected = format!(
        "id,text,late,label,score,words,lengths\n7,ab,,short,{two},\"[\"\"ab\"\"]\",[{two}]\n\
         ,c,\"[1, 2]\",short,{one},\"[\"\"c\"\"]\",[{one}]\n"
    );
    assert_eq!(desk.read("out.csv"), expected);
}

#[test]
fn parquet_keeps_its_types() {
    let desk = Desk::new();
    let columns: [(&str, ArrayRef); 3] = [
        ("id", Arc::new(Int64Array::from(vec![Some(i64::MAX), None]))),
        ("text", Arc::new(StringArray::from(vec!["one", "two three"]))),
        ("score", Arc::new(Float64Array::from(vec![f64::NAN, f64::MIN_POSITIVE]))),
    ];
    let rows = RecordBatch::try_from_iter(columns).unwrap();
    let mut writer =
        ArrowWriter::try_new(fs::File::create(desk.path("in.parquet")).unwrap(), rows.schema(), None).unwrap();
    writer.write(&rows).unwrap();
    writer.close().unwrap();
    assert_eq!(desk.score("in.parquet", "out.parquet", 1).unwrap(), 2);
    let out = parquet(&desk.path("out.parquet"));
    let names: Vec<_> = out.schema().fields().iter().map(|field| field.name().clone()).collect();
    assert_eq!(
        names,
        ["id", "text", "input_score", "label", "score", "words", "lengths"]
    );
    assert_eq!(out.column(0).as_primitive::<Int64Type>().value(0), i64::MAX);
    assert!(out.column(0).is_null(1));
    assert!(out.column(2).as_primitive::<Float64Type>().value(0).is_nan());
    desk.score("in.parquet", "out.csv", 8).unwrap();
    assert!(desk.read("out.csv").contains("\n9223372036854775807,one,NaN,short,"));
}

#[test]
fn an_input_column_with_the_name_of_an_output_is_kept() {
    let desk = Desk::new();
    desk.write("in.csv", "label,text\nmine,a\n");
    desk.score("in.csv", "out.csv", 8).unwrap();
    assert!(
        desk.read("out.csv")
            .starts_with("input_label,text,label,score,words,lengths\nmine,a,short,")
    );
    desk.write("in.jsonl", "{\"label\":3.50,\"text\":\"a\"}\n");
    desk.score("in.jsonl", "out.jsonl", 8).unwrap();
    assert!(
        desk.read("out.jsonl")
            .starts_with("{\"input_label\":3.50,\"text\":\"a\",\"label\":\"short\",")
    );
    let (desk, other) = (Desk::new(), Desk::new());
    insta::assert_snapshot!(desk.refused("in.csv", "label,input_label,text\na,b,c\n", "out.csv"), @"source `in.csv`, columns: `input_label` stands there twice | give one of the two another name");
    insta::assert_snapshot!(other.refused("in.jsonl", "{\"input_label\":1,\"label\":2,\"text\":\"c\"}\n", "out.jsonl"), @"source `in.jsonl`, line 1: `label` is also an output of the model and would be kept as `input_label`, which is taken | give one of the two another name");
}

#[test]
fn a_missing_column_is_named_with_its_place() {
    let desk = Desk::new();
    insta::assert_snapshot!(desk.refused("in.csv", "\nid,body\n1,a\n", "out.csv"), @"source `in.csv`, line 2: there is no `text` | the model takes `text`; add what is missing, or rename it where the rows are made");
    let desk = Desk::new();
    insta::assert_snapshot!(desk.refused("in.jsonl", "{\"text\":\"a\"}\n\n{\"body\":\"a\"}\n", "out.jsonl"), @"source `in.jsonl`, line 3: there is no `text` | the model takes `text`; add what is missing, or rename it where the rows are made");
    insta::assert_snapshot!(desk.refused("in.jsonl", "{\"text\":\"a\"}\n{\"body\":\"a\"}\n", "out.csv"), @"source `in.jsonl`, line 2: there is no `text` | the model takes `text`; add what is missing, or rename it where the rows are made");
}

#[test]
fn a_bad_row_is_named_by_its_line_and_leaves_no_output() {
    let csv = |text: &[u8]| Desk::new().refused("in.csv", text, "out.csv");
    // The last row after several whole batches: what was written aside is gone.
    insta::assert_snapshot!(csv(b"id,text\n1,a\n2,\"b\nc\"\n3,d\n4,e\n5,\n"), @r#"source `in.csv`, line 7: column `text`: expected text values, found null | mend the value; one that fits is "hello""#);
    insta::assert_snapshot!(csv(b"id,text\n1,a\n2,b,c\n"), @"source `in.csv`, line 3: 3 fields, and the header names 2 | quote fields that hold a comma or a line break");
    insta::assert_snapshot!(csv(b"id,text\n1,a\n2,\"b\n3,c\n"), @"source `in.csv`, line 3: a quote opens in this row and is never closed | close the quote; within a quoted field, write a quote twice");
    insta::assert_snapshot!(csv(b"id,text\n1,\"a\" b\n"), @"source `in.csv`, line 2: text stands behind the closing quote of a field | within a quoted field, write a quote twice");
    insta::assert_snapshot!(csv(b"id,text\n1,a\rb\n"), @"source `in.csv`, line 2: a carriage return stands within the row | end lines with a line feed, and quote fields that hold line breaks");
    insta::assert_snapshot!(csv(b"id,text\n1,\xff\n"), @"source `in.csv`, line 2: column `text` is not UTF-8 text | save the file as UTF-8");
    insta::assert_snapshot!(csv(b"text,text\n1,2\n"), @"source `in.csv`, columns: `text` stands there twice | give one of the two another name");
    insta::assert_snapshot!(csv(b""), @"source `in.csv`, line 1: it is empty, without even a header | its first line names the columns; the model takes text");
    let jsonl = |text: &[u8]| Desk::new().refused("in.jsonl", text, "out.jsonl");
    insta::assert_snapshot!(jsonl(b"{\"text\":\"a\"}\n{\"text\":\"b\"}\n{\"text\":\"c\"}\n{\"text\":4}\n"), @r#"source `in.jsonl`, line 4: field `text`: expected a string, found a number | mend the value; one that fits is "hello""#);
    insta::assert_snapshot!(jsonl(b"{\"text\":\"a\"}\n{\"text\":\n"), @"source `in.jsonl`, line 2: it is not valid JSON: EOF while parsing a value (column 8) | write one whole JSON object in each line, each field once");
    insta::assert_snapshot!(jsonl(b"[1]\n"), @"source `in.jsonl`, line 1: it is not a JSON object | write one whole JSON object in each line, each field once");
    insta::assert_snapshot!(jsonl(b"{\"text\":\"a\",\"text\":\"b\"}\n"), @"source `in.jsonl`, line 1: field `text` stands there twice | write one whole JSON object in each line, each field once");
    insta::assert_snapshot!(jsonl(b"{\"text\":\"\\ud800\"}\n"), @"source `in.jsonl`, line 1: field `text`: it is not valid JSON: unexpected end of hex escape (column 8) | write one whole JSON object in each line, each field once");
    insta::assert_snapshot!(Desk::new().refused("in.parquet", "no parquet at all", "out.csv"), @"source `in.parquet`, its end: cannot be read as Parquet: Parquet error: Invalid Parquet file. Corrupt footer | check that the file is whole and is Parquet");
}

#[test]
fn a_row_without_end_is_refused() {
    let mut text = b"{\"text\":\"".to_vec();
    text.resize(65 << 20, b'x');
    insta::assert_snapshot!(Desk::new().refused("in.jsonl", &text, "out.jsonl"), @"source `in.jsonl`, line 1: the row has more than 64 MiB | look for a quote that is not closed, or a line end that is missing");
    text.splice(0..9, *b"text\nab\n\"");
    insta::assert_snapshot!(Desk::new().refused("in.csv", &text, "out.csv"), @"source `in.csv`, line 3: the row has more than 64 MiB | look for a quote that is not closed, or a line end that is missing");
}

#[test]
fn no_rows_give_an_output_without_rows() {
    let desk = Desk::new();
    desk.write("in.csv", "id,text\n");
    desk.write("in.jsonl", "\n");
    for (from, columns) in [("in.csv", 6), ("in.jsonl", 5)] {
        assert_eq!(desk.score(from, "out.parquet", 8).unwrap(), 0);
        let out = parquet(&desk.path("out.parquet"));
        assert_eq!((out.num_rows(), out.num_columns()), (0, columns));
    }
    assert_eq!(desk.score("out.parquet", "again.jsonl", 8).unwrap(), 0);
    assert_eq!(desk.read("again.jsonl"), "");
    desk.score("in.csv", "out.csv", 8).unwrap();
    assert_eq!(desk.read("out.csv"), "id,text,label,score,words,lengths\n");
}

#[test]
fn the_input_is_never_replaced() {
    let desk = Desk::new();
    desk.write("in.csv", "text\na\n");
    fs::create_dir(desk.path("folder.csv")).unwrap();
    let dotted = desk.0.path().join("folder.csv/../in.csv");
    for output in [desk.path("in.csv"), dotted, desk.path("folder.csv")] {
        let error = score_file(&desk.path("in.csv"), &output, 8, &|_| ()).unwrap_err();
        assert!(matches!(error, Error::File { .. }), "{error}");
    }
    assert_eq!(desk.read("in.csv"), "text\na\n");
}

#[test]
fn many_rows_stay_in_order_over_batches() {
    let desk = Desk::new();
    let rows: String = (0..100_000)
        .map(|row| format!("{row},{}\n", "x".repeat(row % 11 + 1)))
        .collect();
    desk.write("in.csv", format!("row,text\n{rows}"));
    let told = RefCell::new(Vec::new());
    let tell = |rows| told.borrow_mut().push(rows);
    assert_eq!(
        score_file(&desk.path("in.csv"), &desk.path("out.jsonl"), 8192, &tell).unwrap(),
        100_000
    );
    assert_eq!(told.borrow().len(), 13);
    assert_eq!(told.borrow().last(), Some(&100_000));
    let out = desk.read("out.jsonl");
    assert_eq!(out.lines().count(), 100_000);
    for (row, line) in out.lines().enumerate() {
        let object: Value = serde_json::from_str(line).unwrap();
        assert_eq!(object["row"], row.to_string());
        assert_eq!(
            object["score"].as_f64().unwrap().to_bits(),
            ((row % 11 + 1) as f64 / 7.0).to_bits()
        );
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    /// Any texts go csv -> parquet -> csv -> jsonl, with batches of any size, and nothing of them or of a score changes.
    #[test]
    fn every_format_carries_the_same_rows(
        rows in prop::collection::vec((any::<String>(), prop::option::of(".{0,9}")), 1..20),
        rows_per_batch in 1_usize..9,
    ) {
        let desk = Desk::new();
        let quoted = |text: &str| format!("\"{}\"", text.replace('"', "\"\""));
        let line = |(text, note): &(String, Option<String>)| {
            format!("{},{}\n", quoted(text), note.as_deref().map(quoted).unwrap_or_default())
        };
        desk.write("in.csv", format!("text,note\n{}", rows.iter().map(line).collect::<String>()));
        desk.score("in.csv", "a.parquet", rows_per_batch).unwrap();
        let first = parquet(&desk.path("a.parquet"));
        // Scored again, the answers of before are kept beside the new ones.
        desk.score("a.parquet", "b.csv", rows_per_batch).unwrap();
        let again = desk.read("b.csv").replacen("input_label", "l", 1).replacen("input_score", "s", 1);
        desk.write("b.csv", again.replacen("input_words", "w", 1).replacen("input_lengths", "n", 1));
        desk.score("b.csv", "c.jsonl", 8).unwrap();
        let out = desk.read("c.jsonl");
        let objects: Vec<Value> = out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        prop_assert_eq!(objects.len(), rows.len());
        for (row, ((text, note), object)) in rows.iter().zip(&objects).enumerate() {
            prop_assert_eq!(first.column(0).as_string::<i32>().value(row), text);
            prop_assert_eq!(object["text"].as_str(), Some(text.as_str()));
            prop_assert_eq!(object["note"].as_str(), note.as_deref());
            let bits = sevenths(text).to_bits();
            prop_assert_eq!(first.column(3).as_primitive::<Float64Type>().value(row).to_bits(), bits);
            prop_assert_eq!(object["score"].as_f64().unwrap().to_bits(), bits);
            for earlier in ["s", "input_score"] {
                prop_assert_eq!(object[earlier].as_str().unwrap().parse::<f64>().unwrap().to_bits(), bits);
            }
        }
    }
}
