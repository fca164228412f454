//! What the tests need: a registry in a scratch folder, versions of a tiny model, and stores that misbehave.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use arrow::array::{Array, AsArray, Float64Array, Float64Builder, ListBuilder, RecordBatch, StringArray};
use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::{self, BoxStream, StreamExt};
use object_store::path::Path;
use object_store::{
    CopyOptions, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore, PutMultipartOptions,
    PutOptions, PutPayload, PutResult,
};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::super::{GOLDEN_FILE, Golden, MODEL_FILE, NewVersion, Note, Registry};
use crate::artifact::Artifact;
use crate::error::{Error, Result};
use crate::kind::{
    About, Examples, FitContext, Fitted, Kind, Model, RecipeProblem, Rows, Signature, ValueSpec, ValueType,
};
use crate::metrics::Evaluation;

/// A registry in a folder that is gone with the test.
pub(super) struct Home(TempDir);

impl Home {
    pub(super) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    /// A registry that has read nothing yet, as a new process has.
    pub(super) fn registry(&self) -> Registry {
        Registry::local(self.0.path()).unwrap()
    }

    pub(super) fn path(&self, inside: &str) -> PathBuf {
        self.0.path().join(inside)
    }

    /// A registry over this folder through a store that misbehaves.
    pub(super) fn through(&self, wrap: impl FnOnce(Arc<dyn ObjectStore>) -> Arc<dyn ObjectStore>) -> Registry {
        let store = object_store::local::LocalFileSystem::new_with_prefix(self.0.path()).unwrap();
        Registry::new(wrap(Arc::new(store)), Path::default())
    }

    /// Every file in the folder, sorted.
    pub(super) fn files(&self) -> Vec<String> {
        let mut found = Vec::new();
        let mut folders = vec![self.0.path().to_owned()];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                } else {
                    found.push(path.strip_prefix(self.0.path()).unwrap().to_string_lossy().into_owned());
                }
            }
        }
        found.sort();
        found
    }
}

pub(super) fn note(who: &str) -> Note {
    Note {
        who: who.into(),
        when: "2026-11-22T09:30:00.25Z".parse().unwrap(),
        why: "为了测试 \"quoted\"".into(),
        run: Some("run-1".into()),
        facts: json!({ "accuracy": 0.1, "rows": 12, "none": null }),
    }
}

/// A version whose bytes follow from its key, as a real one's do.
pub(super) fn new_version(model: &str, key: &str) -> NewVersion {
    let fitted = Echo {
        factor: key.len() as f64,
        signature: signature(),
    };
    let golden = Golden::record(&fitted, texts(&["a", "bb", "你好"])).unwrap();
    let files = BTreeMap::from([
        (
            MODEL_FILE.to_owned(),
            Bytes::from(fitted.artifact().to_bytes().unwrap()),
        ),
        (GOLDEN_FILE.to_owned(), golden.to_parquet().unwrap()),
        ("report.json".to_owned(), Bytes::from(format!("{{\"key\":\"{key}\"}}"))),
    ]);
    NewVersion {
        model: model.into(),
        kind: "intent".into(),
        key: key.into(),
        signature: signature(),
        recipe: json!({ "depth": 0.1 }),
        files,
        metrics: BTreeMap::from([("accuracy".to_owned(), 0.5), ("macro_f1".to_owned(), 1.0)]),
        main_metric: "accuracy".into(),
        lineage: json!({ "table": "tickets" }),
        note: note(key),
    }
}

pub(super) fn texts(texts: &[&str]) -> RecordBatch {
    RecordBatch::try_new(
        signature().input_schema(),
        vec![Arc::new(StringArray::from(texts.to_vec()))],
    )
    .unwrap()
}

pub(super) fn signature() -> Signature {
    let spec = |name: &str, value_type| ValueSpec {
        name: name.into(),
        value_type,
        nullable: false,
        optional: false,
        about: "a test".into(),
        example: json!(0.1),
    };
    Signature {
        inputs: vec![spec("text", ValueType::Text)],
        outputs: vec![
            spec("label", ValueType::Text),
            spec("score", ValueType::Number),
            spec("scores", ValueType::NumberList),
        ],
    }
}

/// Answers with the text and `factor` / its length.
pub(super) struct Echo {
    pub(super) factor: f64,
    pub(super) signature: Signature,
}

impl Model for Echo {
    fn kind(&self) -> &'static str {
        "intent"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn predict(&self, rows: &RecordBatch) -> Result<RecordBatch> {
        let labels = rows.column(0).as_string::<i32>();
        let score = |text: &str| self.factor / text.len() as f64;
        let mut lists = ListBuilder::new(Float64Builder::new());
        for text in labels.iter().flatten() {
            lists.append_value([Some(score(text)), Some(0.0)]);
        }
        let scores: Float64Array = labels.iter().map(|text| text.map(score)).collect();
        let columns: Vec<Arc<dyn Array>> = vec![Arc::new(labels.clone()), Arc::new(scores), Arc::new(lists.finish())];
        RecordBatch::try_new(self.signature.output_schema(), columns).map_err(|e| Error::table("echo", e))
    }

