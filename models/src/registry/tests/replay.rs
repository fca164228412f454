//! Golden rows: what is stored comes back, small float noise passes, anything else is refused; hostile files too.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{Float64Array, RecordBatch, StringArray};
use bytes::Bytes;
use proptest::prelude::*;

use super::super::load::open;
use super::super::*;
use super::fake::{Echo, EchoKind, Home, new_version, signature, texts};
use crate::kind::Model;

fn echo(factor: f64) -> Echo {
    Echo {
        factor,
        signature: signature(),
    }
}

fn golden() -> Golden {
    Golden::record(&echo(1.0), texts(&["a", "bb", "你好"])).unwrap()
}

#[test]
fn golden_rows_come_back_as_they_were() {
    let bytes = golden().to_parquet().unwrap();
    assert_eq!(
        bytes,
        golden().to_parquet().unwrap(),
        "the same rows give the same bytes"
    );
    let back = Golden::from_parquet(bytes).unwrap();
    assert_eq!(back, golden());
    back.replay(&echo(1.0)).unwrap();
}

#[test]
fn noise_passes_and_another_answer_does_not() {
    golden().replay(&echo(1.0 + 5e-7)).unwrap();
    let error = golden().replay(&echo(1.0 + 5e-6)).unwrap_err();
    assert!(
        error.to_string().contains("golden.parquet row 0, column score"),
        "{error}"
    );
    assert!(golden().replay(&echo(f64::NAN)).is_err());

    let mut other = golden();
    let mut columns = other.outputs.columns().to_vec();
    columns[0] = Arc::new(StringArray::from(vec!["a", "bb", "secret"]));
    other.outputs = RecordBatch::try_new(other.outputs.schema(), columns).unwrap();
    let error = other.replay(&echo(1.0)).unwrap_err().to_string();
    assert!(
        error.contains("row 2, column label") && !error.contains("secret"),
        "texts are not shown: {error}"
    );
}

#[test]
fn lists_are_compared_value_by_value() {
    let mut other = golden();
    let mut columns = other.outputs.columns().to_vec();
    columns[1] = Arc::new(Float64Array::from(vec![1.0 / 1.0, 1.0 / 2.0, 1.0 / 6.0]));
    columns[2] = Golden::record(&echo(2.0), texts(&["a", "bb", "你好"]))
        .unwrap()
        .outputs
        .column(2)
        .clone();
    other.outputs = RecordBatch::try_new(other.outputs.schema(), columns).unwrap();
    let error = other.replay(&echo(1.0)).unwrap_err().to_string();
    assert!(
        error.contains("row 0, column scores") && error.contains("expected 2, found 1"),
        "{error}"
    );
}

#[test]
fn rows_must_be_there() {
    let none = Golden::record(&echo(1.0), texts(&[])).unwrap();
    assert!(none.to_parquet().is_err());
    let uneven = Golden {
        inputs: texts(&["a"]),
        ..golden()
    };
    assert!(uneven.to_parquet().is_err());
    assert!(Golden::from_parquet(Bytes::new()).is_err());
}

async fn stored() -> (Home, Manifest, BTreeMap<String, Bytes>) {
    let home = Home::new();
    let version = new_version("m", "abc");
    home.registry().publish(version.clone()).await.unwrap();
    let manifest = home.registry().manifest("m", 1).await.unwrap();
    (home, manifest, version.files)
}

#[tokio::test]
async fn a_whole_version_opens() {
    let (_home, manifest, files) = stored().await;
    let loaded = open(
        &EchoKind,
        manifest.clone(),
        (&files[MODEL_FILE], None),
        files[GOLDEN_FILE].clone(),
    )
    .unwrap();
    assert_eq!(loaded.manifest, manifest);
    assert_eq!(loaded.model.predict(&texts(&["abc"])).unwrap().num_rows(), 1);
}

#[tokio::test]
async fn a_version_that_is_not_what_was_measured_does_not_open() {
    let (home, manifest, files) = stored().await;
    let (model, rows) = (&files[MODEL_FILE], files[GOLDEN_FILE].clone());
    let refused = |manifest: &Manifest, model: &[u8], rows: &Bytes| {
        open(&EchoKind, manifest.clone(), (model, None), rows.clone())
            .err()
            .map(|error| error.to_string())
            .unwrap()
    };
    let other = echo(9.0).artifact().to_bytes().unwrap();
    assert!(refused(&manifest, &other, &rows).contains("m@1 golden.parquet row 0"));
    assert!(refused(&manifest, b"", &rows).contains("m@1 model.safetensors"));
    assert!(refused(&manifest, model, &Bytes::from_static(b"PAR1PAR1")).contains("m@1 golden.parquet"));
    let mut narrower = manifest.clone();
    narrower.signature.outputs.pop();
    assert!(refused(&narrower, model, &rows).contains("signature"));

    let unknown = NewVersion {
        kind: "no-such-kind".into(),
        ..new_version("n", "abc")
    };
    home.registry().publish(unknown).await.unwrap();
    // On another task, as a server loads.
    let registry = home.registry();
    let loading = tokio::spawn(async move { registry.load("n", 1).await.err() });
    let error = loading.await.unwrap().unwrap();
    assert!(
        error
            .to_string()
            .contains("kind `no-such-kind`, which this build does not know"),
        "{error}"
    );
}

proptest! {
    #[test]
    fn a_harmed_file_is_refused_or_read(at in any::<prop::sample::Index>(), bit in 0u8..8, cut: bool) {
        let mut bytes = golden().to_parquet().unwrap().to_vec();
        let at = at.index(bytes.len());
        if cut { bytes.truncate(at) } else { bytes[at] ^= 1 << bit }
        if let Ok(read) = Golden::from_parquet(Bytes::from(bytes)) {
            prop_assert_eq!(read.inputs.num_rows(), read.outputs.num_rows());
        }
    }
}
