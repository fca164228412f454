//! `deskmill profile TABLE`: what a table or source looks like, on the terminal and as a page.

use std::path::{Path, PathBuf};

use anyhow::Result;
use deskmill_pipeline::catalog::Catalog;
use deskmill_pipeline::engine::RAW;
use deskmill_pipeline::fetch::fetched;
use deskmill_pipeline::plan::{Plan, Step, folder_of};
use deskmill_pipeline::profile::{ColumnProfile, Depth, Profile, ProfileRequest, glance, measure, page, percent_text};
use deskmill_pipeline::project::Project;
use deskmill_pipeline::run::threads_of;
use deskmill_pipeline::stages::clean::ROWS_FILE;
use serde_json::json;

use super::{Place, shown};
use crate::cli::ProfileArgs;
use crate::output::{Wrong, json_line, line, table};

pub fn run(place: &Place, args: &ProfileArgs) -> Result<()> {
    let project = place.project()?;
    let catalog = Catalog::new(&project.work_dir.path);
    let (name, files) = files_of(&project, &catalog, &args.table)?;
    let profile = measure(&ProfileRequest {
        table: &name,
        files: &files,
        depth: depth(args.rows),
        threads: threads_of(&project),
        memory_max_bytes: project.limits.memory_max_mib << 20,
    })?;
    let out = args.out.clone().unwrap_or_else(|| catalog.profile_page_file(&name));
    write(&out, &page(&profile))?;
    if place.json {
        let mut all = serde_json::to_value(&profile)?;
        if let Some(object) = all.as_object_mut() {
            object.insert("page".into(), json!(out));
        }
        return json_line(&all);
    }
    show(&profile)?;
    line(format!("\npage: {}", shown(&out)))?;
    Ok(())
}

/// How closely to look: more texts, and then more rows, if that is asked.
fn depth(rows: Option<u64>) -> Depth {
    let Some(rows) = rows else { return Depth::VERB };
    Depth {
        rows: Depth::VERB.rows.max(rows.saturating_mul(10)),
        text_rows: rows,
        ..Depth::VERB
    }
}

/// The files of a table or source that a run made, under the name it goes by: a table's comes first.
fn files_of(project: &Project, catalog: &Catalog, asked: &str) -> Result<(String, Vec<PathBuf>)> {
    let source = asked.strip_prefix(&format!("{RAW}.")).unwrap_or(asked);
    let is_table = project.table(asked).is_some();
    if !is_table && project.source(source).is_none() {
        let tables = project.tables.iter().map(|table| table.name.clone());
        let sources = project.sources.iter().map(|source| format!("{RAW}.{}", source.name));
        let known: Vec<String> = tables.chain(sources).collect();
        return Err(Wrong {
            message: format!("there is no table or source `{asked}`"),
            hint: format!("known: {}", known.join(", ")),
        }
        .into());
    }
    let plan = Plan::make(&fetched(project, catalog)?, catalog)?;
    let steps: Vec<&Step> = if is_table {
        plan.step("clean", asked).into_iter().collect()
    } else {
        plan.landings(source).collect()
    };
    // A source that is elsewhere and was never fetched has no steps.
    if steps.is_empty() || !steps.iter().all(|step| step.done) {
        return Err(Wrong {
            message: format!("`{asked}` was not made yet, or what it is made from changed since"),
            hint: "deskmill check makes all tables".into(),
        }
        .into());
    }
    let folder = |step: &&Step| catalog.folder(folder_of(step.stage), &step.name, &step.key);
    let files = steps.iter().map(|step| folder(step).join(ROWS_FILE)).collect();
    Ok((
        if is_table {
            asked.to_owned()
        } else {
            format!("{RAW}.{source}")
        },
        files,
    ))
}

fn write(path: &Path, page: &str) -> Result<()> {
    let failed = |error: std::io::Error| Wrong {
        message: format!("{}: {error}", path.display()),
        hint: "choose a place for the page that can be written: --out FILE.html".into(),
    };
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).map_err(failed)?;
    }
    std::fs::write(path, page).map_err(failed)?;
    Ok(())
}

fn show(profile: &Profile) -> Result<()> {
    let duplicates = profile.duplicates.map_or_else(String::new, |found| {
        format!(
            ", {}{} duplicates",
            if found.exact { "" } else { "about " },
            found.count
        )
    });
    line(format!(
        "{}: {} rows, {} columns{duplicates}",
        profile.table,
        profile.rows,
        profile.columns.len()
    ))?;
    line(rests_on(profile))?;
    line("")?;
    let rows: Vec<Vec<String>> = profile.columns.iter().map(row).collect();
    table(&["column", "type", "nulls", "distinct", "what it holds"], &rows)?;
    Ok(())
}

fn rests_on(profile: &Profile) -> String {
    let texts = format!("languages and personal data on {}", profile.text_rows);
    match (profile.is_whole(), profile.text_rows == profile.rows) {
        (true, true) => "all figures rest on all rows".to_owned(),
        (true, false) => format!("figures rest on all rows, {texts}"),
        (false, _) => {
            format!(
                "quantiles and lengths rest on {} rows, {texts}; distinct values are estimates",
                profile.sampled_rows
            )
        }
    }
}

fn row(column: &ColumnProfile) -> Vec<String> {
    let distinct = column.distinct.map_or_else(String::new, |distinct| {
        format!("{}{}", if distinct.exact { "" } else { "~" }, distinct.count)
    });
    vec![
        column.name.clone(),
        column.type_name.clone(),
        percent_text(column.nulls, column.nulls + column.count),
        distinct,
        glance(column),
    ]
}
