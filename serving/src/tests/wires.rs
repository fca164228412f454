//! TensorFlow Serving's other verbs, KServe's explanations, MLflow's scoring and Hugging Face's text classification.

use axum::body::Body;
use axum::http::{Request, StatusCode};
use serde_json::json;

use super::*;

const TEXTS: [&str; 2] = ["hi", "a longer text"];

/// The details of a refusal.
async fn refused(app: &Router, path: &str, body: Value) -> String {
    let reply = post(app, path, &body).await;
    assert_eq!(reply.status, StatusCode::BAD_REQUEST, "{path} {body}: {}", reply.body);
    reply.json()["detail"].as_str().unwrap().to_owned()
}

async fn answered(app: &Router, path: &str, body: Value) -> Value {
    let reply = post(app, path, &body).await;
    assert_eq!(reply.status, StatusCode::OK, "{path} {body}: {}", reply.body);
    reply.json()
}

#[tokio::test]
async fn classify_gives_pairs_and_regress_a_number() {
    let app = ranker_app();
    let examples = json!({"examples": [{"text": "hi"}, {}], "context": {"text": "a longer text"}});
    let reply = post(&app, "/v1/models/ranker:classify", &examples).await;
    insta::assert_snapshot!(reply.body, @r#"{"result":[[["short",0.75],["long",0.25]],[["long",0.75],["short",0.25]]],"model_name":"ranker","model_version":"1"}"#);
    let reply = post(&app, "/v1/models/ranker/versions/1:regress", &examples).await;
    insta::assert_snapshot!(reply.body, @r#"{"result":[2,13],"model_name":"ranker","model_version":"1"}"#);
    let named = json!({"examples": [{"text": "hi"}], "signature_name": "score"});
    let reply = answered(&app, "/v1/models/ranker/labels/prod:regress", named).await;
    assert_eq!(reply["result"], json!([0.75]));
    let other = json!({"examples": [], "signature_name": "label"});
    insta::assert_snapshot!(refused(&app, "/v1/models/ranker:regress", other).await, @"$.signature_name: expected one of the numbers that this model answers: score, length, found a string");
    insta::assert_snapshot!(refused(&app, "/v1/models/mirror:classify", json!({"examples": []})).await, @"models of the kind `mirror` do not rank labels");
    let wrong = json!({"examples": [{"text": 7}]});
    insta::assert_snapshot!(refused(&app, "/v1/models/ranker:classify", wrong).await, @"$.examples[0].text: expected a string, found a number");
    insta::assert_snapshot!(refused(&app, "/v1/models/ranker:classify", json!({"instances": ["a"]})).await, @"$.instances: expected only the keys examples, context, signature_name, found a key that is not known here");
}

#[tokio::test]
async fn explanations_come_with_the_predictions_they_explain() {
    let app = ranker_app();
    let explained = answered(&app, "/v1/models/ranker:explain", json!({"instances": TEXTS})).await;
    let predicted = answered(&app, "/v1/models/ranker:predict", json!({"instances": TEXTS})).await;
    assert_eq!(explained["predictions"], predicted["predictions"]);
    assert_eq!(
        explained["explanations"],
        json!([[{"name": "length", "weight": 1.5}], [{"name": "length", "weight": 1.5}]])
    );
    insta::assert_snapshot!(refused(&app, "/v1/models/intent:explain", json!({"instances": TEXTS})).await, @"models of the kind `stamp` cannot say why they answer so");
}

#[tokio::test]
async fn metadata_are_told_in_tensorflow_servings_words_too() {
    let app = default_app();
    let states = get(&app, "/v1/models/intent").await.json()["model_version_status"].clone();
    assert_eq!(
        states[0],
        json!({"version": "1", "state": "AVAILABLE", "status": {"error_code": "OK", "error_message": ""}})
    );
    let metadata = get(&app, "/v1/models/intent/metadata").await.json();
    assert_eq!(
        metadata["model_spec"],
        json!({"name": "intent", "signature_name": "", "version": "2"})
    );
    let outputs = &metadata["metadata"]["signature_def"]["serving_default"]["outputs"];
    assert_eq!(outputs["labels"]["dtype"], "DT_STRING");
    assert_eq!(outputs["labels"]["tensor_shape"]["dim"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn every_form_of_mlflows_rows_is_the_same_rows() {
    let app = ranker_app();
    let expected = answered(&app, "/v1/models/ranker:predict", json!({"instances": TEXTS})).await;
    let rows = json!([{"text": TEXTS[0]}, {"text": TEXTS[1]}]);
    for path in ["/models/ranker/invocations", "/models/ranker/versions/1/invocations"] {
        for body in [
            json!({"dataframe_split": {"columns": ["text"], "index": [0, 1], "data": [[TEXTS[0]], [TEXTS[1]]]}}),
            json!({"dataframe_records": rows}),
            json!({"instances": rows, "params": {}}),
            json!({"inputs": {"text": TEXTS}, "params": null}),
        ] {
            assert_eq!(answered(&app, path, body).await, expected);
        }
    }
    for path in ["ping", "health", "version"] {
        let reply = get(&app, &format!("/models/ranker/versions/1/{path}")).await;
        assert_eq!(reply.status, StatusCode::OK);
        assert_eq!(
            get(&app, &format!("/models/none/{path}")).await.status,
            StatusCode::NOT_FOUND
        );
    }
}

#[tokio::test]
async fn what_pandas_does_to_whole_numbers_is_undone() {
    let app = default_app();
    let row = json!({"text": "a", "count": 3.0, "amount": 3, "open": true, "at": null, "tags": null, "waits": [1]});
    let (columns, values): (Vec<&String>, Vec<&Value>) = row.as_object().unwrap().iter().unzip();
    for body in [
        json!({"dataframe_records": [row]}),
        json!({"dataframe_split": {"columns": columns, "data": [values]}}),
    ] {
        let reply = answered(&app, "/models/mirror/invocations", body).await;
        assert_eq!(reply["predictions"][0]["count"].to_string(), "3");
        assert_eq!(reply["predictions"][0]["amount"].to_string(), "3.0");
    }
    let mut half = row.clone();
    half["count"] = json!(3.5);
    let told = refused(&app, "/models/mirror/invocations", json!({"dataframe_records": [half]})).await;
    insta::assert_snapshot!(told, @"$.dataframe_records[0].count: expected a whole number within 64 bits, found a number with a fraction or exponent");
}

#[tokio::test]
async fn mlflows_mistakes_are_named_by_their_path() {
    let app = default_app();
    let split = |columns: Value, data: Value| json!({"dataframe_split": {"columns": columns, "data": data}});
    let mut told = String::new();
    for body in [
        json!({}),
        json!({"instances": [], "inputs": []}),
        json!({"dataframe_split": []}),
        json!({"dataframe_split": {"columns": ["text"]}}),
        split(json!(["text", "text"]), json!([])),
        split(json!([7]), json!([])),
        split(json!(["text"]), json!([["a", "b"]])),
        split(json!(["text"]), json!([["a"], [7]])),
        split(json!(["words"]), json!([["a"]])),
        split(json!(["text"]), json!(vec![["a"]; 1001])),
        json!({"dataframe_records": [{"text": "a"}, 7, {"text": null}]}),
        json!({"instances": ["a"], "params": {"top": 1}}),
    ] {
        told.push_str(&refused(&app, "/models/intent/invocations", body).await);
        told.push('\n');
    }
    insta::assert_snapshot!(told, @"
    $: expected one of dataframe_split, dataframe_records, instances, inputs, found none or several
    $: expected one of dataframe_split, dataframe_records, instances, inputs, found none or several
    $.dataframe_split: expected an object, found an array
    $.dataframe_split.data: expected an array, found nothing
    $.dataframe_split.columns: expected each once, of text, found other columns
    $.dataframe_split.columns: expected each once, of text, found other columns
    $.dataframe_split.data[0]: expected an array of 1 values, one for each column, found an array
    $.dataframe_split.data[1].text: expected a string, found a number
    $.dataframe_split.data[0].words: expected only the fields text, found a field the model does not take
    $.dataframe_split.data: expected at most 1000 rows in one request, found 1001 rows
    $.dataframe_records[1].text: expected a string, found a number
    $.params: expected no parameters: this model takes none, found an object
    ");
}

async fn csv(app: &Router, model: &str, body: &'static str) -> Reply {
    let request =
        Request::post(format!("/models/{model}/invocations")).header("content-type", "text/csv; charset=utf-8");
    send(app, request.body(Body::from(body)).unwrap()).await
}

#[tokio::test]
async fn csv_is_typed_by_the_signature() {
    let app = default_app();
    let body = "count,text,open,amount,tags,waits,at\n3,\"a, \"\"b\"\"\",True,1,\"[\"\"x\"\"]\",[],2026-11-22T20:58:00Z\n,,,,,,\n";
    let reply = csv(&app, "mirror", body).await;
    assert_eq!(reply.status, StatusCode::OK, "{}", reply.body);
    let row = json!({
        "text": "a, \"b\"", "count": 3, "amount": 1.0, "open": true, "at": "2026-11-22T20:58:00Z", "tags": ["x"], "waits": [],
    });
    let gaps = json!({
        "text": null, "count": null, "amount": null, "open": null, "at": null, "tags": null, "waits": null,
    });
    assert_eq!(reply.json()["predictions"], json!([row, gaps]));
    // Where there may be no gap, an empty field is an empty text.
    assert_eq!(
        csv(&app, "intent", "text\n\"\"\n").await.json()["predictions"][0]["label"],
        "short"
    );
    let mut told = String::new();
    for body in [
        "",
        "text,words\na,b\n",
        "text,text\na,b\n",
        "text\na,b\n",
        "text\n\"\u{fffd}",
        "words\n",
    ] {
        let reply = csv(&app, "intent", body).await;
        let detail = reply.json()["detail"].as_str().map(str::to_owned).unwrap_or_default();
        told.push_str(&format!("{} {detail}\n", reply.status.as_u16()));
    }
    insta::assert_snapshot!(told, @"
    200 
    400 $.csv.words: expected each once, of text, found another column
    400 $.csv.text: expected each once, of text, found another column
    400 the body is not CSV that can be read, at line 2
    200 
    400 $.csv.words: expected each once, of text, found another column
    ");
}

#[tokio::test]
async fn texts_are_classified_as_hugging_face_does() {
    let app = ranker_app();
    let short = json!([{"label": "short", "score": 0.75}, {"label": "long", "score": 0.25}]);
    let long = json!([{"label": "long", "score": 0.75}, {"label": "short", "score": 0.25}]);
    for base in ["/models/ranker", "/models/ranker/", "/models/ranker/versions/1"] {
        assert_eq!(answered(&app, base, json!({"inputs": TEXTS[0]})).await, json!([short]));
        assert_eq!(
            answered(&app, base, json!({"inputs": TEXTS})).await,
            json!([short, long])
        );
    }
    let best = json!({"inputs": TEXTS[0], "parameters": {"top_k": 1, "function_to_apply": null}});
    assert_eq!(
        answered(&app, "/models/ranker", best).await,
        json!([[{"label": "short", "score": 0.75}]])
    );
    let predict = "/models/ranker/predict";
    assert_eq!(answered(&app, predict, json!({"inputs": TEXTS[0]})).await, short);
    assert_eq!(
        answered(&app, predict, json!({"inputs": TEXTS[..1]})).await,
        json!([short])
    );
    let info = get(&app, "/models/ranker/info").await.json();
    assert_eq!(
        (&info["model_id"], &info["model_type"]),
        (&json!("ranker"), &json!({"classifier": {}}))
    );
    assert_eq!(get(&app, "/models/mirror/info").await.json().get("model_type"), None);
    let mut told = String::new();
    for (path, body) in [
        ("/models/mirror", json!({"inputs": "a"})),
        ("/models/ranker", json!({})),
        ("/models/ranker", json!({"inputs": ["a", 7]})),
        ("/models/ranker", json!({"inputs": "a", "parameters": {"top_k": 0}})),
        (
            "/models/ranker",
            json!({"inputs": "a", "parameters": {"function_to_apply": "sigmoid"}}),
        ),
        (predict, json!({"inputs": "a", "raw_scores": true})),
        (predict, json!({"inputs": "a", "truncation_direction": "Left"})),
    ] {
        told.push_str(&refused(&app, path, body).await);
        told.push('\n');
    }
    insta::assert_snapshot!(told, @"
    models of the kind `mirror` do not rank labels
    $.inputs: expected a text or an array of texts, found nothing
    $.inputs[1].text: expected a string, found a number
    $.parameters.top_k: expected a whole number from 1, found a number
    $.parameters.function_to_apply: expected no such key: scores are calibrated probabilities already, found a string
    $.raw_scores: expected false: scores are calibrated probabilities, there are no others, found true
    $.truncation_direction: expected `Right`, found a string
    ");
}

#[tokio::test]
async fn texts_are_cut_at_the_bound_when_asked_to() {
    let config = ServingConfig {
        text_max_bytes: 4,
        ..ServingConfig::default()
    };
    let serving = server(config);
    serving
        .loaded()
        .put(Served::of(vec![Version::new("ranker", 1, Box::new(Ranker::new()))]).unwrap());
    let app = app(serving);
    let path = "/models/ranker/predict";
    let cut = answered(&app, path, json!({"inputs": "退款退款退款", "truncate": true})).await;
    assert_eq!(cut[0]["label"], "short");
    let told = refused(&app, path, json!({"inputs": "退款退款退款"})).await;
    insta::assert_snapshot!(told, @"$.inputs[0].text: expected a text of at most 4 bytes, found 18 bytes");
}