    fn artifact(&self) -> Artifact {
        Artifact {
            settings: json!({ "factor": self.factor }),
            tensors: BTreeMap::new(),
            encoder: None,
        }
    }
}

/// The kind of [`Echo`]. It cannot fit: the registry never asks for that.
pub(super) struct EchoKind;

impl Kind for EchoKind {
    fn about(&self) -> &'static About {
        &About {
            name: "intent",
            summary: "Echoes.",
            examples_sql: "",
            card: "",
            main_metric: "accuracy",
        }
    }

    fn check_recipe(&self, written: &Value) -> std::result::Result<Value, Vec<RecipeProblem>> {
        Ok(written.clone())
    }

    fn fit(&self, _: &Examples<'_>, _: &Value, _: &FitContext<'_>) -> Result<Fitted> {
        Err(Error::artifact("echo", "cannot be fitted"))
    }

    fn load(&self, artifact: Artifact) -> Result<Box<dyn Model>> {
        let factor = artifact.settings["factor"]
            .as_f64()
            .ok_or_else(|| Error::artifact("factor", "is missing"))?;
        Ok(Box::new(Echo {
            factor,
            signature: signature(),
        }))
    }

    fn evaluate(&self, _: &dyn Model, _: &dyn Rows) -> Result<Evaluation> {
        Err(Error::artifact("echo", "cannot be evaluated"))
    }
}

/// What a [`Meddled`] store does instead of just working. `Ok(None)` means: go on as usual.
#[async_trait]
pub(super) trait Meddler: fmt::Debug + Send + Sync + 'static {
    async fn put(&self, inner: &dyn ObjectStore, path: &Path, payload: PutPayload, options: PutOptions) -> Done;

    fn read(&self) -> object_store::Result<()> {
        Ok(())
    }
}

pub(super) type Done = object_store::Result<PutResult>;

/// A store with a [`Meddler`] before it.
#[derive(Debug)]
pub(super) struct Meddled<M: Meddler> {
    pub(super) inner: Arc<dyn ObjectStore>,
    pub(super) meddler: M,
}

impl<M: Meddler> fmt::Display for Meddled<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "meddled {}", self.inner)
    }
}

#[async_trait]
impl<M: Meddler> ObjectStore for Meddled<M> {
    async fn put_opts(&self, path: &Path, payload: PutPayload, options: PutOptions) -> Done {
        self.meddler.put(self.inner.as_ref(), path, payload, options).await
    }

    async fn put_multipart_opts(
        &self,
        path: &Path,
        options: PutMultipartOptions,
    ) -> object_store::Result<Box<dyn MultipartUpload>> {
        self.inner.put_multipart_opts(path, options).await
    }

    async fn get_opts(&self, path: &Path, options: GetOptions) -> object_store::Result<GetResult> {
        self.meddler.read()?;
        self.inner.get_opts(path, options).await
    }

    fn delete_stream(
        &self,
        paths: BoxStream<'static, object_store::Result<Path>>,
    ) -> BoxStream<'static, object_store::Result<Path>> {
        self.inner.delete_stream(paths)
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, object_store::Result<ObjectMeta>> {
        match self.meddler.read() {
            Ok(()) => self.inner.list(prefix),
            Err(error) => stream::iter([Err(error)]).boxed(),
        }
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> object_store::Result<ListResult> {
        self.meddler.read()?;
        self.inner.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> object_store::Result<()> {
        self.inner.copy_opts(from, to, options).await
    }
}

/// Works `left` more times and then never again, as the store of a process that was killed. The last operation either
/// takes effect unseen or does not.
#[derive(Debug)]
pub(super) struct Mortal {
    pub(super) left: AtomicI64,
    pub(super) last_takes_effect: bool,
}

impl Mortal {
    fn dead() -> object_store::Error {
        object_store::Error::Generic {
            store: "Mortal",
            source: "killed".into(),
        }
    }
}

#[async_trait]
impl Meddler for Mortal {
    async fn put(&self, inner: &dyn ObjectStore, path: &Path, payload: PutPayload, options: PutOptions) -> Done {
        match self.left.fetch_sub(1, Ordering::SeqCst) {
            1.. => inner.put_opts(path, payload, options).await,
            0 if self.last_takes_effect => inner.put_opts(path, payload, options).await.and(Err(Self::dead())),
            _ => Err(Self::dead()),
        }
    }

    fn read(&self) -> object_store::Result<()> {
        if self.left.fetch_sub(1, Ordering::SeqCst) > 0 {
            Ok(())
        } else {
            Err(Self::dead())
        }
    }
}
