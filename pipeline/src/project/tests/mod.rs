//! The reader from outside: what all its tests share.

#![allow(clippy::unwrap_used, clippy::panic)]

mod any;
mod archives;
mod right;
mod wrong;

use std::fs;

use serde_json::{Value, json};
use tempfile::TempDir;

use super::*;

/// One kind with one key, `epochs`.
struct OneKind;

impl Recipes for OneKind {
    fn kinds(&self) -> Vec<&'static str> {
        vec!["intent"]
    }

    fn check(&self, _kind: &str, written: &Value) -> Result<Value, Vec<RecipeProblem>> {
        let written = written.as_object().unwrap();
        let unknown = written.keys().filter(|key| *key != "epochs").map(|key| RecipeProblem {
            key: key.clone(),
            message: format!("unknown key `{key}` in the recipe"),
            hint: "did you mean `epochs`?".to_owned(),
        });
        let unknown: Vec<_> = unknown.collect();
        let epochs = written.get("epochs").cloned().unwrap_or(json!(5));
        if unknown.is_empty() {
            Ok(json!({ "epochs": epochs }))
        } else {
            Err(unknown)
        }
    }
}

const EVERY_KEY: &str = r#"
[project]
name = "sample-desk"
seed = 7
work_dir = "derived"
registry = "../registry"

[limits]
memory_max_mib = 512
row_max_bytes = 65_536
unpacked_max_ratio = 50
rejects_max_share = 0.1
threads_max = 2

[personal]
order_numbers = ["DM-\\d{5}", "订单\\d{8}"]
types = ["order_number", "email"]
pseudonym_key_env = "DESKMILL_PSEUDONYM_KEY"

[sources.tickets]
format = "csv"
path = "raw/tickets-*.csv"
delimiter = "\t"
quote = "'"
encoding = "utf8"
header = false
columns = ["ticket_id", "body", "intent"]
[[sources.tickets.also]]
path = "raw/legacy/**/*.csv"
delimiter = ";"
encoding = "gbk"

[sources.chats]
format = "jsonl"
path = "./raw/chats.jsonl"

[tables.tickets]
sql = "sql/tickets.sql"
rows_of = "tickets"
key = ["ticket_id"]
not_null = ["ticket_id", "body"]
cast = ["waiting_minutes"]

[tables.chats]
sql = "sql/chats.sql"

[models.intent]
kind = "intent"
examples = "sql/intent_examples.sql"
[models.intent.split]
by = "time"
test = 0.3
calibrate = 0.2
[models.intent.recipe]
epochs = 9
[models.intent.gate]
alias = "candidate"
at_least = { accuracy = 0.80, macro_f1 = 1 }
not_worse_than_current = true
tolerance = 0

[schedule]
cron = ["30 2 * * mon-fri", "0 12 * * *"]
time_zone = "Asia/Shanghai"
jitter_max_s = 600
overlap = "queue"
queue_max = 5
catch_up_max = 2
new_data = true
project_changed = true
settle_s = 30
data_age_max_h = 48
retries_max = 1
retry_after_s = 10
retry_after_max_s = 20
deadline_s = 100
lease_s = 30
look_every_s = 5
stop_grace_s = 7

[serving]
listen = "[::1]:0"
body_max_bytes = 2048
rows_max = 10
text_max_bytes = 1000
timeout_ms = 500
concurrent_max = 8
reload_every_ms = 100
stop_grace_ms = 0
"#;

/// A project folder with data and queries; the project file is up to the test.
fn desk(toml: &str) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (path, text) in [
        ("raw/tickets-1.csv", "T1\tWhere is it?\tdelivery\n"),
        ("raw/tickets-2.csv", "T2\t退款\trefund\n"),
        ("raw/.tickets-2.csv.swp", "left by an editor"),
        ("raw/legacy/2019/old.csv", "ticket_id;body;intent\n"),
        ("raw/chats.jsonl", "{}\n"),
        ("sql/tickets.sql", "select * from raw.tickets"),
        ("sql/chats.sql", "select * from raw.chats"),
        (
            "sql/intent_examples.sql",
            "select body as text, intent as label from tickets",
        ),
        ("sql/nothing.sql", "  \n"),
        (FILE_NAME, toml),
    ] {
        let path = folder.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    folder
}
