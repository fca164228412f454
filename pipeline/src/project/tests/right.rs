//! Projects in which nothing is wrong.

use std::fs;

use serde_json::json;

use super::super::*;
use super::{EVERY_KEY, OneKind, desk};

#[test]
#[allow(clippy::too_many_lines)]
fn every_key_arrives() {
    let folder = desk(EVERY_KEY);
    let project = read_project(folder.path(), &OneKind).unwrap();

    assert_eq!(project.folder, folder.path());
    assert_eq!((project.name.as_str(), project.seed), ("sample-desk", 7));
    assert_eq!(project.work_dir.path, folder.path().join("derived"));
    assert_eq!(project.registry.path, folder.path().join("../registry"));
    let limits = Limits {
        memory_max_mib: 512,
        row_max_bytes: 65_536,
        unpacked_max_ratio: 50,
        rejects_max_share: 0.1,
        threads_max: 2,
    };
    assert_eq!(project.limits, limits);
    let personal = Personal {
        order_numbers: vec!["DM-\\d{5}".to_owned(), "订单\\d{8}".to_owned()],
        types: vec!["order_number".to_owned(), "email".to_owned()],
        pseudonym_key_env: Some("DESKMILL_PSEUDONYM_KEY".to_owned()),
    };
    assert_eq!(project.personal, personal);

    assert_eq!(
        project
            .sources
            .iter()
            .map(|source| source.name.as_str())
            .collect::<Vec<_>>(),
        ["tickets", "chats"]
    );
    let tickets = project.source("tickets").unwrap();
    let relative = |read: &Read| read.files.iter().map(|file| file.relative.clone()).collect::<Vec<_>>();
    assert_eq!(relative(&tickets.reads[0]), ["raw/tickets-1.csv", "raw/tickets-2.csv"]);
    assert_eq!(tickets.reads[0].files[1].path, folder.path().join("raw/tickets-2.csv"));
    let columns = ["ticket_id", "body", "intent"].map(str::to_owned).to_vec();
    let dialect = CsvDialect {
        delimiter: Some(b'\t'),
        quote: Some(Quote::Byte(b'\'')),
        header: Some(false),
        columns,
        ..CsvDialect::default()
    };
    assert_eq!(tickets.reads[0].csv, Some(dialect));
    assert_eq!(relative(&tickets.reads[1]), ["raw/legacy/2019/old.csv"]);
    let dialect = CsvDialect {
        delimiter: Some(b';'),
        ..CsvDialect::default()
    };
    assert_eq!(tickets.reads[1].csv, Some(dialect));
    assert_eq!(
        tickets
            .reads
            .iter()
            .map(|read| read.encoding.as_deref())
            .collect::<Vec<_>>(),
        [Some("UTF-8"), Some("GBK")]
    );
    let chats = project.source("chats").unwrap();
    assert_eq!((chats.format, &chats.reads[0].csv), (Format::Jsonl, &None));
    assert_eq!(relative(&chats.reads[0]), ["raw/chats.jsonl"]);

    let schedule = serde_json::to_value(project.schedule.as_ref().unwrap()).unwrap();
    let wanted = json!({
        "crons": ["30 2 * * mon-fri", "0 12 * * *"], "time_zone": "Asia/Shanghai", "jitter_max_s": 600, "seed": 7,
        "overlap": "queue", "queue_max": 5, "catch_up_max": 2, "new_data": true, "project_changed": true, "settle_s": 30,
        "data_age_max_h": 48, "retries_max": 1, "retry_after_s": 10, "retry_after_max_s": 20, "deadline_s": 100,
        "lease_s": 30, "look_every_s": 5, "stop_grace_s": 7,
    });
    assert_eq!(schedule, wanted);
    assert_eq!(
        project.schedule.as_ref().unwrap().zone.iana_name(),
        Some("Asia/Shanghai")
    );

    let table = project.table("tickets").unwrap();
    assert_eq!(table.sql, "select * from raw.tickets");
    assert_eq!(
        (table.rows_of.as_deref(), table.not_null.len(), table.cast.len()),
        (Some("tickets"), 2, 1)
    );
    assert_eq!(project.table("chats").unwrap().rows_of, None);

    let model = project.model("intent").unwrap();
    assert_eq!(model.recipe, json!({ "epochs": 9 }));
    assert_eq!(
        model.split,
        Split {
            by: SplitBy::Time,
            test: 0.3,
            calibrate: 0.2
        }
    );
    assert_eq!((model.gate.alias.as_str(), model.gate.tolerance), ("candidate", 0.0));
    assert_eq!(model.gate.at_least["macro_f1"], 1.0);
    assert_eq!(project.serving.listen.to_string(), "[::1]:0");
    assert_eq!((project.serving.rows_max, project.serving.stop_grace_ms), (10, 0));
}

