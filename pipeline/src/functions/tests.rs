//! The functions as queries see them. What they find in texts is tested in the models crate.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use arrow::array::{Array, ArrayRef, AsArray, Int64Array, RecordBatch, StringArray};
use arrow::datatypes::UInt64Type;
use tempfile::TempDir;

use crate::catalog::Catalog;
use crate::engine::{Engine, table_writer};
use crate::project::{RecipeProblem, Recipes, read_project};

struct NoKinds;

impl Recipes for NoKinds {
    fn kinds(&self) -> Vec<&'static str> {
        Vec::new()
    }

    fn check(&self, _: &str, _: &serde_json::Value) -> Result<serde_json::Value, Vec<RecipeProblem>> {
        panic!("there are no kinds")
    }
}

/// An engine of a project with these sections, and a table `t` of these texts in order of `_row`.
async fn engine(sections: &str, memory_max_mib: Option<u64>, texts: &[Option<&str>]) -> (TempDir, Engine) {
    let folder = tempfile::tempdir().unwrap();
    let toml = format!("[project]\nname = \"desk\"\n{sections}");
    std::fs::write(folder.path().join("deskmill.toml"), toml).unwrap();
    let mut project = read_project(folder.path(), &NoKinds).unwrap();
    project.limits.memory_max_mib = memory_max_mib.unwrap_or(project.limits.memory_max_mib);
    let engine = Engine::new(&project, 2, &Catalog::new(folder.path())).unwrap();
    let path = folder.path().join("t.parquet");
    write(&path, texts);
    engine.add_table("t", &[path]).await.unwrap();
    (folder, engine)
}

fn write(path: &Path, texts: &[Option<&str>]) {
    let rows: ArrayRef = Arc::new(Int64Array::from_iter_values(0..texts.len() as i64));
    let texts: ArrayRef = Arc::new(StringArray::from(texts.to_vec()));
    let batch = RecordBatch::try_from_iter_with_nullable([("_row", rows, false), ("text", texts, true)]).unwrap();
    let mut writer = table_writer(path, batch.schema()).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
}

/// The first column of a query's rows, as SQL shows it.
async fn shown(engine: &Engine, sql: &str) -> Vec<String> {
    let frame = engine.query("query", sql).await.unwrap();
    let batches = engine.collect("query", frame).await.unwrap().1;
    let column = |batch: &RecordBatch| {
        let column = arrow::compute::cast(batch.column(0), &arrow::datatypes::DataType::Utf8).unwrap();
        let texts = column.as_string::<i32>();
        let text = |row| {
            if texts.is_null(row) {
                "NULL".to_owned()
            } else {
                texts.value(row).to_owned()
            }
        };
        (0..batch.num_rows()).map(text).collect::<Vec<_>>()
    };
    batches.iter().flat_map(column).collect()
}

async fn refusal(engine: &Engine, sql: &str) -> String {
    let planned = engine.query("query", sql).await;
    let error = match planned {
        Ok(frame) => engine.collect("query", frame).await.unwrap_err(),
        Err(error) => error,
    };
    assert!(!error.hint().is_empty());
    error.to_string()
}

const TEXTS: [Option<&str>; 4] = [
    Some("order DM-12345 of li@example.com"),
    Some("手机13800138000"),
    Some("nothing here"),
    None,
];

#[tokio::test]
async fn personal_data_by_the_rules_of_the_project() {
    let (_folder, engine) = engine("[personal]\norder_numbers = [\"DM-\\\\d{5}\"]", None, &TEXTS).await;
    assert_eq!(
        shown(&engine, "select mask_pii(text) from t order by _row").await,
        ["order <order_number> of <email>", "手机<phone>", "nothing here", "NULL"]
    );
    assert_eq!(
        shown(
            &engine,
            "select array_to_string(pii_types(text), '+') from t order by _row"
        )
        .await,
        ["email+order_number", "phone", "", "NULL"]
    );
    let left = "select count(*) from t where cardinality(pii_types(mask_pii(text))) > 0";
    assert_eq!(shown(&engine, left).await, ["0"]);
    let refused = refusal(&engine, "select pseudonymise(text) from t").await;
    assert_eq!(refused, "query: `pseudonymise` needs a key, and none is declared");
}

