//! From a part of a document to its text, headings and links. It goes over the tree in a loop, for a page may nest
//! deeper than a stack is.

use dom_query::{NodeData, NodeRef};

use crate::sources::document::{Content, one_line};

/// Elements that nobody reads.
const UNSEEN: [&str; 13] = [
    "script", "style", "noscript", "template", "head", "iframe", "object", "svg", "canvas", "select", "button",
    "datalist", "title",
];
/// Elements around the main part.
const FRAME: [&str; 4] = ["nav", "header", "footer", "aside"];
/// Roles of elements around the main part (WAI-ARIA landmarks).
const FRAME_ROLES: [&str; 5] = ["navigation", "banner", "contentinfo", "complementary", "search"];
/// Elements that stand in a line of text; all others are blocks.
const INLINE: [&str; 37] = [
    "a", "abbr", "acronym", "b", "bdi", "bdo", "big", "cite", "code", "data", "del", "dfn", "em", "font", "i", "img",
    "ins", "kbd", "label", "mark", "math", "picture", "q", "ruby", "rt", "rp", "s", "samp", "small", "span", "strike",
    "strong", "sub", "sup", "time", "u", "var",
];

/// What of a part is left out.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Leave {
    frame: bool,
}

/// A part that is known to be the main one: all that can be read.
pub(super) const PART: Leave = Leave { frame: false };
/// A whole body: without what is around the main part.
pub(super) const BODY: Leave = Leave { frame: true };

/// The content of a node.
pub(super) fn content_of(root: &NodeRef<'_>, leave: Leave) -> Content {
    let mut walk = Walk::default();
    let mut next = Some(*root);
    while let Some(node) = next {
        let name = node.node_name();
        let name = name.as_deref().unwrap_or_default();
        let is_open = name.is_empty() || node.id == root.id || !is_left_out(&node, name, leave);
        if is_open {
            walk.enter(&node, name);
            if let Some(child) = node.first_child() {
                next = Some(child);
                continue;
            }
            walk.leave(name);
        }
        next = walk.behind(node, root);
    }
    walk.finish()
}

fn is_left_out(node: &NodeRef<'_>, name: &str, leave: Leave) -> bool {
    if UNSEEN.contains(&name) || node.has_attr("hidden") || is_hidden_by_style(node) {
        return true;
    }
    if !leave.frame {
        return false;
    }
    let role = node.attr("role");
    let role_of_frame = role.is_some_and(|role| FRAME_ROLES.contains(&&*role));
    let is_consent = [node.attr("class"), node.attr("id")]
        .into_iter()
        .flatten()
        .any(|name| name.to_ascii_lowercase().contains("cookie"));
    FRAME.contains(&name) || role_of_frame || is_consent
}

fn is_hidden_by_style(node: &NodeRef<'_>) -> bool {
    node.attr("style").is_some_and(|style| {
        let style: String = style.chars().filter(|sign| !sign.is_whitespace()).collect();
        let style = style.to_ascii_lowercase();
        style.contains("display:none") || style.contains("visibility:hidden")
    })
}

/// What was seen so far.
#[derive(Default)]
struct Walk {
    content: Content,
    /// Where the text of the open heading starts, and its level.
    heading: Option<(usize, u8)>,
    /// Where the text of the open link starts, and its address.
    link: Option<(usize, String)>,
    /// Open `pre` elements; in them line breaks are kept.
    pre: usize,
    /// A blank is due before the next word.
    blank: bool,
}

impl Walk {
    fn enter(&mut self, node: &NodeRef<'_>, name: &str) {
        if name.is_empty() {
            let text = node.query_or(None, |node| match &node.data {
                NodeData::Text { contents } => Some(contents.to_string()),
                _ => None,
            });
            if let Some(text) = text {
                self.push(&text);
            }
            return;
        }
        self.part(name);
        let start = self.content.text.len();
        match name {
            "pre" => self.pre += 1,
            "a" => self.link = node.attr("href").map(|href| (start, href.to_string())),
            _ => {
                if let Some(level) = level_of(name) {
                    self.heading = Some((start, level));
                }
            }
        }
    }

    fn leave(&mut self, name: &str) {
        let text_from = |start: usize| one_line(self.content.text.get(start..).unwrap_or_default());
        match name {
            "pre" => self.pre = self.pre.saturating_sub(1),
            "a" => {
                if let Some((start, href)) = self.link.take() {
                    let text = text_from(start);
                    let is_link = !href.trim().is_empty() && !href.trim_start().starts_with("javascript:");
                    if is_link && !text.is_empty() {
                        self.content.links.push((text, href));
                    }
                }
            }
            _ if level_of(name).is_some() => {
                if let Some((start, level)) = self.heading.take() {
                    let text = text_from(start);
                    if !text.is_empty() {
                        self.content.headings.push((level, text));
                    }
                }
            }
            _ => {}
        }
        if name != "br" {
            self.part(name);
        }
    }

    /// What parts the words before and behind an element's edge.
    fn part(&mut self, name: &str) {
        match name {
            "" => {}
            "td" | "th" => self.blank = true,
            name if INLINE.contains(&name) => {}
            _ => self.line_break(),
        }
    }

    fn line_break(&mut self) {
        self.blank = false;
        if !self.content.text.is_empty() && !self.content.text.ends_with('\n') {
            self.content.text.push('\n');
        }
    }

    fn push(&mut self, text: &str) {
        if self.pre > 0 {
            self.content.text.push_str(text);
            return;
        }
        self.blank |= text.starts_with(char::is_whitespace);
        for (number, word) in text.split_whitespace().enumerate() {
            let out = &mut self.content.text;
            if (number > 0 || self.blank) && !out.is_empty() && !out.ends_with(char::is_whitespace) {
                out.push(' ');
            }
            out.push_str(word);
            self.blank = false;
        }
        self.blank |= text.ends_with(char::is_whitespace);
    }

    /// The node behind one whose content is done; none behind the root.
    fn behind<'d>(&mut self, node: NodeRef<'d>, root: &NodeRef<'d>) -> Option<NodeRef<'d>> {
        let mut node = node;
        while node.id != root.id {
            if let Some(sibling) = node.next_sibling() {
                return Some(sibling);
            }
            node = node.parent()?;
            let name = node.node_name();
            self.leave(name.as_deref().unwrap_or_default());
        }
        None
    }

    fn finish(mut self) -> Content {
        let end = self.content.text.trim_end().len();
        self.content.text.truncate(end);
        self.content
    }
}

fn level_of(name: &str) -> Option<u8> {
    match name.as_bytes() {
        [b'h', level @ b'1'..=b'6'] => Some(level - b'0'),
        _ => None,
    }
}