#[test]
fn the_defaults() {
    let folder = desk("project.name = \"d\"\n[models.m]\nkind = \"intent\"\nexamples = \"sql/chats.sql\"\n");
    let project = read_project(folder.path(), &OneKind).unwrap();
    insta::assert_json_snapshot!(project, @r#"
    {
      "name": "d",
      "seed": 1,
      "work_dir": {
        "written": ".deskmill"
      },
      "registry": {
        "written": "registry"
      },
      "limits": {
        "memory_max_mib": 2048,
        "row_max_bytes": 1048576,
        "unpacked_max_ratio": 1000,
        "rejects_max_share": 0.05,
        "threads_max": 0
      },
      "personal": {
        "order_numbers": [],
        "types": [],
        "pseudonym_key_env": null
      },
      "sources": [],
      "tables": [],
      "models": [
        {
          "name": "m",
          "kind": "intent",
          "examples_path": {
            "written": "sql/chats.sql"
          },
          "examples_sql": "select * from raw.chats",
          "split": {
            "by": "entity",
            "test": 0.2,
            "calibrate": 0.1
          },
          "recipe": {
            "epochs": 5
          },
          "gate": {
            "alias": "prod",
            "at_least": {},
            "at_most": {},
            "not_worse_than_current": true,
            "tolerance": 0.005,
            "confidence": 0.95,
            "size_max_bytes": 0,
            "latency_max_us": 0
          }
        }
      ],
      "schedule": null,
      "serving": {
        "listen": "127.0.0.1:8700",
        "body_max_bytes": 1048576,
        "rows_max": 1000,
        "text_max_bytes": 100000,
        "timeout_ms": 1000,
        "concurrent_max": 256,
        "reload_every_ms": 1000,
        "stop_grace_ms": 10000
      }
    }
    "#);
}

#[test]
fn the_checked_project_does_not_tell_where_it_stands() {
    let (here, there) = (desk(EVERY_KEY), desk(EVERY_KEY));
    let [here, there] = [here, there].map(|folder| {
        let project = read_project(folder.path(), &OneKind).unwrap();
        serde_json::to_string(&project).unwrap()
    });
    assert_eq!(here, there);
}

#[test]
fn the_starter_is_right_once_the_data_is_there() {
    let folder = tempfile::tempdir().unwrap();
    for (path, text) in starter_files() {
        let path = folder.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    let error = read_project(folder.path(), &OneKind).unwrap_err().to_string();
    assert!(error.contains("no file matches `raw/tickets.csv`"), "{error}");

    fs::create_dir(folder.path().join("raw")).unwrap();
    fs::write(folder.path().join("raw/tickets.csv"), "ticket_id,body,intent\n").unwrap();
    let project = read_project(folder.path(), &OneKind).unwrap();
    assert_eq!(
        (project.sources.len(), project.tables.len(), project.models.len()),
        (1, 1, 1)
    );
}

#[test]
fn windows_line_ends_and_a_byte_order_mark_are_fine() {
    let folder = desk(&format!("\u{feff}{}", EVERY_KEY.replace('\n', "\r\n")));
    assert_eq!(read_project(folder.path(), &OneKind).unwrap().name, "sample-desk");
}

#[test]
fn data_may_lie_elsewhere_and_folders_may_have_odd_names() {
    let outside = desk("");
    let inside = outside.path().join("工单 [1]*");
    fs::create_dir(&inside).unwrap();
    let absolute = outside.path().join("raw/chats.jsonl");
    let toml = format!(
        r#"project.name = "d"
        sources.near = {{ format = "jsonl", path = "../raw/chats.*" }}
        sources.far = {{ format = "jsonl", path = "{}" }}"#,
        absolute.display()
    );
    fs::write(inside.join(FILE_NAME), toml).unwrap();
    let project = read_project(&inside, &OneKind).unwrap();
    let file = |name: &str| project.source(name).unwrap().reads[0].files[0].clone();
    assert_eq!(file("near").relative, "../raw/chats.jsonl");
    assert_eq!(
        file("near").path.canonicalize().unwrap(),
        absolute.canonicalize().unwrap()
    );
    assert_eq!(file("far").path, absolute);
}

#[test]
fn a_check_of_a_distribution_warns_unless_told_otherwise() {
    let checks = "[[tables.chats.checks]]\ncheck = \"distribution\"\ncolumn = \"channel\"\n\
        [[tables.chats.checks]]\ncheck = \"distribution\"\ncolumn = \"渠道\"\ndistance_max = 0.5\nthen = \"stop\"\n";
    let folder = desk(&format!("{EVERY_KEY}{checks}"));
    let project = read_project(folder.path(), &OneKind).unwrap();
    let check = |column: &str, distance_max, then| Check {
        expected: Expected::Distribution {
            column: column.to_owned(),
            distance_max,
        },
        then,
    };
    let wanted = [check("channel", 0.2, Then::Warn), check("渠道", 0.5, Then::Stop)];
    assert_eq!(project.table("chats").unwrap().checks, wanted);
}
