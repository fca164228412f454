//! Just enough CSV (RFC 4180) to write what a test asks and read what it is told.

/// One field, quoted always, so that empty texts and line breaks are kept.
pub fn quoted(field: &str) -> String {
    format!("\"{}\"", field.replace('"', "\"\""))
}

/// All rows, the header among them.
pub fn rows(text: &str) -> Vec<Vec<String>> {
    let (mut rows, mut row, mut field) = (Vec::new(), Vec::new(), String::new());
    let mut chars = text.chars().peekable();
    let mut within_quotes = false;
    while let Some(c) = chars.next() {
        match (within_quotes, c) {
            (true, '"') if chars.peek() == Some(&'"') => field.extend(chars.next()),
            (_, '"') => within_quotes = !within_quotes,
            (false, ',') => row.push(std::mem::take(&mut field)),
            (false, '\n') => {
                row.push(std::mem::take(&mut field));
                rows.push(std::mem::take(&mut row));
            }
            (false, '\r') if chars.peek() == Some(&'\n') => {}
            (_, c) => field.push(c),
        }
    }
    if !field.is_empty() || !row.is_empty() {
        row.push(field);
        rows.push(row);
    }
    rows
}

#[test]
fn reads_what_it_writes() {
    let fields = ["", "a", "a,b", "he said \"no\"", "two\nlines", "\r\n", "退款"];
    let line = fields.map(quoted).join(",");
    assert_eq!(rows(&format!("{line}\n{line}")), [fields, fields]);
    assert_eq!(rows("a,b\r\n1,\n"), [["a", "b"], ["1", ""]]);
}
