//! Measures answers of any number of labels: F1 over all pairs of a row and a label, over labels, and rows as a whole.

use std::collections::{BTreeMap, BTreeSet};

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Float64Type};
use serde_json::json;

use crate::error::{Error, Result};
use crate::findings::Findings;
use crate::intent::evaluate as single;
use crate::intent::labels::RowLabels;
use crate::kind::{Model, Rows};
use crate::metrics::answers::{self, MISTAKE_TEXT_MAX_CHARS, MISTAKES_MAX, RELIABILITY_BINS, texts};
use crate::metrics::{Confusion, Evaluation, LabelScores, Metric, Mistake, Slice, reliability, share_interval};
use crate::text;

/// The metric that versions are compared by.
const MAIN_METRIC: &str = "micro_f1";

/// What stands for a label that a row lacks, in the list of confusions.
const NOTHING: &str = "(none)";

/// F1 as a ratio of sums over rows, with what its interval needs.
#[derive(Debug, Clone, Copy, Default)]
struct RowsF1 {
    rows: u64,
    /// Twice the hits; labels had and labels given; their squares and product.
    twice_hits: f64,
    labels: f64,
    squares: [f64; 3],
}

impl RowsF1 {
    fn add(&mut self, hits: usize, labels: usize) {
        let (twice_hits, labels) = (2.0 * hits as f64, labels as f64);
        self.rows += 1;
        self.twice_hits += twice_hits;
        self.labels += labels;
        let products = [twice_hits * twice_hits, twice_hits * labels, labels * labels];
        self.squares
            .iter_mut()
            .zip(products)
            .for_each(|(sum, product)| *sum += product);
    }

    /// 1 if no row has or is given a label: nothing was wrong.
    fn value(&self) -> f64 {
        if self.labels > 0.0 {
            self.twice_hits / self.labels
        } else {
            1.0
        }
    }

    /// 95% interval by the delta method for a ratio of means (Cochran 1977, 6.4): labels of one row stand together.
    fn interval(&self) -> (f64, f64) {
        if self.labels <= 0.0 {
            return (0.0, 1.0);
        }
        let ratio = self.value();
        let [hits, both, labels] = self.squares;
        let spread = (hits - 2.0 * ratio * both + ratio * ratio * labels).max(0.0).sqrt() / self.labels;
        ((ratio - 1.96 * spread).max(0.0), (ratio + 1.96 * spread).min(1.0))
    }
}

/// How one label fared.
#[derive(Debug, Clone, Copy, Default)]
struct Count {
    had: u64,
    given: u64,
    hits: u64,
}

#[derive(Default)]
struct Answers {
    f1: RowsF1,
    exact: u64,
    wrong_pairs: u64,
    labels: BTreeMap<String, Count>,
    confusions: BTreeMap<(String, String), u64>,
    /// Of every label given: its probability, and whether the row has it.
    stated: Vec<(f64, bool)>,
    slices: BTreeMap<String, BTreeMap<String, RowsF1>>,
    mistakes: Vec<Mistake>,
    row_scores: Vec<f64>,
}

/// Scores all rows and measures the answers. A model of one label a text is measured by its best label.
pub(in crate::intent) fn evaluate(model: &dyn Model, held_back: &dyn Rows) -> Result<Evaluation> {
    let settings = single::settings_of(model);
    let is_one = settings.as_ref().is_some_and(|settings| settings.several.is_none());
    let known = settings.map(|settings| settings.labels.clone()).unwrap_or_default();
    let mut answers = Answers::default();
    for batch in held_back.batches()? {
        let batch = batch?;
        let predicted = model.predict(&batch)?;
        answers.add(&batch, &predicted, is_one)?;
    }
    Ok(answers.measure(&known))
}

/// The labels of a row of answers, with their probabilities.
fn given(predicted: &RecordBatch, row: usize, is_one: bool) -> Vec<(String, f64)> {
    let labels = predicted.column(2).as_list::<i32>().value(row);
    let scores = predicted.column(3).as_list::<i32>().value(row);
    let (labels, scores) = (labels.as_string::<i32>(), scores.as_primitive::<Float64Type>());
    let taken = if is_one { labels.len().min(1) } else { labels.len() };
    (0..taken)
        .map(|at| (labels.value(at).to_owned(), scores.value(at)))
        .collect()
}

