//! The text of HTML, fragment or page, as a reader sees it: tags gone, entities decoded, lines where a browser breaks
//! them. Not an extractor of the main text of a page, and no renderer: styles are not looked at.

use html5ever::tendril::StrTendril;
use html5ever::tokenizer::states::RawKind;
use html5ever::tokenizer::{BufferQueue, Tag, TagKind, Token, TokenSink, TokenSinkResult, Tokenizer, TokenizerOpts};
use html5ever::{LocalName, local_name};
use std::cell::RefCell;
use std::ops::Range;

/// The text of `html`, with whitespace and line breaks as `innerText` of the HTML standard has them: paragraphs are set
/// off by an empty line, other blocks and `<br>` by a line break, table cells by a tab. `<script>`, `<style>`,
/// `<template>`, `<title>` and what else is never shown is dropped. Text without any tag keeps its whitespace and only has
/// its entities decoded; without `<` and `&` it comes back as it is.
///
/// Total. Two departures from the standard keep what people mean as text: a tag that never ends, and `<a@b.c>` or
/// `<https://...>`, are text. Not idempotent, and cannot be: `&amp;lt;` becomes `&lt;`, which is `<`.
pub fn strip_html(html: &str) -> String {
    if !html.contains(['<', '&']) {
        return html.to_owned();
    }
    let markup = Markup::of(html);
    let input = BufferQueue::default();
    // One buffer: the tokenizer is slow on queues of many.
    input.push_back(StrTendril::from_slice(&markup.cut()));
    let sink = Sink(RefCell::new(Text {
        is_markup: markup.has_tags,
        ..Text::default()
    }));
    let tokenizer = Tokenizer::new(
        sink,
        TokenizerOpts {
            discard_bom: false,
            ..TokenizerOpts::default()
        },
    );
    let _ = tokenizer.feed(&input);
    tokenizer.end();
    tokenizer.sink.0.into_inner().out
}

/// What of the input goes to the tokenizer: all but attributes, which say nothing about text and which the tokenizer
/// compares each with all before. So the time stays linear for any input.
struct Markup<'a> {
    html: &'a str,
    /// Byte ranges to leave out, or to escape if they are a lone `<`.
    cuts: Vec<(Range<usize>, &'static str)>,
    has_tags: bool,
}

impl<'a> Markup<'a> {
    fn of(html: &'a str) -> Self {
        let mut markup = Self {
            html,
            cuts: Vec::new(),
            has_tags: false,
        };
        let bytes = html.as_bytes();
        // Nothing that starts after these ends.
        let last_end = html.rfind('>');
        let last_comment_end = html.rfind("-->").max(html.rfind("--!>"));
        let ends = |start: usize, last: Option<usize>| last.is_some_and(|last| start <= last);
        let mut quotes_close = true;
        let mut at = 0;
        while let Some(found) = bytes[at..].iter().position(|&byte| byte == b'<') {
            let start = at + found;
            let rest = &bytes[start..];
            at = start + 1;
            let is_tag =
                matches!(rest, [b'<', b'a'..=b'z' | b'A'..=b'Z', ..] | [b'<', b'/', b'a'..=b'z' | b'A'..=b'Z', ..]);
            let is_declaration = matches!(rest, [b'<', b'!' | b'?', ..] | [b'<', b'/', ..]) && !is_tag;
            if !(is_tag || is_declaration) {
                continue;
            }
            let is_open_comment = rest.starts_with(b"<!--") && !ends(start + 2, last_comment_end);
            if !ends(start, last_end) || is_open_comment || (is_tag && is_address(rest)) {
                markup.cuts.push((start..start + 1, "&lt;"));
                continue;
            }
            if is_declaration {
                markup.has_tags = true;
                at = start + declaration_len(rest);
                continue;
            }
            let name_end = start + name_len(rest);
            let end = if quotes_close { tag_end(bytes, name_end) } else { None };
            // After a quote that never closes, tags end at the next `>`.
            quotes_close = end.is_some();
            let end =
                end.unwrap_or_else(|| name_end + bytes[name_end..].iter().position(|&byte| byte == b'>').unwrap_or(0));
            markup.has_tags = true;
            markup.cuts.push((name_end..end, ""));
            at = end;
            if let Some(name) = raw_text_name(&html[start + 1..name_end]) {
                at = raw_text_end(bytes, end, name);
            }
        }
        markup
    }

