//! `[tables.NAME]`: the queries, and what their rows are held to.

use std::path::Path;

use super::checked::Table;
use super::checks::read_checks;
use super::files::read_sql;
use super::names::{NameRule, hint_for};
use super::problems::quoted;
use super::section::Section;

/// The tables that are right. `sources` are the names that `rows_of` may have.
pub(super) fn read_tables(file: &mut Section<'_>, sources: &[String], folder: &Path) -> Vec<Table> {
    let sections = file.named_sections("tables", NameRule::Table);
    sections
        .into_iter()
        .filter_map(|(name, section)| read_table(name, section, sources, folder))
        .collect()
}

fn read_table(name: String, mut section: Section<'_>, sources: &[String], folder: &Path) -> Option<Table> {
    let sql = read_sql(&mut section, "sql", folder);
    let has_rows_of = section.key_span("rows_of").is_some();
    let rows_of = section.text("rows_of");
    if let Some(source) = rows_of.as_ref().filter(|source| !sources.contains(&source.value)) {
        let known: Vec<&str> = sources.iter().map(String::as_str).collect();
        let hint = hint_for(&source.value, &known, "sources of this project");
        section.problems().add(
            Some(source.span.clone()),
            format!("there is no source {}", quoted(&source.value)),
            hint,
        );
    }
    let [key, not_null, cast] = ["key", "not_null", "cast"].map(|key| {
        if has_rows_of {
            section.texts(key).into_iter().map(|column| column.value).collect()
        } else {
            section.without_effect(key, "without `rows_of`");
            Vec::new()
        }
    });
    let checks = read_checks(&mut section, has_rows_of, folder);
    section.finish();
    let (sql_path, sql) = sql?;
    Some(Table {
        name,
        sql_path,
        sql,
        rows_of: rows_of.map(|source| source.value),
        key,
        not_null,
        cast,
        checks: checks?,
    })
}
