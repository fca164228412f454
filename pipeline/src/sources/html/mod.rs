//! Web pages: a file is a row. Columns: `title`, `text` (the main text, a line break between blocks), `headings` (JSON
//! array of `{level, text}`) and `links` (JSON array of `{text, href}`), both of the main part, `language` (of the html
//! element), `description`, `byline`, `published_at` (as written), `url` (the canonical one). A page of more than
//! `limits.row_max_bytes` is a reject.
//!
//! The main part is what Readability takes for the article (dom_smoothie). Where it is not sure, as on short help pages,
//! it is the page's `main`, or else its body without navigation and the like.

mod bounded;
mod content;

use std::panic::{AssertUnwindSafe, catch_unwind};

use dom_query::{Document, NodeRef};
use dom_smoothie::{Config, Readability};
use encoding_rs::{Encoding, UTF_8};

use self::bounded::bounded;
use self::content::{BODY, PART, content_of};
use super::LandRequest;
use super::document::{self, Content, filled, one_line};
use super::landing::Fault;
use crate::error::Result;

pub(super) const COLUMNS: [&str; 9] = [
    "title",
    "text",
    "headings",
    "links",
    "language",
    "description",
    "byline",
    "published_at",
    "url",
];
/// Where a page may name its encoding (HTML Living Standard, 4.2.5.4: the first 1024 bytes; many are late).
const META_BYTES: usize = 4096;
/// An article of fewer characters is not surely the whole of it; Readability's own threshold.
const ARTICLE_MIN_CHARS: usize = 500;
/// The most elements that Readability looks at; it goes over a page several times.
const ELEMENTS_MAX: usize = 100_000;

/// Reads a page; gives the numbers of rows and rejects.
pub(super) fn land(request: &LandRequest<'_>, progress: &dyn Fn(u64)) -> Result<(u64, u64)> {
    document::land(request, progress, COLUMNS, meta_charset, |html| {
        // The extraction is heuristic code of others: what it may do on one page must not stop the others.
        catch_unwind(AssertUnwindSafe(|| read(html))).unwrap_or_else(|_| {
            let hint = "its markup cannot be taken apart; save the page again, or make `path` leave it out";
            Err(Fault::new("html", hint))
        })
    })
}

/// The text of HTML that is all of interest, such as a mail's: blocks on lines of their own.
pub(super) fn plain_text(html: &str) -> String {
    let document = Document::from(bounded(html));
    content_of(&document.root(), PART).text
}

fn read(html: &str) -> std::result::Result<[Option<String>; 9], Fault> {
    let html = bounded(html);
    let document = Document::from(html.as_str());
    let language = document.select("html[lang]").attr("lang");
    let url = canonical(&document);
    let description = document.select("meta[name=description i]").attr("content");
    let whole = fallback(&document);
    let mut page = Page {
        title: one_line(&document.select_single("head title").text()),
        content: whole,
        ..Page::default()
    };
    page.read_article(document);
    if page.title.is_empty() {
        page.title = page
            .content
            .headings
            .first()
            .map_or_else(String::new, |(_, text)| text.clone());
    }
    if page.content.text.is_empty() && page.title.is_empty() {
        return Err(Fault::new(
            "empty",
            "the page shows no text; it may be filled by a script",
        ));
    }
    let description = description.map(|text| one_line(&text));
    Ok([
        filled(&page.title),
        filled(&page.content.text),
        page.content.headings_json(),
        page.content.links_json(),
        language.and_then(filled),
        description.and_then(filled),
        page.byline.and_then(filled),
        page.published_at.and_then(filled),
        url.and_then(filled),
    ])
}

/// What is known of a page so far.
#[derive(Default)]
struct Page {
    title: String,
    byline: Option<String>,
    published_at: Option<String>,
    content: Content,
}

impl Page {
    /// Asks Readability; takes its article for the main part if it is sure of it.
    fn read_article(&mut self, document: Document) {
        let config = Config {
            max_elements_to_parse: ELEMENTS_MAX,
            ..Config::default()
        };
        let Ok(mut readability) = Readability::with_document(document, None, Some(config)) else {
            return;
        };
        let metadata = readability.get_article_metadata(readability.parse_json_ld());
        if !metadata.title.trim().is_empty() {
            self.title = one_line(&metadata.title);
        }
        self.byline = metadata.byline.map(|text| one_line(&text));
        self.published_at = metadata.published_time;
        let Ok(article) = readability.parse() else {
            return;
        };
        self.byline = self.byline.take().or(article.byline.map(|text| one_line(&text)));
        let found = readability.doc.select_single("#readability-page-1");
        let Some(part) = found.nodes().first() else {
            return;
        };
        let content = content_of(part, PART);
        if content.text.chars().count() >= ARTICLE_MIN_CHARS || self.content.text.is_empty() {
            self.content = content;
        }
    }
}

/// The page's only `main`, or else all of its body that is not a frame around it.
fn fallback(document: &Document) -> Content {
    let found = document.select("main, [role=main]");
    if let Some(main) = found.nodes().first() {
        let content = content_of(main, PART);
        if !content.text.is_empty() {
            return content;
        }
    }
    let body: NodeRef<'_> = document.body().unwrap_or_else(|| document.root());
    let content = content_of(&body, BODY);
    // Some pages are nothing but a header.
    if content.text.is_empty() {
        content_of(&body, PART)
    } else {
        content
    }
}

fn canonical(document: &Document) -> Option<String> {
    let link = document.select("link[rel=canonical i]").attr("href");
    let url = link.or_else(|| document.select("meta[property='og:url']").attr("content"));
    url.map(|url| url.to_string())
}

/// The encoding that a page names in a `meta` element or in an XML declaration.
fn meta_charset(bytes: &[u8]) -> Option<&'static Encoding> {
    let head = String::from_utf8_lossy(&bytes[..bytes.len().min(META_BYTES)]).to_ascii_lowercase();
    let declared = head
        .starts_with("<?xml")
        .then(|| head.split("?>").next().unwrap_or_default())
        .and_then(|declaration| label_behind(declaration, "encoding"));
    let metas = head.split("<meta").skip(1);
    let mut labels = metas.filter_map(|tag| label_behind(tag.split('>').next().unwrap_or_default(), "charset"));
    let encoding = Encoding::for_label(declared.or_else(|| labels.next())?.as_bytes())?;
    // The standard: what says UTF-16 in ASCII letters is not UTF-16.
    Some(if encoding.is_ascii_compatible() {
        encoding
    } else {
        UTF_8
    })
}

/// The value behind `name=`, quoted or not.
fn label_behind<'t>(tag: &'t str, name: &str) -> Option<&'t str> {
    let value = tag.split_once(name)?.1.trim_start().strip_prefix('=')?;
    let value = value.trim_start().trim_start_matches(['"', '\'']);
    let label = value.split(['"', '\'', ';', ' ', '/', '?']).next()?;
    (!label.is_empty()).then_some(label)
}
