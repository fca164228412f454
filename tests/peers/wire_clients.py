"""Unmodified public clients against deskmill-serve: tritonclient (HTTP with binary and JSON tensors, packed bodies, gRPC),
KServe's (v1, v2, gRPC), MLflow's scoring client and huggingface_hub's text classification.

Each must give the label and the score that the native wire gives, bit for bit. Talks to the server that it starts itself
and to nothing else. Ends with 1 if a client did not get what it should.
"""

import argparse
import asyncio
import json
import multiprocessing
import os
import sys
import traceback
import urllib.request
from pathlib import Path

# None of these may look for anything elsewhere.
os.environ.update(MLFLOW_DISABLE_TELEMETRY="true", HF_HUB_DISABLE_TELEMETRY="1", NO_PROXY="*")

from http_latency import server
from side_by_side import ROOT, stop

CLIENT_MAX_S = 120
TEXTS = ["Where is my order?", "我的包裹在哪里？", "I want my money back, it arrived broken.", "äöü 🧾"]


class Desk:
    """The server under test, and what the native wire says."""

    def __init__(self, port: int, model: str) -> None:
        self.port, self.model = port, model
        self.url = f"http://127.0.0.1:{port}"
        answer = self.post(f"/v1/models/{model}:predict", {"instances": TEXTS})
        self.rows, self.version = answer["predictions"], answer["model_version"]

    def post(self, path: str, body: dict) -> dict:
        request = urllib.request.Request(self.url + path, json.dumps(body).encode(), method="POST")
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.load(answer)

    def labels(self) -> list[str]:
        return [row["label"] for row in self.rows]

    def scores(self) -> list[float]:
        return [row["score"] for row in self.rows]

    def check(self, labels, scores) -> None:
        found = list(zip([text.decode() if isinstance(text, bytes) else text for text in labels], scores, strict=True))
        assert found == list(zip(self.labels(), self.scores(), strict=True)), found


def texts_array():
    import numpy

    return numpy.array([text.encode() for text in TEXTS], dtype=numpy.object_)


def triton_http(desk: Desk) -> None:
    import tritonclient.http as triton

    client = triton.InferenceServerClient(f"127.0.0.1:{desk.port}")
    assert client.is_server_live() and client.is_server_ready() and client.is_model_ready(desk.model)
    assert client.is_model_ready(desk.model, desk.version) and not client.is_model_ready("none")
    assert "binary_tensor_data" in client.get_server_metadata()["extensions"]
    assert client.get_model_metadata(desk.model)["name"] == desk.model
    assert client.get_model_config(desk.model)["backend"] == "deskmill"
    assert {"name": desk.model, "version": desk.version, "state": "READY", "reason": ""} in client.get_model_repository_index()
    for binary_in in (True, False):
        for outputs in (None, True, False):
            for packed in (None, "gzip", "deflate"):
                tensor = triton.InferInput("text", [len(TEXTS)], "BYTES")
                tensor.set_data_from_numpy(texts_array(), binary_data=binary_in)
                asked = outputs and [triton.InferRequestedOutput(name, binary_data=outputs) for name in ("label", "score")]
                answer = client.infer(
                    desk.model,
                    [tensor],
                    outputs=asked or None,
                    request_id="a-1",
                    request_compression_algorithm=packed,
                    response_compression_algorithm=packed,
                )
                assert answer.get_response()["id"] == "a-1" and answer.get_response()["model_version"] == desk.version
                desk.check(answer.as_numpy("label"), answer.as_numpy("score"))
    assert int(client.get_inference_statistics(desk.model)["model_stats"][0]["inference_count"]) >= 18 * len(TEXTS)
    client.unload_model(desk.model)
    assert not client.is_model_ready(desk.model)
    client.load_model(desk.model)
    assert client.is_model_ready(desk.model)
    try:
        client.infer("none", [tensor])
    except triton.InferenceServerException as error:
        assert "there is no model `none`" in error.message(), error
    else:
        raise AssertionError("a model that is not there answered")