#[tokio::test]
async fn only_the_declared_types() {
    let (_folder, engine) = engine("[personal]\ntypes = [\"phone\"]", None, &TEXTS).await;
    assert_eq!(
        shown(&engine, "select mask_pii(text) from t order by _row limit 2").await,
        ["order DM-12345 of li@example.com", "手机<phone>"]
    );
}

const LIKE: [Option<&str>; 9] = [
    Some("my parcel has not arrived yet, please help me to find it"),
    Some("我想退货但是找不到退货按钮在哪里"),
    None,
    Some("My parcel has not arrived yet!!! Please help me to find it"),
    Some("how do I change my password"),
    Some(""),
    Some("我想退货，但是找不到退货按钮在哪里呀"),
    None,
    Some(""),
];

#[tokio::test]
async fn rows_of_a_group_have_the_place_of_its_first() {
    let (_folder, engine) = engine("", None, &LIKE).await;
    let groups = async |call: &str| -> Vec<u64> {
        let sql = format!("select {call} as g from t order by _row");
        let frame = engine.query("query", &sql).await.unwrap();
        let batches = engine.collect("query", frame).await.unwrap().1;
        let column = |batch: &RecordBatch| batch.column(0).as_primitive::<UInt64Type>().values().to_vec();
        batches.iter().flat_map(column).collect()
    };
    // No text, and an empty one, is like no other.
    let expected = [1, 2, 3, 1, 5, 6, 2, 8, 9];
    assert_eq!(groups("near_dup_group(text, 0.7) over (order by _row)").await, expected);
    assert_eq!(groups("near_dup_group(text, 1) over (order by _row)").await[3], 1);
    assert_eq!(groups("near_dup_group(text) over (order by _row)").await[3], 1);
    let backwards = groups("near_dup_group(text, 0.7) over (order by _row desc)").await;
    assert_eq!(backwards, [6, 3, 7, 6, 5, 4, 3, 2, 1]);
    let parted = groups("near_dup_group(text, 0.7) over (partition by _row % 2 order by _row)").await;
    assert_eq!(parted, [1, 1, 2, 2, 3, 3, 4, 4, 5]);
    let kept = "select count(*) from (select _row from t \
                qualify near_dup_group(text, 0.7) over (order by _row) = row_number() over (order by _row)) q";
    assert_eq!(shown(&engine, kept).await, ["7"]);
    assert_eq!(
        shown(
            &engine,
            "select near_dup_similarity(text, text) from t order by _row limit 3"
        )
        .await,
        ["1.0", "1.0", "NULL"]
    );
    assert_eq!(shown(&engine, "select near_dup_similarity('', '')").await, ["0.0"]);
}

#[tokio::test]
async fn a_threshold_is_one_number_from_0_to_1() {
    let (_folder, engine) = engine("", None, &LIKE).await;
    for threshold in ["1.5", "-0.1", "null", "_row", "'much'"] {
        let sql = format!("select near_dup_group(text, {threshold}) over (order by _row) from t");
        let refused = refusal(&engine, &sql).await;
        let says = refused.contains("must be a number from 0 to 1") || refused.contains("coerce");
        assert!(says, "{threshold}: {refused}");
    }
}

#[tokio::test]
async fn signatures_keep_to_the_memory_limit_and_give_it_back() {
    let letters = |number: usize| -> String {
        let digit = |place: u32| char::from(b'a' + (number / 26_usize.pow(place) % 26) as u8);
        (0..4).map(digit).collect::<String>().repeat(3)
    };
    let texts: Vec<String> = (0..40_000).map(letters).collect();
    let texts: Vec<Option<&str>> = texts.iter().map(|text| Some(text.as_str())).collect();
    let (_folder, engine) = engine("", Some(32), &texts).await;
    let refused = refusal(&engine, "select near_dup_group(text) over (order by _row) from t").await;
    assert!(refused.contains("`limits.memory_max_mib` (32)"), "{refused}");
    let in_parts = "select count(*) from \
                    (select near_dup_group(text) over (partition by _row % 16 order by _row) from t) q";
    assert_eq!(shown(&engine, in_parts).await, ["40000"]);
}

