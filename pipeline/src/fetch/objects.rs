//! Remote objects, one file each: what is new is streamed into the source's folder, what is unchanged is kept. How a
//! store lists and sends them is the business of `s3` and `http`.

use std::collections::BTreeSet;

use bytes::Bytes;
use futures::stream::LocalBoxStream;
use futures::{StreamExt as _, TryStreamExt as _};

use super::spool::Spool;
use super::state::{Fetched, ReadState, Version, short_digest};
use super::{Job, http, s3};
use crate::error::{Error, Result};

/// Objects fetched at once.
const AT_ONCE: usize = 8;
/// The longest part of an object's own name in the name of its copy.
const NAME_MAX_BYTES: usize = 80;

/// A body under way. Its errors are said by who sends it.
pub(super) type Body<'b> = LocalBoxStream<'b, std::result::Result<Bytes, String>>;

/// Fetches what a location names.
pub(super) async fn fetch(job: Job<'_>, location: &str, last: ReadState) -> Result<ReadState> {
    let files = if location.starts_with("s3://") {
        let bucket = s3::Bucket::open(job, location)?;
        let objects = bucket.list().await?;
        let fetching = objects
            .iter()
            .map(|object| in_time(job, object.location.as_ref(), bucket.fetch(object)));
        futures::stream::iter(fetching).buffered(AT_ONCE).try_collect().await?
    } else {
        // What follows the path may hold a secret.
        let shown = location.split(['?', '#']).next().unwrap_or_default();
        vec![in_time(job, shown, http::fetch(job, location, last.files.first())).await?]
    };
    say_gone(job, &last.files, &files);
    Ok(ReadState {
        files,
        ..ReadState::default()
    })
}

/// A body that drips may come a piece in time for ever; as a whole it may take as long as a query.
async fn in_time<T>(job: Job<'_>, place: &str, work: impl Future<Output = Result<T>>) -> Result<T> {
    let allowed = job.outside.deadlines.statement();
    match tokio::time::timeout(allowed, work).await {
        Ok(done) => done,
        Err(_) => {
            let message = format!("it did not come whole within {} s", allowed.as_secs_f32());
            Err(job.wrong(
                place,
                message,
                "see why it comes so slowly, or cut it into smaller files",
            ))
        }
    }
}

fn say_gone(job: Job<'_>, before: &[Fetched], now: &[Fetched]) {
    let there: BTreeSet<&str> = now.iter().map(|file| file.relative.as_str()).collect();
    for file in before.iter().filter(|file| !there.contains(file.relative.as_str())) {
        tracing::warn!(
            source = job.source,
            object = file.relative,
            "it is gone: its rows are left out from now on"
        );
    }
}

/// The name of a copy: of one content of one URL, so that no copy is ever written over by another.
pub(super) fn copy_name(url: &str, content: &str, relative: &str) -> String {
    let name: String = relative
        .rsplit('/')
        .next()
        .unwrap_or_default()
        .chars()
        .map(|sign| {
            if sign.is_ascii_alphanumeric() || ".-_".contains(sign) {
                sign
            } else {
                '_'
            }
        })
        .collect();
    let tail = &name[name.len().saturating_sub(NAME_MAX_BYTES)..];
    format!("{}-{tail}", short_digest(&format!("{url}\n{content}")))
}

/// Why a body did not become a file.
pub(super) enum Broken {
    /// The way broke off, in these words; to be tried again.
    Way(String),
    /// Nothing to be tried again.
    Lasting(Error),
}

/// Streams a body into a file aside. `bytes` is its size where known.
pub(super) async fn receive<'a>(
    job: Job<'a>,
    url: &str,
    mut body: Body<'_>,
    bytes: Option<u64>,
) -> std::result::Result<Spool<'a>, Broken> {
    let mut spool = Spool::create(job, &short_digest(url)).map_err(Broken::Lasting)?;
    let idle = job.outside.deadlines.idle();
    loop {
        let next = tokio::time::timeout(idle, body.next()).await;
        let next = next.map_err(|_| Broken::Way(format!("nothing came for {} s", idle.as_secs_f32())))?;
        match next {
            Some(chunk) => spool.write(&chunk.map_err(Broken::Way)?).map_err(Broken::Lasting)?,
            None => break,
        }
    }
    match bytes.filter(|&bytes| bytes != spool.bytes()) {
        Some(bytes) => Err(Broken::Way(format!("{} of {bytes} bytes came", spool.bytes()))),
        None => Ok(spool),
    }
}

/// Puts a received object in its place.
pub(super) fn keep(job: Job<'_>, spool: Spool<'_>, relative: &str, url: &str, version: Version) -> Result<Fetched> {
    let said = version.etag.clone();
    let (file, bytes) = spool.place(job.folder, |digest| {
        copy_name(url, said.as_deref().unwrap_or(digest), relative)
    })?;
    Ok(Fetched {
        relative: relative.to_owned(),
        file,
        bytes,
        version,
    })
}

/// The error about an object that is not the same at its end as at its start.
pub(super) fn changed(job: Job<'_>, relative: &str) -> Error {
    let hint = "run again when nothing writes to it; write new data under a new name";
    job.wrong(relative, "it changed while it was read", hint)
}