    /// The text with its cuts made.
    fn cut(&self) -> String {
        let mut out = String::with_capacity(self.html.len());
        let mut at = 0;
        for (range, instead) in &self.cuts {
            out.push_str(&self.html[at..range.start]);
            out.push_str(instead);
            at = range.end;
        }
        out.push_str(&self.html[at..]);
        out
    }
}

/// Bytes of `<name` or `</name`.
fn name_len(tag: &[u8]) -> usize {
    tag.iter()
        .position(|byte| matches!(byte, b'\t' | b'\n' | 0x0c | b'\r' | b' ' | b'>') || *byte == b'/')
        .map_or(tag.len(), |end| {
            if end == 1 {
                let rest = &tag[2..];
                2 + rest
                    .iter()
                    .position(|byte| matches!(byte, b'\t' | b'\n' | 0x0c | b'\r' | b' ' | b'>' | b'/'))
                    .unwrap_or(rest.len())
            } else {
                end
            }
        })
}

/// Whether `<...` is an address between angle brackets, as in `Ann <ann@example.com>`, and not a tag.
fn is_address(tag: &[u8]) -> bool {
    let name = &tag[1..name_len(tag)];
    name.contains(&b'@')
        || [&b"http:"[..], b"https:", b"mailto:"]
            .iter()
            .any(|scheme| name.eq_ignore_ascii_case(scheme))
}

/// Where the `>` of a tag stands, by the standard's attribute states; `None` if a quote never closes.
fn tag_end(bytes: &[u8], from: usize) -> Option<usize> {
    let mut at = from;
    let mut after_equals = false;
    loop {
        match *bytes.get(at)? {
            b'>' => return Some(at),
            quote @ (b'"' | b'\'') if after_equals => {
                at += 1 + bytes[at + 1..].iter().position(|&byte| byte == quote)?;
                after_equals = false;
            }
            b'=' => after_equals = true,
            b' ' | b'\t' | b'\n' | b'\r' | 0x0c => {}
            _ => after_equals = false,
        }
        at += 1;
    }
}

/// Bytes of a comment, doctype or processing instruction.
fn declaration_len(rest: &[u8]) -> usize {
    let is_comment = rest.starts_with(b"<!--");
    let mut at = if is_comment { 4 } else { 1 };
    while let Some(found) = rest[at..].iter().position(|&byte| byte == b'>') {
        at += found + 1;
        let before = &rest[..at - 1];
        if !is_comment || before.ends_with(b"--") || before.ends_with(b"--!") || before == b"<!---" {
            return at;
        }
    }
    rest.len()
}

/// The name of an element whose content is not markup.
fn raw_text_name(name: &str) -> Option<&str> {
    let raw = [
        "script", "style", "title", "textarea", "xmp", "iframe", "noembed", "noframes",
    ];
    raw.iter().any(|known| name.eq_ignore_ascii_case(known)).then_some(name)
}

/// Where the end tag of raw text starts, or the end.
fn raw_text_end(bytes: &[u8], from: usize, name: &str) -> usize {
    let mut at = from;
    while let Some(found) = bytes[at..].windows(2).position(|pair| pair == b"</") {
        at += found;
        if bytes[at + 2..]
            .get(..name.len())
            .is_some_and(|next| next.eq_ignore_ascii_case(name.as_bytes()))
        {
            return at;
        }
        at += 2;
    }
    bytes.len()
}

struct Sink(RefCell<Text>);

impl TokenSink for Sink {
    type Handle = ();

    fn process_token(&self, token: Token, _line: u64) -> TokenSinkResult<()> {
        let mut text = self.0.borrow_mut();
        match token {
            Token::CharacterTokens(chars) => text.push(&chars),
            Token::TagToken(tag) => return text.tag(&tag),
            _ => {}
        }
        TokenSinkResult::Continue
    }
}