def triton_grpc(desk: Desk) -> None:
    import tritonclient.grpc as triton

    client = triton.InferenceServerClient(f"127.0.0.1:{desk.port}")
    assert client.is_server_live() and client.is_server_ready() and client.is_model_ready(desk.model)
    assert client.get_server_metadata().name == "deskmill"
    assert client.get_model_metadata(desk.model).name == desk.model
    for outputs in (None, ["score", "label"]):
        for packed in (None, "gzip", "deflate"):
            tensor = triton.InferInput("text", [len(TEXTS)], "BYTES")
            tensor.set_data_from_numpy(texts_array())
            asked = outputs and [triton.InferRequestedOutput(name) for name in outputs]
            answer = client.infer(desk.model, [tensor], outputs=asked, request_id="a-1", compression_algorithm=packed)
            assert answer.get_response().id == "a-1" and answer.get_response().model_version == desk.version
            desk.check(answer.as_numpy("label"), answer.as_numpy("score"))
    try:
        client.infer("none", [tensor])
    except triton.InferenceServerException as error:
        assert error.status() == "StatusCode.NOT_FOUND", error
        assert "there is no model `none`" in error.message(), error
    else:
        raise AssertionError("a model that is not there answered")


def kserve_rest(desk: Desk) -> None:
    from kserve import InferenceRESTClient, InferInput, InferRequest, RESTConfig

    async def ask() -> None:
        v1 = InferenceRESTClient(RESTConfig(protocol="v1"))
        assert await v1.is_server_live(desk.url) and await v1.is_model_ready(desk.url, desk.model)
        answer = await v1.infer(desk.url, {"instances": TEXTS}, model_name=desk.model)
        assert answer["predictions"] == desk.rows
        answer = await v1.explain(desk.url, desk.model, {"instances": TEXTS})
        assert answer["predictions"] == desk.rows and len(answer["explanations"]) == len(TEXTS)

        v2 = InferenceRESTClient(RESTConfig(protocol="v2"))
        assert await v2.is_server_live(desk.url) and await v2.is_server_ready(desk.url)
        assert await v2.is_model_ready(desk.url, desk.model)
        for binary in (False, True):
            tensor = InferInput("text", [len(TEXTS)], "BYTES")
            tensor.set_data_from_numpy(texts_array(), binary_data=binary)
            answer = await v2.infer(desk.url, InferRequest(desk.model, [tensor], "a-1"), model_name=desk.model)
            outputs = {output.name: output.as_numpy().tolist() for output in answer.outputs}
            desk.check(outputs["label"], outputs["score"])
            assert answer.id == "a-1"

    asyncio.run(ask())


def kserve_grpc(desk: Desk) -> None:
    from kserve import InferenceGRPCClient, InferInput, InferRequest

    async def ask() -> None:
        client = InferenceGRPCClient(f"127.0.0.1:{desk.port}")
        assert await client.is_server_live() and await client.is_server_ready() and await client.is_model_ready(desk.model)
        for binary in (False, True):
            tensor = InferInput("text", [len(TEXTS)], "BYTES")
            tensor.set_data_from_numpy(texts_array(), binary_data=binary)
            answer = await client.infer(InferRequest(desk.model, [tensor], "a-1"))
            outputs = {output.name: output.as_numpy().tolist() for output in answer.outputs}
            desk.check(outputs["label"], outputs["score"])
        await client.close()

    asyncio.run(ask())


