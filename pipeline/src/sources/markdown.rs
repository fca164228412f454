//! Markdown pages (CommonMark with tables): a file is a row with the columns of [`super::html`]. `text` is plain, without
//! markup, a line break between blocks. The title is that of the front matter (`---` or `+++`), else the first heading;
//! language, description, byline, date and address come from the front matter, where they stand as `key: value`.

use std::collections::BTreeMap;

use pulldown_cmark::{Event, HeadingLevel, Options, Parser, Tag, TagEnd};

use super::LandRequest;
use super::document::{self, Content, filled, one_line, undeclared};
use super::html;
use crate::error::Result;

/// Reads a page; gives the numbers of rows and rejects.
pub(super) fn land(request: &LandRequest<'_>, progress: &dyn Fn(u64)) -> Result<(u64, u64)> {
    document::land(request, progress, html::COLUMNS, undeclared, |text| Ok(read(text)))
}

fn read(markdown: &str) -> [Option<String>; 9] {
    let options = Options::ENABLE_TABLES
        | Options::ENABLE_STRIKETHROUGH
        | Options::ENABLE_YAML_STYLE_METADATA_BLOCKS
        | Options::ENABLE_PLUSES_DELIMITED_METADATA_BLOCKS;
    let mut page = Page::default();
    Parser::new_ext(markdown, options).for_each(|event| page.take(event));
    let Page { content, front, .. } = page;
    let front = |keys: &[&str]| keys.iter().find_map(|key| front.get(*key)).and_then(filled);
    let heading = content.headings.first().map(|(_, text)| text.clone());
    [
        front(&["title"]).or(heading),
        filled(&content.text),
        content.headings_json(),
        content.links_json(),
        front(&["language", "lang", "locale"]),
        front(&["description", "summary"]),
        front(&["author", "byline"]),
        front(&["published_at", "published", "date"]),
        front(&["canonical", "canonical_url", "url", "permalink"]),
    ]
}

/// What was seen so far.
#[derive(Default)]
struct Page {
    content: Content,
    front: BTreeMap<String, String>,
    in_front: bool,
    /// Where the text of the open heading starts.
    heading_start: usize,
    /// Where the text of the open link starts, and its address.
    link: Option<(usize, String)>,
    /// The HTML of an open block of it.
    html: String,
}

impl Page {
    fn take(&mut self, event: Event<'_>) {
        match event {
            Event::Start(tag) => self.enter(tag),
            Event::End(tag) => self.leave(tag),
            Event::Text(text) if self.in_front => self.read_front(&text),
            Event::Text(text) | Event::Code(text) | Event::InlineMath(text) | Event::DisplayMath(text) => {
                self.content.text.push_str(&text);
            }
            Event::Html(html) => self.html.push_str(&html),
            Event::SoftBreak | Event::HardBreak | Event::Rule => self.line_break(),
            Event::InlineHtml(_) | Event::FootnoteReference(_) | Event::TaskListMarker(_) => {}
        }
    }

    fn enter(&mut self, tag: Tag<'_>) {
        let start = self.content.text.len();
        match tag {
            Tag::MetadataBlock(_) => self.in_front = true,
            Tag::Link { dest_url, .. } => self.link = Some((start, dest_url.into_string())),
            Tag::Emphasis | Tag::Strong | Tag::Strikethrough | Tag::Image { .. } => {}
            Tag::TableCell => self.blank(),
            Tag::Heading { .. } => {
                self.line_break();
                self.heading_start = self.content.text.len();
            }
            _ => self.line_break(),
        }
    }

    fn leave(&mut self, tag: TagEnd) {
        let text_from = |start: usize| one_line(self.content.text.get(start..).unwrap_or_default());
        match tag {
            TagEnd::MetadataBlock(_) => self.in_front = false,
            TagEnd::Link => {
                if let Some((start, href)) = self.link.take() {
                    let text = text_from(start);
                    self.content.links.push((text, href));
                }
            }
            TagEnd::Heading(level) => {
                let text = text_from(self.heading_start);
                if !text.is_empty() {
                    self.content.headings.push((number(level), text));
                }
                self.line_break();
            }
            TagEnd::HtmlBlock => {
                let html = std::mem::take(&mut self.html);
                self.content.text.push_str(&html::plain_text(&html));
                self.line_break();
            }
            TagEnd::Emphasis | TagEnd::Strong | TagEnd::Strikethrough | TagEnd::Image | TagEnd::TableCell => {}
            _ => self.line_break(),
        }
    }

    /// `key: value` of YAML and `key = "value"` of TOML; what is nested is not for a column.
    fn read_front(&mut self, block: &str) {
        for line in block.lines() {
            let Some((key, value)) = line.split_once([':', '=']) else {
                continue;
            };
            if !line.starts_with(|sign: char| sign.is_ascii_alphabetic()) {
                continue;
            }
            let value = value.trim().trim_matches(['"', '\'']);
            self.front.insert(key.trim().to_ascii_lowercase(), value.to_owned());
        }
    }

    fn blank(&mut self) {
        if !self.content.text.is_empty() && !self.content.text.ends_with(char::is_whitespace) {
            self.content.text.push(' ');
        }
    }

    fn line_break(&mut self) {
        if !self.content.text.is_empty() && !self.content.text.ends_with('\n') {
            self.content.text.push('\n');
        }
    }
}

fn number(level: HeadingLevel) -> u8 {
    level as u8
}