impl Answers {
    fn add(&mut self, batch: &RecordBatch, predicted: &RecordBatch, is_one: bool) -> Result<()> {
        let column = batch
            .column_by_name("label")
            .ok_or_else(|| Error::table("column `label` of the held-back rows", "is missing"))?;
        let actual = RowLabels::read(column)?
            .ok_or_else(|| Error::table("column `label` of the held-back rows", "holds nulls"))?;
        let input = texts(batch, "text")?;
        let input = input.column(0).as_string::<i32>();
        let mut rows = Vec::with_capacity(batch.num_rows());
        for row in 0..batch.num_rows() {
            let (had, given) = (actual.of(row), given(predicted, row, is_one));
            let hits = given.iter().filter(|label| had.contains(&label.0)).count();
            rows.push((hits, had.len() + given.len()));
            self.row(had, &given, hits);
            if hits < had.len().max(given.len()) {
                self.mistakes.push(mistake(input.value(row), had, &given));
            }
        }
        // Only the most confident mistakes are wanted; the rest need not be held until the end.
        self.mistakes.sort_by(|a, b| b.score.total_cmp(&a.score));
        self.mistakes.truncate(MISTAKES_MAX);
        self.cut(batch, &rows)
    }

    fn row(&mut self, had: &[String], given: &[(String, f64)], hits: usize) {
        let labels = had.len() + given.len();
        self.f1.add(hits, labels);
        self.exact += u64::from(2 * hits == labels);
        self.wrong_pairs += (labels - 2 * hits) as u64;
        let f1 = if labels > 0 {
            2.0 * hits as f64 / labels as f64
        } else {
            1.0
        };
        self.row_scores.push(f1);
        for label in had {
            self.labels.entry(label.clone()).or_default().had += 1;
        }
        for (label, score) in given {
            let is_hit = had.contains(label);
            let count = self.labels.entry(label.clone()).or_default();
            count.given += 1;
            count.hits += u64::from(is_hit);
            self.stated.push((*score, is_hit));
        }
        let missed: BTreeSet<&str> = had
            .iter()
            .map(String::as_str)
            .filter(|l| given.iter().all(|g| g.0 != *l))
            .collect();
        let wrong: BTreeSet<&str> = given
            .iter()
            .map(|g| g.0.as_str())
            .filter(|l| had.iter().all(|h| h != l))
            .collect();
        // Which of several was taken for which of several is not known: only what can be paired is.
        let pair = match (missed.len(), wrong.len()) {
            (1, 1) => missed.first().zip(wrong.first()),
            (1, 0) => missed.first().map(|missed| (missed, &NOTHING)),
            (0, 1) => wrong.first().map(|wrong| (&NOTHING, wrong)),
            _ => None,
        };
        if let Some((missed, wrong)) = pair {
            *self.confusions.entry(((*missed).into(), (*wrong).into())).or_default() += 1;
        }
    }

    fn cut(&mut self, batch: &RecordBatch, rows: &[(usize, usize)]) -> Result<()> {
        for (field, column) in batch.schema().fields().iter().zip(batch.columns()) {
            let name = field.name();
            if single::OWN_COLUMNS.contains(&name.as_str()) {
                continue;
            }
            let column = cast(column, &DataType::Utf8).map_err(|e| Error::table(format!("column `{name}`"), e))?;
            let parts = self.slices.entry(name.clone()).or_default();
            for (value, (hits, labels)) in column.as_string::<i32>().iter().zip(rows) {
                let value: String = value.unwrap_or("(null)").chars().take(60).collect();
                parts.entry(value).or_default().add(*hits, *labels);
            }
        }
        Ok(())
    }