def mlflow_scoring(desk: Desk) -> None:
    import pandas
    from mlflow.pyfunc.scoring_server.client import ScoringServerClient

    for base in (f"models/{desk.model}", f"models/{desk.model}/versions/{desk.version}"):
        client = ScoringServerClient("127.0.0.1", f"{desk.port}/{base}")
        client.wait_server_ready()
        assert client.get_version()
        answer = client.invoke(pandas.DataFrame({"text": TEXTS})).get_predictions()
        desk.check(answer["label"], answer["score"])
        csv = pandas.DataFrame({"text": TEXTS}).to_csv(index=False).encode()
        for body, media_type in [
            (csv, "text/csv"),
            (json.dumps({"dataframe_records": [{"text": text} for text in TEXTS]}).encode(), "application/json"),
            (json.dumps({"inputs": {"text": TEXTS}}).encode(), "application/json"),
        ]:
            request = urllib.request.Request(f"{desk.url}/{base}/invocations", body, {"Content-Type": media_type})
            with urllib.request.urlopen(request, timeout=30) as answer:
                assert json.load(answer)["predictions"] == desk.rows


def hugging_face(desk: Desk) -> None:
    from huggingface_hub import InferenceClient

    for base in (f"models/{desk.model}", f"models/{desk.model}/versions/{desk.version}"):
        client = InferenceClient(model=f"{desk.url}/{base}", timeout=30)
        for row, text in zip(desk.rows, TEXTS, strict=True):
            best = client.text_classification(text)[0]
            assert (best.label, best.score) == (row["labels"][0], row["scores"][0]), best
            assert len(client.text_classification(text, top_k=1)) == 1
    # text-embeddings-inference: one text is answered by one list, several by a list of lists.
    one = desk.post(f"/models/{desk.model}/predict", {"inputs": TEXTS[0]})
    assert [one] == desk.post(f"/models/{desk.model}/predict", {"inputs": TEXTS[:1]})


def tensorflow_serving(desk: Desk) -> None:
    """Has no client of its own for REST; these are the requests that its documentation shows."""
    with urllib.request.urlopen(f"{desk.url}/v1/models/{desk.model}", timeout=30) as answer:
        states = json.load(answer)["model_version_status"]
    assert states[0] == {"version": desk.version, "state": "AVAILABLE", "status": {"error_code": "OK", "error_message": ""}}
    examples = {"examples": [{"text": text} for text in TEXTS]}
    classes = desk.post(f"/v1/models/{desk.model}/versions/{desk.version}:classify", examples)["result"]
    assert [pairs[0] for pairs in classes] == [[row["labels"][0], row["scores"][0]] for row in desk.rows]


CLIENTS = [triton_http, triton_grpc, kserve_rest, kserve_grpc, mlflow_scoring, hugging_face, tensorflow_serving]


def run(client, port: int, model: str) -> None:
    """In a process of its own: tritonclient and KServe's client register the same messages and cannot share one."""
    try:
        client(Desk(port, model))
    except BaseException:
        traceback.print_exc()
        sys.exit(1)


def main() -> int:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--registry", type=Path, default=ROOT / "data/samples/registry")
    arguments.add_argument("--model", default="intent", help="of the kind `intent`, with one input `text`")
    arguments.add_argument("clients", nargs="*", help=f"default: all of {', '.join(c.__name__ for c in CLIENTS)}")
    chosen = arguments.parse_args()
    if not chosen.registry.is_dir():
        stop(f"there is no registry {chosen.registry}", "deskmill -C data/samples run")
    clients = [client for client in CLIENTS if client.__name__ in chosen.clients or not chosen.clients]
    if not clients:
        stop("there is no such client", "see --help")
    failed = 0
    with server(chosen.registry) as (_, port, _):
        for client in clients:
            process = multiprocessing.get_context("spawn").Process(target=run, args=(client, port, chosen.model))
            process.start()
            process.join(CLIENT_MAX_S)
            if process.is_alive():
                process.kill()
                process.join()
            failed += process.exitcode != 0
            print(f"{'ok' if process.exitcode == 0 else 'FAILED':<8}{client.__name__}", flush=True)
    print(f"{failed} clients failed" if failed else "all clients got what they should")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
