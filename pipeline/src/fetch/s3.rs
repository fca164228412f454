//! `s3://bucket/prefix/*.csv.gz`: objects of S3 and of stores that speak like it, found by a glob over their keys.
//! Requests and retries are `object_store`'s.

use std::time::Duration;

use futures::{StreamExt as _, TryStreamExt as _};
use glob::{MatchOptions, Pattern};
use object_store::aws::{AmazonS3, AmazonS3Builder, AmazonS3ConfigKey};
use object_store::path::Path;
use object_store::{ClientOptions, GetOptions, ObjectMeta, ObjectStore as _, ObjectStoreExt as _, RetryConfig};

use super::Job;
use super::objects::{Broken, changed, copy_name, keep, receive};
use super::state::{Fetched, Version, short_digest};
use crate::error::{Error, Result};

/// More keys under one prefix are a mistake in the location.
const LISTED_MAX: usize = 1_000_000;
/// How long a request is tried again, parts of a long body among them.
const RETRIES_TIMEOUT: Duration = Duration::from_secs(1800);
const RETRIES_MAX: usize = 6;

/// As for local files: `*` stays within a folder, and hidden names are not data.
const MATCHING: MatchOptions = MatchOptions {
    case_sensitive: true,
    require_literal_separator: true,
    require_literal_leading_dot: true,
};

/// The bucket of a location.
pub(super) struct Bucket<'a> {
    job: Job<'a>,
    location: &'a str,
    name: &'a str,
    key: &'a str,
    store: AmazonS3,
}

impl<'a> Bucket<'a> {
    /// Reads the location; asks nobody yet.
    pub(super) fn open(job: Job<'a>, location: &'a str) -> Result<Self> {
        let rest = location.strip_prefix("s3://").unwrap_or(location);
        let (name, key) = rest.split_once('/').unwrap_or((rest, ""));
        if name.is_empty() || key.is_empty() || name.contains('@') {
            let hint =
                "write `s3://bucket/folder/*.csv`; the keys stand in AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY";
            return Err(job.wrong("its location", "it names no bucket and key", hint));
        }
        let options = ClientOptions::new()
            .with_timeout_disabled()
            .with_connect_timeout(job.outside.deadlines.connect());
        let mut builder = AmazonS3Builder::new()
            .with_client_options(options)
            .with_retry(RetryConfig {
                max_retries: RETRIES_MAX,
                retry_timeout: RETRIES_TIMEOUT,
                ..RetryConfig::default()
            });
        for (variable, value) in &job.outside.environment {
            let key = variable.strip_prefix("AWS_").map(|_| variable.to_ascii_lowercase());
            if let Some(key) = key.and_then(|key| key.parse::<AmazonS3ConfigKey>().ok()) {
                builder = builder.with_config(key, value);
            }
        }
        let store = builder.with_bucket_name(name).build();
        let hint = "see the AWS_* variables: AWS_REGION, AWS_ENDPOINT_URL, AWS_ALLOW_HTTP, AWS_ACCESS_KEY_ID ...";
        let store = store.map_err(|e| job.wrong(location, e.to_string(), hint))?;
        Ok(Self {
            job,
            location,
            name,
            key,
            store,
        })
    }

    /// The objects that match, sorted by key; at least one.
    pub(super) async fn list(&self) -> Result<Vec<ObjectMeta>> {
        let wrong = |message: String, hint: &str| self.job.wrong(self.location, message, hint);
        let pattern = Pattern::new(self.key).map_err(|e| {
            wrong(
                format!("it is not a glob: {}", e.msg),
                "write `[[]`, `[*]` or `[?]` for the sign itself",
            )
        })?;
        let fixed = self.key.find(['*', '?', '[']).map_or(self.key, |end| &self.key[..end]);
        let folder = fixed.rsplit_once('/').map_or("", |(folder, _)| folder);
        let folder = Path::parse(folder).map_err(|e| wrong(e.to_string(), "mend the location"))?;
        let mut listing = self.store.list(Some(&folder)).take(LISTED_MAX + 1);
        let (mut objects, mut listed) = (Vec::new(), 0);
        loop {
            let next = tokio::time::timeout(self.job.outside.deadlines.idle(), listing.try_next()).await;
            let next = next.map_err(|_| wrong("no answer".into(), "see whether the store is up"))?;
            let Some(object) = next.map_err(|e| self.failed(self.location, &e))? else {
                break;
            };
            listed += 1;
            if listed > LISTED_MAX {
                let hint = "write more of the key before the first `*`";
                return Err(wrong(format!("more than {LISTED_MAX} keys begin like it"), hint));
            }
            if pattern.matches_with(object.location.as_ref(), MATCHING) {
                objects.push(object);
            }
        }
        if objects.is_empty() {
            return Err(wrong(
                format!("no object matches; {listed} keys were looked at"),
                "mend the location",
            ));
        }
        objects.sort_by(|a, b| a.location.cmp(&b.location));
        Ok(objects)
    }

    /// One object's copy; asked for only if there is none of this content.
    pub(super) async fn fetch(&self, object: &ObjectMeta) -> Result<Fetched> {
        let job = self.job;
        let relative = format!("s3://{}/{}", self.name, object.location);
        let version = Version {
            url: short_digest(&relative),
            etag: object.e_tag.clone(),
            last_modified: Some(object.last_modified.to_rfc3339()),
        };
        if let Some(etag) = &object.e_tag {
            let copy = Fetched {
                relative: relative.clone(),
                file: copy_name(&relative, etag, &relative),
                bytes: object.size,
                version: version.clone(),
            };
            if job.folder.has(&copy) {
                return Ok(copy);
            }
        }
        let options = GetOptions {
            if_match: object.e_tag.clone(),
            ..GetOptions::default()
        };
        let got = self.store.get_opts(&object.location, options).await;
        let got = got.map_err(|e| self.failed(&relative, &e))?;
        let body = got.into_stream().map_err(|e| e.to_string()).boxed_local();
        let spool = match receive(job, &relative, body, Some(object.size)).await {
            Ok(spool) => spool,
            Err(Broken::Lasting(error)) => return Err(error),
            Err(Broken::Way(words)) => {
                self.unchanged(&relative, object).await?;
                let hint = "run again: objects that came whole are kept";
                return Err(job.wrong(&relative, format!("it broke off: {words}"), hint));
            }
        };
        self.unchanged(&relative, object).await?;
        keep(job, spool, &relative, &relative, version)
    }

    async fn unchanged(&self, relative: &str, object: &ObjectMeta) -> Result<()> {
        let now = self
            .store
            .head(&object.location)
            .await
            .map_err(|e| self.failed(relative, &e))?;
        let is_same = now.e_tag == object.e_tag && now.size == object.size;
        if is_same {
            Ok(())
        } else {
            Err(changed(self.job, relative))
        }
    }

    fn failed(&self, place: &str, error: &object_store::Error) -> Error {
        use object_store::Error as E;
        let hint = match error {
            E::Precondition { .. } => return changed(self.job, place),
            E::NotFound { .. } => "mend bucket and key, or run again if objects are being removed",
            E::PermissionDenied { .. } | E::Unauthenticated { .. } => {
                "see AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN, and the right to list and get"
            }
            _ => "see the bucket, AWS_REGION, AWS_ENDPOINT_URL and the keys in AWS_*; run again when the store is up",
        };
        let words: String = error.to_string().chars().take(500).collect();
        self.job.wrong(place, words, hint)
    }
}