/// Every function of texts, as a call of one column.
const CALLS: [&str; 14] = [
    "normalise(text)",
    "mask_numbers(text)",
    "repair_mojibake(text)",
    "strip_html(text)",
    "strip_quotes(text)",
    "lang(text)",
    "cardinality(sentences(text))",
    "mask_pii(text)",
    "cardinality(pii_types(text))",
    "near_dup_key(text)",
    "near_dup_similarity(text, text)",
    "near_dup_similarity(text, 'a')",
    "to_simplified(text)",
    "near_dup_group(text) over (order by _row)",
];

/// Pieces that are hard for one function or another when there are many of them.
const PIECES: [&str; 34] = [
    "a",
    "ä",
    "的",
    "1 ",
    "1.",
    "<",
    "<div>",
    "</p>",
    "<!--",
    "&",
    "&#",
    "&amp;",
    "@",
    "a@b.",
    ">",
    "> > ",
    "\n",
    " ",
    "\u{200b}",
    "\u{202e}",
    "\u{301}",
    "e\u{301}",
    "Ã©",
    "锟斤拷",
    "我叫",
    "my name is ",
    "北京市",
    "On Mon wrote:\n",
    "。",
    "?!",
    "http://a?",
    " dot ",
    "👩\u{200d}",
    "(1) ",
];

async fn time_of(call: &str, engine: &Engine, rows: usize) -> Duration {
    let started = Instant::now();
    let sql = format!("select count(v) from (select {call} as v from t) q");
    let shown = shown(engine, &sql).await;
    let count: usize = shown[0].parse().unwrap();
    assert!(count <= rows);
    started.elapsed()
}

#[tokio::test]
async fn long_hard_texts_take_linear_time() {
    let of_size = |bytes: usize| PIECES.map(|piece| piece.repeat(bytes / piece.len()));
    let (short, long) = (of_size(50_000), of_size(1_000_000));
    let (_a, short) = engine("", None, &short.each_ref().map(|text| Some(text.as_str()))).await;
    let (_b, long) = engine("", None, &long.each_ref().map(|text| Some(text.as_str()))).await;
    for call in CALLS {
        let _warm = time_of(call, &short, PIECES.len()).await;
        let (short, long) = (
            time_of(call, &short, PIECES.len()).await,
            time_of(call, &long, PIECES.len()).await,
        );
        // Twenty times the text; four hundred times the time would be quadratic.
        assert!(
            long < short * 120 + Duration::from_secs(2),
            "{call}: {short:?}, {long:?}"
        );
    }
}

/// The Big List of Naughty Strings, if it is there.
#[tokio::test]
#[allow(clippy::print_stderr)]
async fn naughty_strings_harm_nobody() {
    let Some(data) = std::env::var_os("DESKMILL_DATA") else {
        assert!(
            std::env::var_os("CI").is_none(),
            "DESKMILL_DATA must name the folder of the data sets"
        );
        eprintln!("!! SKIPPED: set DESKMILL_DATA to the folder of the data sets");
        return;
    };
    let folder = Path::new(&data).join("blns");
    let mut texts = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let bytes = std::fs::read(entry.unwrap().path()).unwrap_or_default();
        texts.extend(String::from_utf8_lossy(&bytes).lines().map(str::to_owned));
    }
    assert!(texts.len() > 300);
    let texts: Vec<Option<&str>> = texts.iter().map(|text| Some(text.as_str())).collect();
    let (_folder, engine) = engine("", None, &texts).await;
    for call in CALLS {
        let _time = time_of(call, &engine, texts.len()).await;
    }
    let twice = "select count(*) from t where mask_pii(mask_pii(text)) <> mask_pii(text) or \
                 normalise(normalise(text)) <> normalise(text) or mask_numbers(mask_numbers(text)) <> mask_numbers(text)";
    assert_eq!(shown(&engine, twice).await, ["0"]);
}
