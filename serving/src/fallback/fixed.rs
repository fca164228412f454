//! Answers that were written down: one for every row, or one for rows with certain words in them. They need no model, so
//! they are there when nothing else is.

use arrow::array::{Array, AsArray, RecordBatch};
use deskmill_models::kind::Signature;
use deskmill_models::rows::{RowLimits, from_instances};
use deskmill_models::text::normalise;
use serde_json::{Map, Value};

use super::written::CaseAsWritten;

/// Such answers.
#[derive(Debug)]
pub(crate) struct Fixed {
    rule: Option<Rule>,
    /// The answer where there is no rule.
    always: Map<String, Value>,
}

#[derive(Debug)]
struct Rule {
    input: String,
    cases: Vec<Case>,
}

#[derive(Debug)]
struct Case {
    /// Normalised, as the texts are that they are looked for in.
    words: Vec<String>,
    answer: Map<String, Value>,
}

impl Fixed {
    pub(super) fn always(answer: Map<String, Value>) -> Self {
        Self {
            rule: None,
            always: answer,
        }
    }

    pub(super) fn rule(input: String, cases: Vec<CaseAsWritten>) -> Result<Self, String> {
        let case = |case: CaseAsWritten| Case {
            words: case
                .contains
                .iter()
                .map(|word| normalise(word).to_lowercase())
                .collect(),
            answer: case.answer,
        };
        let cases: Vec<Case> = cases.into_iter().map(case).collect();
        let empty = |case: &Case| case.words.is_empty() || case.words.iter().any(String::is_empty);
        if cases.is_empty() || cases.iter().any(empty) {
            return Err("a rule needs cases, each with words in `contains`".to_owned());
        }
        Ok(Self {
            rule: Some(Rule { input, cases }),
            always: Map::new(),
        })
    }

    /// Whether it answers whatever is asked.
    pub(crate) fn is_always(&self) -> bool {
        self.rule.is_none()
    }

    /// The answers to `rows`, with the outputs of `signature`.
    ///
    /// # Errors
    /// In words, when a row has no answer or the answers written down are not what the model answers with.
    pub(crate) fn answer(&self, signature: &Signature, rows: &RecordBatch) -> Result<RecordBatch, String> {
        let answers = (0..rows.num_rows()).map(|row| self.of(rows, row));
        let answers: Option<Value> = answers.map(|answer| answer.cloned().map(Value::Object)).collect();
        let answers = answers.ok_or("no case fits")?;
        // The validator of rows: answers are rows of the outputs' columns.
        let columns = Signature {
            inputs: signature.outputs.clone(),
            outputs: Vec::new(),
        };
        let limits = RowLimits {
            rows_max: usize::MAX,
            text_max_bytes: usize::MAX,
        };
        from_instances(&columns, &answers, limits).map_err(|error| format!("the answer written down: {error}"))
    }

    fn of(&self, rows: &RecordBatch, row: usize) -> Option<&Map<String, Value>> {
        let Some(rule) = &self.rule else {
            return Some(&self.always);
        };
        let texts = rows.column_by_name(&rule.input)?.as_string_opt::<i32>()?;
        if texts.is_null(row) {
            return None;
        }
        let text = normalise(texts.value(row)).to_lowercase();
        let fits = |case: &&Case| case.words.iter().any(|word| text.contains(word));
        rule.cases.iter().find(fits).map(|case| &case.answer)
    }
}