/// The text so far, and what is owed before the next character.
#[derive(Default)]
struct Text {
    out: String,
    is_markup: bool,
    line_breaks: usize,
    space: bool,
    tab: bool,
    /// Open elements whose content is not shown, and whose whitespace is kept.
    hidden: usize,
    preformatted: usize,
    /// Right after `<pre>`, where the standard drops a line break.
    at_pre_start: bool,
}

impl Text {
    fn push(&mut self, chars: &str) {
        if self.hidden > 0 {
            return;
        }
        if !self.is_markup {
            self.out.push_str(chars);
            return;
        }
        let chars = if std::mem::take(&mut self.at_pre_start) {
            chars.strip_prefix('\n').unwrap_or(chars)
        } else {
            chars
        };
        for piece in chars.split_inclusive(|c: char| c.is_ascii_whitespace()) {
            let (word, end) = match piece.char_indices().next_back() {
                Some((at, c)) if c.is_ascii_whitespace() => (&piece[..at], Some(c)),
                _ => (piece, None),
            };
            if !word.is_empty() {
                self.settle();
                self.out.push_str(word);
            }
            match end {
                Some('\n') if self.preformatted > 0 => self.line_breaks += 1,
                Some(c) if self.preformatted > 0 => {
                    self.settle();
                    self.out.push(c);
                }
                Some(_) => self.space = true,
                None => {}
            }
        }
    }

    /// Writes what separates the next character from the last.
    fn settle(&mut self) {
        if !self.out.is_empty() {
            if self.line_breaks > 0 {
                self.out.extend(std::iter::repeat_n('\n', self.line_breaks));
            } else if self.tab {
                self.out.push('\t');
            } else if self.space {
                self.out.push(' ');
            }
        }
        (self.line_breaks, self.tab, self.space) = (0, false, false);
    }

    fn tag(&mut self, tag: &Tag) -> TokenSinkResult<()> {
        let is_start = tag.kind == TagKind::StartTag;
        self.at_pre_start = false;
        let depth = |depth: usize| if is_start { depth + 1 } else { depth.saturating_sub(1) };
        match tag.name {
            local_name!("br") => self.line_breaks += 1,
            local_name!("td") | local_name!("th") => self.tab = true,
            local_name!("script")
            | local_name!("style")
            | local_name!("title")
            | local_name!("template")
            | local_name!("iframe")
            | local_name!("noembed")
            | local_name!("noframes")
            | local_name!("noscript") => self.hidden = depth(self.hidden),
            local_name!("pre") | local_name!("textarea") | local_name!("xmp") | local_name!("listing") => {
                self.preformatted = depth(self.preformatted);
                self.line_breaks = self.line_breaks.max(1);
                self.at_pre_start = is_start;
            }
            local_name!("p") => self.line_breaks = self.line_breaks.max(2),
            _ if is_block(&tag.name) => self.line_breaks = self.line_breaks.max(1),
            _ => {}
        }
        match tag.name {
            _ if !is_start => TokenSinkResult::Continue,
            local_name!("script") => TokenSinkResult::RawData(RawKind::ScriptData),
            local_name!("style")
            | local_name!("iframe")
            | local_name!("xmp")
            | local_name!("noembed")
            | local_name!("noframes") => TokenSinkResult::RawData(RawKind::Rawtext),
            local_name!("title") | local_name!("textarea") => TokenSinkResult::RawData(RawKind::Rcdata),
            _ => TokenSinkResult::Continue,
        }
    }
}