    fn measure(mut self, known: &[String]) -> Evaluation {
        for label in known {
            self.labels.entry(label.clone()).or_default();
        }
        let rows = self.f1.rows as f64;
        let pairs = (rows * self.labels.len() as f64).max(1.0);
        let metrics = vec![
            metric(MAIN_METRIC, self.f1.value(), Some(self.f1.interval()), true),
            metric("macro_f1", self.macro_f1(), None, true),
            metric(
                "subset_accuracy",
                self.exact as f64 / rows.max(1.0),
                Some(share_interval(self.exact as f64, rows)),
                true,
            ),
            metric("hamming_loss", self.wrong_pairs as f64 / pairs, None, false),
        ];
        let (scores, hits): (Vec<f64>, Vec<bool>) = self.stated.iter().copied().unzip();
        let (bins, calibration_error) = reliability(&scores, &hits, RELIABILITY_BINS);
        let error = metric("expected_calibration_error", calibration_error, None, false);
        let mut labels: Vec<LabelScores> = self.labels.iter().filter_map(label_scores).collect();
        labels.sort_by(|a, b| b.rows.cmp(&a.rows).then_with(|| a.label.cmp(&b.label)));
        Evaluation {
            rows: self.f1.rows,
            main_metric: MAIN_METRIC.into(),
            metrics: metrics.into_iter().chain([error]).collect(),
            reliability: bins,
            labels,
            confusions: answers::most_frequent(self.confusions.into_iter().map(confusion).collect()),
            slices: slices(&self.slices),
            worst: self.mistakes,
            coverage: answers::coverage(&scores, &hits),
            findings: Findings::default(),
            notes: Vec::new(),
            promises: None,
            beside: None,
            row_scores: self.row_scores,
            row_parts: Vec::new(),
        }
    }

    /// The mean over labels that some row has or was given.
    fn macro_f1(&self) -> f64 {
        let scores: Vec<f64> = self
            .labels
            .iter()
            .filter_map(label_scores)
            .map(|label| label.f1)
            .collect();
        scores.iter().sum::<f64>() / scores.len().max(1) as f64
    }
}

fn metric(name: &str, value: f64, interval: Option<(f64, f64)>, larger_is_better: bool) -> Metric {
    Metric {
        name: name.into(),
        value,
        interval,
        larger_is_better,
    }
}

fn mistake(input: &str, had: &[String], given: &[(String, f64)]) -> Mistake {
    // What a model sees now, whatever this one sees: the page is read by people.
    let input: String = text::prepare(input).chars().take(MISTAKE_TEXT_MAX_CHARS).collect();
    let listed = |labels: Vec<&str>| match labels.is_empty() {
        true => NOTHING.to_owned(),
        false => labels.join(" + "),
    };
    let wrong = given
        .iter()
        .filter(|label| !had.contains(&label.0))
        .map(|label| label.1);
    Mistake {
        input: json!({ "text": input }),
        actual: listed(had.iter().map(String::as_str).collect()),
        predicted: listed(given.iter().map(|label| label.0.as_str()).collect()),
        score: wrong.fold(0.0, f64::max),
    }
}

fn label_scores((label, count): (&String, &Count)) -> Option<LabelScores> {
    let share = |rows: u64| (rows > 0).then(|| count.hits as f64 / rows as f64);
    (count.had + count.given > 0).then(|| LabelScores {
        label: label.clone(),
        rows: count.had,
        precision: share(count.given),
        recall: share(count.had),
        f1: 2.0 * count.hits as f64 / (count.had + count.given) as f64,
    })
}

fn confusion(((actual, predicted), rows): ((String, String), u64)) -> Confusion {
    Confusion {
        actual,
        predicted,
        rows,
    }
}

fn slices(columns: &BTreeMap<String, BTreeMap<String, RowsF1>>) -> Vec<Slice> {
    let mut out = Vec::new();
    for (column, parts) in columns {
        let mut parts: Vec<_> = parts.iter().collect();
        parts.sort_by_key(|(_, f1)| std::cmp::Reverse(f1.rows));
        out.extend(
            parts
                .into_iter()
                .take(answers::SLICES_MAX_PER_COLUMN)
                .map(|(value, f1)| Slice {
                    column: column.clone(),
                    // A column of the examples may hold anything.
                    value: text::pii::PiiRules::default().mask(value).into_owned(),
                    rows: f1.rows,
                    score: f1.value(),
                    interval: f1.interval(),
                }),
        );
    }
    out
}
