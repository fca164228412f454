//! Makes a page harmless for parsers whose time grows with the square of its depth, or of the attributes in one tag.
//! Ordinary pages pass unchanged. It knows tags, not the rules of HTML; what it takes away are tags, never text.

/// The deepest nesting of elements that stays. Browsers stop at 512; pages of people stay below 100.
const DEPTH_MAX: usize = 256;
/// The longest tag whose attributes stay, in bytes.
const TAG_MAX_BYTES: usize = 16 * 1024;
/// Elements without an end tag, or whose end is implied by the next of them.
const NOT_NESTED: [&str; 31] = [
    "area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr", "p", "li",
    "dt", "dd", "tr", "td", "th", "thead", "tbody", "tfoot", "option", "optgroup", "rp", "rt", "html", "head", "body",
    "param",
];
/// Elements whose content has no tags.
const RAW: [&str; 7] = ["script", "style", "textarea", "title", "xmp", "iframe", "noembed"];

/// The page, without the tags that go too deep and without attributes in huge tags.
pub(super) fn bounded(html: &str) -> String {
    let mut out = String::with_capacity(html.len());
    let mut rest = html;
    let mut depth = 0_usize;
    while let Some(at) = rest.find('<') {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        let Some(tag) = Tag::at(rest) else {
            // A comment, a declaration, or a lone sign.
            let end = other_end(rest);
            out.push_str(&rest[..end]);
            rest = &rest[end..];
            continue;
        };
        let whole = &rest[..tag.end];
        rest = &rest[tag.end..];
        let is_counted = !NOT_NESTED.contains(&tag.name.as_str());
        let keep = match (is_counted, tag.is_end) {
            (false, _) => true,
            (true, false) => {
                depth += 1;
                depth <= DEPTH_MAX
            }
            (true, true) => {
                depth = depth.saturating_sub(1);
                depth < DEPTH_MAX
            }
        };
        match keep {
            true if whole.len() <= TAG_MAX_BYTES => out.push_str(whole),
            true => out.extend(["<", if tag.is_end { "/" } else { "" }, &tag.name, ">"]),
            false => {}
        }
        if !tag.is_end && RAW.contains(&tag.name.as_str()) {
            let end = raw_end(rest, &tag.name);
            out.push_str(if keep { &rest[..end] } else { "" });
            rest = &rest[end..];
        }
    }
    out.push_str(rest);
    out
}

/// A tag at the start of a text.
struct Tag {
    /// In lower case.
    name: String,
    is_end: bool,
    /// Behind its `>`.
    end: usize,
}

impl Tag {
    fn at(text: &str) -> Option<Self> {
        let (is_end, name_start) = if text.starts_with("</") { (true, 2) } else { (false, 1) };
        let name = &text[name_start..];
        if !name.starts_with(|sign: char| sign.is_ascii_alphabetic()) {
            return None;
        }
        let stop = |sign: char| sign.is_ascii_whitespace() || matches!(sign, '/' | '>');
        // A name of a page that ends in it is no tag; a huge name is none that counts.
        let name_end = name.find(stop).unwrap_or(name.len());
        let end = name_start + name_end + tag_end(&name[name_end..]);
        Some(Self {
            name: name[..name_end]
                .chars()
                .take(32)
                .collect::<String>()
                .to_ascii_lowercase(),
            is_end,
            end,
        })
    }
}

/// Behind the `>` that ends a tag; one in a quoted value does not.
fn tag_end(attributes: &str) -> usize {
    let mut quote = None;
    let mut after_equals = false;
    for (at, byte) in attributes.bytes().enumerate() {
        match quote {
            Some(open) if byte == open => quote = None,
            Some(_) => {}
            None if byte == b'>' => return at + 1,
            None if after_equals && matches!(byte, b'"' | b'\'') => quote = Some(byte),
            None => {}
        }
        after_equals = byte == b'=' || (after_equals && byte.is_ascii_whitespace());
    }
    attributes.len()
}

/// Behind a comment or declaration; behind the sign if it is neither.
fn other_end(text: &str) -> usize {
    let behind = |mark: &str| text.find(mark).map_or(text.len(), |at| at + mark.len());
    if text.starts_with("<!--") {
        // `<!-->` is a whole comment.
        if text.starts_with("<!-->") { 5 } else { behind("-->") }
    } else if text.starts_with("<!") || text.starts_with("<?") || text.starts_with("</") {
        behind(">")
    } else {
        1
    }
}

/// Where the end tag of an element without inner tags starts.
fn raw_end(text: &str, name: &str) -> usize {
    let mut from = 0;
    while let Some(at) = text[from..].find("</") {
        let start = from + at;
        let behind = text.as_bytes().get(start + 2..start + 2 + name.len());
        if behind.is_some_and(|behind| behind.eq_ignore_ascii_case(name.as_bytes())) {
            return start;
        }
        from = start + 2;
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ordinary_pages_pass_unchanged() {
        let page = "<!DOCTYPE html><p>a<p>b <!-- <div> --><script>if (a < b) '<div>'</script>\
                    <a title='x > y' href=/>c</a> 1 < 2 <br/>";
        assert_eq!(bounded(page), page);
    }

    #[test]
    fn text_below_the_bound_stays() {
        let depth = DEPTH_MAX + 10;
        let page = format!("{}deep{}after", "<div>".repeat(depth), "</div>".repeat(depth));
        let expected = format!("{}deep{}after", "<div>".repeat(DEPTH_MAX), "</div>".repeat(DEPTH_MAX));
        assert_eq!(bounded(&page), expected);
        let huge = format!("<b {}>x</b>", "a ".repeat(TAG_MAX_BYTES));
        assert_eq!(bounded(&huge), "<b>x</b>");
    }
}