/// Elements that browsers show on lines of their own (the HTML standard's rendering chapter, `display: block`, list items
/// and table rows).
fn is_block(name: &LocalName) -> bool {
    const BLOCKS: [&str; 48] = [
        "address",
        "article",
        "aside",
        "blockquote",
        "body",
        "caption",
        "center",
        "dd",
        "details",
        "dialog",
        "dir",
        "div",
        "dl",
        "dt",
        "fieldset",
        "figcaption",
        "figure",
        "footer",
        "form",
        "h1",
        "h2",
        "h3",
        "h4",
        "h5",
        "h6",
        "head",
        "header",
        "hgroup",
        "hr",
        "html",
        "legend",
        "li",
        "main",
        "menu",
        "nav",
        "ol",
        "optgroup",
        "option",
        "search",
        "section",
        "select",
        "summary",
        "table",
        "tbody",
        "tfoot",
        "thead",
        "tr",
        "ul",
    ];
    BLOCKS.binary_search(&&**name).is_ok()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic)]

    use super::strip_html;
    use proptest::prelude::*;

    #[test]
    fn text_without_markup_stays() {
        for text in [
            "",
            "plain\r\n  text > 3",
            "a < b and c > d",
            "x <- y",
            "1 <2, 3> 2",
            "我想退货 <3",
            "Tom && Jerry\n\nR&D",
        ] {
            assert_eq!(strip_html(text), text);
        }
        assert_eq!(
            strip_html("Tom &amp; Jerry\n\n&lt;b&gt; &copy &#20320;&#x597d;"),
            "Tom & Jerry\n\n<b> © 你好"
        );
        assert_eq!(
            strip_html("Ann <ann@example.com> wrote <https://a.b/c>"),
            "Ann <ann@example.com> wrote <https://a.b/c>"
        );
        assert_eq!(strip_html("cost <b and nothing more"), "cost <b and nothing more");
    }

    #[test]
    fn blocks_break_lines() {
        assert_eq!(
            strip_html("<p>Hello,\n   <b>world</b>!</p> <p>Two</p>"),
            "Hello, world!\n\nTwo"
        );
        assert_eq!(strip_html("a<br>b<br/><br>c"), "a\nb\n\nc");
        assert_eq!(strip_html("<div>a<br></div><div><br></div><div>b</div>"), "a\n\nb");
        assert_eq!(strip_html("<ul><li>one<li>two</ul>three"), "one\ntwo\nthree");
        assert_eq!(
            strip_html("<table><tr><td>a</td><td> b </td></tr><tr><th>c<th>d</table>e"),
            "a\tb\nc\td\ne"
        );
        assert_eq!(strip_html("<pre>a\n  b</pre>c"), "a\n  b\nc");
        assert_eq!(strip_html("un<b>broken</b>"), "unbroken");
    }

    #[test]
    fn what_is_not_shown_is_dropped() {
        let page = "<!DOCTYPE html><html><head><title>t &amp; u</title><style>p > a { }</style>\
            <script>if (a<b && c>d) \"</p>\"</script></head><body class='x>y'>shown<!-- <p>no</p> --><template><p>no</p></template></body></html>";
        assert_eq!(strip_html(page), "shown");
        assert_eq!(strip_html("a<SCRIPT>x</SCRIPT >b<o:p></o:p>c"), "abc");
    }

    #[test]
    fn broken_markup_does_not_fail() {
        for (html, text) in [
            ("<a href=\"x>link</a> text", "link text"),
            ("<<b>x</b", "<x</b"),
            ("</>x<//y>z<?php a ?>w", "xzw"),
            ("<!-->x<!--->y", "xy"),
            ("a <!-- open", "a <!-- open"),
            ("<b\0>x\0y</b>", "xy"),
            ("x</p></div></template></script>y", "x\n\ny"),
        ] {
            assert_eq!(strip_html(html), text, "{html}");
        }
    }

    #[test]
    fn hostile_input_takes_linear_time() {
        let attributes: String = (0..200_000).map(|n| format!(" a{n}=1")).collect();
        assert_eq!(strip_html(&format!("<p{attributes}>x")), "x");
        for piece in [
            "<a b=\"", "<", "</", "<!--", "<script>", "&", "<a ", "<title><", "<p>", "<!-- -",
        ] {
            strip_html(&piece.repeat(200_000));
            strip_html(&format!("{}>", piece.repeat(200_000)));
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(1000))]
        #[test]
        fn total(html in "(?s).*|(<|>|/|!|-|p|br|td|script|style|title|template|pre|=|\"|'|&|amp;|x| |\n){0,40}") {
            strip_html(&html);
        }

        #[test]
        fn escaped_text_comes_back(text in "[a-z<>&\"' 你好\n]{0,40}") {
            let escaped = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
            prop_assert_eq!(strip_html(&escaped), text);
        }
    }
}
