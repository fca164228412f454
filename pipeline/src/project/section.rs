//! One table of the TOML file under reading. The keys a reader asks for are the keys it knows: whatever is left when it
//! has finished is an unknown key. A value of a wrong type is noted and reads as if it were not there.

use std::fmt::Display;
use std::ops::RangeInclusive;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::checked::Bound;
use super::json;
use super::names::{NameRule, hint_for};
use super::problems::{Problems, Span, quoted};

/// A value and where it is written.
#[derive(Debug, Clone)]
pub(super) struct At<T> {
    pub(super) value: T,
    pub(super) span: Span,
}

/// A table of the file, or its absence.
#[derive(Debug)]
pub(super) struct Section<'a> {
    /// The dotted path from the top; empty for the file itself.
    name: String,
    /// Where a missing key is shown: the last part of the header, else that of the table around it.
    span: Option<Span>,
    table: Option<&'a DeTable<'a>>,
    known: Vec<&'static str>,
    problems: &'a Problems,
}

impl<'a> Section<'a> {
    /// The whole file.
    pub(super) fn file(table: &'a DeTable<'a>, problems: &'a Problems) -> Self {
        Self {
            name: String::new(),
            span: None,
            table: Some(table),
            known: Vec::new(),
            problems,
        }
    }

    pub(super) fn problems(&self) -> &'a Problems {
        self.problems
    }

    /// The text under `key`; never empty.
    pub(super) fn text(&mut self, key: &'static str) -> Option<At<String>> {
        let (_, value) = self.entry(key)?;
        self.as_text(key, value)
    }

    /// The text under `key`, which must be there.
    pub(super) fn required(&mut self, key: &'static str, hint: &str) -> Option<At<String>> {
        if self.key_span(key).is_none() {
            self.known.push(key);
            self.missing(key, hint);
        }
        self.text(key)
    }

    /// The texts under `key`, none of them twice; empty if the key is not written.
    pub(super) fn texts(&mut self, key: &'static str) -> Vec<At<String>> {
        let Some((key_span, value)) = self.entry(key) else {
            return Vec::new();
        };
        let Some(items) = value.get_ref().as_array() else {
            self.wrong_type(key, value, "a list of texts", &format!("{key} = [\"...\"]"));
            return Vec::new();
        };
        if items.is_empty() {
            self.problems.add(
                Some(key_span),
                format!("`{key}` is empty, so it has no effect"),
                "leave it out",
            );
        }
        let mut texts: Vec<At<String>> = Vec::new();
        for text in items.iter().filter_map(|item| self.as_text(key, item)) {
            if texts.iter().any(|earlier| earlier.value == text.value) {
                let message = format!("{} stands twice in `{key}`", quoted(&text.value));
                self.problems.add(Some(text.span), message, "name it once");
            } else {
                texts.push(text);
            }
        }
        texts
    }

    /// The whole number under `key`, or the default.
    pub(super) fn whole(&mut self, key: &'static str, allowed: RangeInclusive<u64>, default: u64) -> u64 {
        let Some((_, value)) = self.entry(key) else {
            return default;
        };
        let DeValue::Integer(digits) = value.get_ref() else {
            self.wrong_type(key, value, "a whole number", &format!("{key} = {default}"));
            return default;
        };
        let number = u64::from_str_radix(digits.as_str(), digits.radix())
            .ok()
            .filter(|n| allowed.contains(n));
        number.unwrap_or_else(|| self.out_of_range(key, value.span(), &allowed, default))
    }

    /// [`Self::whole`] for things that are counted in memory.
    pub(super) fn size(&mut self, key: &'static str, allowed: RangeInclusive<u32>, default: u32) -> usize {
        let allowed = u64::from(*allowed.start())..=u64::from(*allowed.end());
        let size = self.whole(key, allowed, u64::from(default));
        usize::try_from(size).unwrap_or(usize::MAX)
    }

    /// The number under `key`, or the default.
    pub(super) fn number(&mut self, key: &'static str, allowed: RangeInclusive<f64>, default: f64) -> f64 {
        let Some((_, value)) = self.entry(key) else {
            return default;
        };
        match as_number(value.get_ref()) {
            None => {
                self.wrong_type(key, value, "a number", &format!("{key} = {default}"));
                default
            }
            Some(number) if allowed.contains(&number) => number,
            Some(_) => self.out_of_range(key, value.span(), &allowed, default),
        }
    }

    /// The number or text under `key`.
    pub(super) fn bound(&mut self, key: &'static str) -> Option<Bound> {
        let (_, value) = self.entry(key)?;
        if let Some(text) = value.get_ref().as_str() {
            return Some(Bound::Text(text.to_owned()));
        }
        let number = as_number(value.get_ref()).filter(|number| number.is_finite());
        if number.is_none() {
            self.wrong_type(key, value, "a number or a text in quotes", &format!("{key} = 0"));
        }
        number.map(Bound::Number)
    }

    /// The flag under `key`, or the default.
    pub(super) fn flag(&mut self, key: &'static str, default: bool) -> bool {
        let Some((_, value)) = self.entry(key) else {
            return default;
        };
        value.get_ref().as_bool().unwrap_or_else(|| {
            self.wrong_type(key, value, "true or false", &format!("{key} = {default}"));
            default
        })
    }

    /// One of a few words under `key`, which must be there if there is no default.
    pub(super) fn choice<T: Copy>(&mut self, key: &'static str, words: &[(&str, T)], default: Option<T>) -> Option<T> {
        let known: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
        let all = format!("write one of `{}`", known.join("`, `"));
        let written = if default.is_some() {
            self.text(key)
        } else {
            self.required(key, &all)
        };
        let Some(written) = written else { return default };
        let found = words
            .iter()
            .find(|(word, _)| *word == written.value)
            .map(|(_, choice)| *choice);
        if found.is_none() {
            let message = format!("`{key}` cannot be {}", quoted(&written.value));
            self.problems.add(
                Some(written.span),
                message,
                hint_for(&written.value, &known, "it can be"),
            );
        }
        found.or(default)
    }

    /// The table under `key`; if it is not written, a section in which nothing is.
    pub(super) fn section(&mut self, key: &'static str) -> Section<'a> {
        let found = self.entry(key).and_then(|(span, value)| self.inner(key, span, value));
        found.unwrap_or_else(|| Section {
            name: self.path_of(key),
            span: self.span.clone(),
            table: None,
            known: Vec::new(),
            problems: self.problems,
        })
    }

    /// The tables under `key` by their names, in the order of the file. Names that break the rule are noted.
    pub(super) fn named_sections(&mut self, key: &'static str, rule: NameRule) -> Vec<(String, Section<'a>)> {
        let all = self.section(key);
        let mut found = Vec::new();
        for (name, span, value) in all.entries() {
            self.check_name(
                &At {
                    value: name.to_owned(),
                    span: span.clone(),
                },
                rule,
            );
            found.extend(all.inner(name, span, value).map(|section| (name.to_owned(), section)));
        }
        found
    }

    /// The tables of the list under `key`: `[[...]]`.
    pub(super) fn listed_sections(&mut self, key: &'static str) -> Vec<Section<'a>> {
        let Some((key_span, value)) = self.entry(key) else {
            return Vec::new();
        };
        let Some(items) = value.get_ref().as_array() else {
            self.wrong_type(key, value, "a list of tables", &format!("[[{}]]", self.path_of(key)));
            return Vec::new();
        };
        let span_of = |item: &Spanned<DeValue<'_>>| Some(item.span()).filter(|span| !span.is_empty());
        items
            .iter()
            .filter_map(|item| self.inner(key, span_of(item).unwrap_or(key_span.clone()), item))
            .collect()
    }

    /// Numbers under names that the user chooses.
    pub(super) fn numbers(&self) -> Vec<(String, f64)> {
        let mut numbers = Vec::new();
        for (name, _, value) in self.entries() {
            match as_number(value.get_ref()) {
                Some(number) if number.is_finite() => numbers.push((name.to_owned(), number)),
                Some(_) => {
                    let message = format!("{} is not a finite number", quoted(name));
                    self.problems.add(Some(value.span()), message, "write it like `0.8`");
                }
                None => self.wrong_type(name, value, "a number", "0.8"),
            }
        }
        numbers
    }

    /// The table as a JSON object, in the order of the file; `{}` if it is not written.
    pub(super) fn to_json(&self) -> serde_json::Value {
        let mut object = serde_json::Map::new();
        for (key, _, value) in self.entries() {
            object.insert(key.to_owned(), json::from_toml(value, self.problems));
        }
        serde_json::Value::Object(object)
    }

    /// Where the key is written; dots lead into tables. A key that is not written is at the section.
    pub(super) fn span_within(&self, dotted: &str) -> Option<Span> {
        if let Some(span) = self.key_span(dotted) {
            return Some(span);
        }
        let mut table = self.table;
        let mut span = self.span.clone();
        for part in dotted.split('.') {
            let Some((key, value)) = table.and_then(|table| table.get_key_value(part)) else {
                break;
            };
            span = Some(key.span());
            table = value.get_ref().as_table();
        }
        span
    }

    /// The span of the key, if it is written here.
    pub(super) fn key_span(&self, key: &str) -> Option<Span> {
        self.table?.get_key_value(key).map(|(key, _)| key.span())
    }

    /// A key that is right elsewhere but does nothing here: noted if it is written. `why` goes on after "has no effect".
    pub(super) fn without_effect(&mut self, key: &'static str, why: &str) {
        self.skip(key);
        if let Some(span) = self.key_span(key) {
            self.problems
                .add(Some(span), format!("`{key}` has no effect {why}"), "leave it out");
        }
    }

    /// A key that cannot be judged because another one is wrong.
    pub(super) fn skip(&mut self, key: &'static str) {
        self.known.push(key);
    }

    /// Notes a key that must be here and is not.
    pub(super) fn missing(&self, key: &str, hint: &str) {
        self.problems.add(
            self.span.clone(),
            format!("`{key}` is missing in `[{}]`", self.name),
            hint,
        );
    }

    /// Notes a name that breaks the rule.
    pub(super) fn check_name(&self, name: &At<String>, rule: NameRule) {
        if !rule.allows(&name.value) {
            self.problems.add(
                Some(name.span.clone()),
                format!("{} is not a name", quoted(&name.value)),
                rule.hint(),
            );
        }
    }

    /// Notes the keys that nobody asked for.
    pub(super) fn finish(self) {
        for (key, span, _) in self.entries() {
            if !self.known.contains(&key) {
                let hint = hint_for(key, &self.known, "known keys here");
                self.problems
                    .add(Some(span), format!("unknown key {}", quoted(key)), hint);
            }
        }
    }

    fn entry(&mut self, key: &'static str) -> Option<(Span, &'a Spanned<DeValue<'a>>)> {
        self.known.push(key);
        self.table?.get_key_value(key).map(|(key, value)| (key.span(), value))
    }

    /// All keys in the order of the file (the TOML reader sorts them by name).
    fn entries(&self) -> Vec<(&'a str, Span, &'a Spanned<DeValue<'a>>)> {
        let Some(table) = self.table else { return Vec::new() };
        let mut entries: Vec<_> = table
            .iter()
            .map(|(key, value)| (key.get_ref().as_ref(), key.span(), value))
            .collect();
        entries.sort_by_key(|(_, span, _)| span.start);
        entries
    }

    fn inner(&self, key: &str, span: Span, value: &'a Spanned<DeValue<'a>>) -> Option<Section<'a>> {
        let name = self.path_of(key);
        let Some(table) = value.get_ref().as_table() else {
            self.wrong_type(key, value, "a table", &format!("[{name}]"));
            return None;
        };
        Some(Section {
            name,
            span: Some(span),
            table: Some(table),
            known: Vec::new(),
            problems: self.problems,
        })
    }

    fn path_of(&self, key: &str) -> String {
        if self.name.is_empty() {
            key.to_owned()
        } else {
            format!("{}.{key}", self.name)
        }
    }

    fn as_text(&self, key: &str, value: &Spanned<DeValue<'_>>) -> Option<At<String>> {
        let Some(text) = value.get_ref().as_str() else {
            self.wrong_type(key, value, "text in quotes", &format!("{key} = \"...\""));
            return None;
        };
        if text.is_empty() {
            self.problems.add(
                Some(value.span()),
                format!("`{key}` holds an empty text"),
                "write a value or leave it out",
            );
            return None;
        }
        Some(At {
            value: text.to_owned(),
            span: value.span(),
        })
    }

    fn wrong_type(&self, key: &str, value: &Spanned<DeValue<'_>>, wanted: &str, example: &str) {
        let found = match value.get_ref() {
            DeValue::String(_) => "a text",
            DeValue::Integer(_) => "a whole number",
            DeValue::Float(_) => "a fraction",
            DeValue::Boolean(_) => "true or false",
            DeValue::Datetime(_) => "a date",
            DeValue::Array(_) => "a list",
            DeValue::Table(_) => "a table",
        };
        let message = format!("{} must be {wanted}, not {found}", quoted(key));
        self.problems
            .add(Some(value.span()), message, format!("write it like `{example}`"));
    }

    /// Notes a number that is too small or too large; the default stands in for it.
    fn out_of_range<T: Display>(&self, key: &str, span: Span, allowed: &RangeInclusive<T>, default: T) -> T {
        let hint = format!("write a number from {} to {}", allowed.start(), allowed.end());
        self.problems.add(Some(span), format!("`{key}` is out of range"), hint);
        default
    }
}

fn as_number(value: &DeValue<'_>) -> Option<f64> {
    match value {
        DeValue::Float(float) => float.as_str().parse().ok(),
        DeValue::Integer(digits) => i64::from_str_radix(digits.as_str(), digits.radix())
            .ok()
            .map(|n| n as f64),
        _ => None,
    }
}
