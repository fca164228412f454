//! `http(s)://host/path/file.csv`: one file, asked for with the conditions of RFC 9110, so that an unchanged one is not
//! sent again. Transport is `object_store`'s client; its own HTTP store refuses bodies of unknown length, which exports
//! often are.

use std::time::Duration;

use futures::{StreamExt as _, TryStreamExt as _};
use object_store::client::{
    HttpClient, HttpConnector as _, HttpRequest, HttpRequestBody, HttpResponse, ReqwestConnector,
};
use object_store::{ClientOptions, HeaderMap, HeaderValue};
use url::Url;

use super::Job;
use super::objects::{Broken, changed, keep, receive};
use super::state::{Fetched, Version, short_digest};
use crate::error::Result;

/// How often a file is asked for before it is given up.
const ATTEMPTS: u32 = 5;
/// The pause before the second attempt; each further one is twice as long.
const FIRST_PAUSE: Duration = Duration::from_millis(250);

/// Fetches the file of a location; `last` is the copy of the last time.
pub(super) async fn fetch(job: Job<'_>, location: &str, last: Option<&Fetched>) -> Result<Fetched> {
    let get = Get::new(job, location)?;
    let last = last.filter(|last| last.version.url == short_digest(location) && job.folder.has(last));
    let (mut words, mut pause) = (String::new(), FIRST_PAUSE);
    for attempt in 0..ATTEMPTS {
        if attempt > 0 {
            tokio::time::sleep(pause).await;
            pause *= 2;
        }
        match get.once(last).await {
            Ok(fetched) => return Ok(fetched),
            Err(Broken::Lasting(error)) => return Err(error),
            Err(Broken::Way(why)) => words = why,
        }
    }
    let hint = "see whether the server is up, and the location; run again later";
    Err(job.wrong(
        &get.relative,
        format!("given up after {ATTEMPTS} attempts: {words}"),
        hint,
    ))
}

struct Get<'a> {
    job: Job<'a>,
    location: &'a str,
    /// The URL without its query string, which may hold a secret.
    relative: String,
    client: HttpClient,
}

type Attempt<T> = std::result::Result<T, Broken>;

impl<'a> Get<'a> {
    fn new(job: Job<'a>, location: &'a str) -> Result<Self> {
        let place = "its location";
        let Ok(mut url) = Url::parse(location) else {
            return Err(job.wrong(place, "it is not a URL", "write `https://host/path/file.csv`"));
        };
        if !url.username().is_empty() || url.password().is_some() {
            let hint = "take user and password out of the project file, and let the server give a public or signed URL";
            return Err(job.wrong(place, "it holds credentials", hint));
        }
        if url.path().contains('*') {
            let hint = "a web server lists nothing: name one file, and further ones under `also`";
            return Err(job.wrong(place, "it has a `*` in it", hint));
        }
        url.set_query(None);
        url.set_fragment(None);
        let options = ClientOptions::new()
            .with_allow_http(true)
            .with_timeout_disabled()
            .with_connect_timeout(job.outside.deadlines.connect());
        let client = ReqwestConnector::default().connect(&options);
        let client =
            client.map_err(|e| job.wrong(url.as_str(), e.to_string(), "see the proxy and certificates set"))?;
        Ok(Self {
            job,
            location,
            relative: url.into(),
            client,
        })
    }

    async fn once(&self, last: Option<&Fetched>) -> Attempt<Fetched> {
        let response = self.ask("GET", last.map(|last| &last.version)).await?;
        let status = response.status().as_u16();
        match (status, last) {
            (304, Some(last)) => return Ok(last.clone()),
            (200, _) => {}
            (408 | 425 | 429 | 500..=599, _) => return Err(Broken::Way(format!("the server answers {status}"))),
            _ => {
                let hint = match status {
                    401 | 403 => {
                        "the server wants a right that this location does not carry; a signed URL may have run out"
                    }
                    404 | 410 => "mend the location: there is nothing",
                    _ => "open the location with another client, and mend it",
                };
                let message = format!("the server answers {status}");
                return Err(Broken::Lasting(self.job.wrong(&self.relative, message, hint)));
            }
        }
        let version = self.version(response.headers());
        let bytes = response
            .headers()
            .get("content-length")
            .and_then(text)
            .and_then(|bytes| bytes.parse().ok());
        let body = response
            .into_body()
            .bytes_stream()
            .map_err(|e| self.shown(&e))
            .boxed_local();
        let spool = receive(self.job, self.location, body, bytes).await?;
        if self.has_changed(&version).await? {
            return Err(Broken::Lasting(changed(self.job, &self.relative)));
        }
        keep(self.job, spool, &self.relative, self.location, version).map_err(Broken::Lasting)
    }

    /// Whether the server says by now that it has another content. Where it says nothing, the length alone was checked.
    async fn has_changed(&self, version: &Version) -> Attempt<bool> {
        if version.etag.is_none() && version.last_modified.is_none() {
            return Ok(false);
        }
        let response = self.ask("HEAD", None).await?;
        if response.status().as_u16() != 200 {
            return Ok(false);
        }
        let now = self.version(response.headers());
        let differs =
            |before: &Option<String>, now: &Option<String>| before.is_some() && now.is_some() && before != now;
        Ok(differs(&version.etag, &now.etag) || differs(&version.last_modified, &now.last_modified))
    }

    async fn ask(&self, method: &str, known: Option<&Version>) -> Attempt<HttpResponse> {
        let impossible = |_| {
            Broken::Lasting(
                self.job
                    .wrong(&self.relative, "it cannot be asked for", "mend the location"),
            )
        };
        let mut request = HttpRequest::new(HttpRequestBody::empty());
        *request.method_mut() = method.parse().map_err(|_| impossible(()))?;
        *request.uri_mut() = self.location.parse().map_err(|_| impossible(()))?;
        let conditions = [
            ("if-none-match", known.and_then(|known| known.etag.as_ref())),
            (
                "if-modified-since",
                known.and_then(|known| known.last_modified.as_ref()),
            ),
        ];
        for (name, value) in conditions {
            if let Some(value) = value.and_then(|value| HeaderValue::from_str(value).ok()) {
                request.headers_mut().insert(name, value);
            }
        }
        let answer = tokio::time::timeout(self.job.outside.deadlines.idle(), self.client.execute(request)).await;
        let answer = answer.map_err(|_| Broken::Way("no answer".into()))?;
        answer.map_err(|e| Broken::Way(self.shown(&e)))
    }

    fn version(&self, headers: &HeaderMap) -> Version {
        let said = |name: &str| headers.get(name).and_then(text).map(str::to_owned);
        Version {
            url: short_digest(self.location),
            etag: said("etag"),
            last_modified: said("last-modified"),
        }
    }

    /// The client's words with their causes, without the query string.
    fn shown(&self, error: &dyn std::error::Error) -> String {
        let mut words = error.to_string();
        let mut cause = error.source();
        while let Some(inner) = cause {
            words = format!("{words}: {inner}");
            cause = inner.source();
        }
        let query = self.location.split_once('?').map_or("", |(_, query)| query);
        if !query.is_empty() {
            words = words.replace(query, "***");
        }
        words.chars().take(500).collect()
    }
}

fn text(value: &HeaderValue) -> Option<&str> {
    value.to_str().ok()
}
