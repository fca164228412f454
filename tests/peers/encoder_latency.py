"""One embedding of a short text on one thread: `deskmill encoder bench` beside onnxruntime, on the same ONNX file.

Both sides take turns, so that a machine that is busy for a while is busy for both. Then the vectors of a few sentences are
compared.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy
import onnxruntime
from tokenizers import Tokenizer

from side_by_side import Figure, binary, show, stop

TEXT = "why has my card payment not gone through the bank"
SENTENCES = [
    TEXT,
    "where is my refund?",
    "The parcel arrived broken and I would like a replacement, please. This is the second time.",
    "I want to close my account",
    "x",
    "",
    "退款什么时候到账",
    "ＦＵＬＬ width Ünïcödé 🤬",
    "order 12345 " * 60,
]
TOKENS_MAX = 128
COSINE_MIN, TIME_RATIO_MAX = 0.999, 1.0
WARM_UP, TIMED = 20, 300


class Peer:
    """onnxruntime on one thread, with the tokenizer of the encoder."""

    def __init__(self, folder: Path) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        network, tokenizer = folder / "model.onnx", folder / "tokenizer.json"
        self.session = onnxruntime.InferenceSession(network, options, providers=["CPUExecutionProvider"])
        self.inputs = [value.name for value in self.session.get_inputs()]
        self.tokenizer = Tokenizer.from_file(str(tokenizer))
        self.tokenizer.no_padding()
        self.tokenizer.enable_truncation(TOKENS_MAX)

    def embed(self, text: str) -> numpy.ndarray:
        ids = numpy.array([self.tokenizer.encode(text).ids], dtype=numpy.int64)
        known = {"attention_mask": numpy.ones_like(ids), "token_type_ids": numpy.zeros_like(ids), "input_ids": ids}
        values = self.session.run(None, {name: known[name] for name in self.inputs})[0][0]
        mean = values.mean(axis=0)
        return mean / numpy.linalg.norm(mean)

    def times_ms(self) -> list[float]:
        for _ in range(WARM_UP):
            self.embed(TEXT)
        times = []
        for _ in range(TIMED):
            started = time.perf_counter()
            self.embed(TEXT)
            times.append((time.perf_counter() - started) * 1e3)
        return times


class Desk:
    """A project folder with the encoder in its registry."""

    def __init__(self, folder: Path, encoder: Path) -> None:
        self.folder = folder
        self.run("init")
        # A project whose sources are not there is refused.
        (folder / "raw").mkdir(exist_ok=True)
        (folder / "raw" / "tickets.csv").write_text("ticket_id,body,intent\n", encoding="utf-8")
        files = ["--from", encoder / "model.onnx", "--tokenizer", encoder / "tokenizer.json"]
        self.run("encoder", "add", *files, "--name", "minilm")

    def run(self, *arguments: object, given: str = "") -> str:
        command = [binary("deskmill"), "-C", self.folder, *map(str, arguments)]
        done = subprocess.run(command, input=given, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            stop(f"{' '.join(map(str, command))}: {done.stderr}", "see above")
        return done.stdout

    def bench(self) -> dict:
        return json.loads(self.run("encoder", "bench", "minilm", "--text", TEXT, "--json"))

    def vectors(self, texts: list[str]) -> list[numpy.ndarray]:
        lines = self.run("encoder", "bench", "minilm", "--vectors", given="".join(f"{text}\n" for text in texts))
        return [numpy.array(json.loads(line)) for line in lines.splitlines()]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--encoder", type=Path, help="folder with model.onnx and tokenizer.json")
    parser.add_argument("--turns", type=int, default=5)
    parser.add_argument("--check", action="store_true", help="end with 1 if a target is missed")
    parser.add_argument("--check-vectors", action="store_true", help="end with 1 if the vectors differ")
    asked = parser.parse_args()
    encoders = Path(os.environ.get("DESKMILL_ENCODERS", Path.home() / ".cache/deskmill-encoders"))
    encoder = asked.encoder or encoders / "minilm"
    if not (encoder / "model.onnx").is_file():
        stop(f"there is no {encoder}/model.onnx", f"bash tests/encoders.sh {encoders}")
    peer = Peer(encoder)
    with tempfile.TemporaryDirectory() as folder:
        desk = Desk(Path(folder), encoder)
        ours, theirs = [], []
        for _ in range(asked.turns):
            ours.append(desk.bench())
            theirs.append(sorted(peer.times_ms()))
        pairs = zip(desk.vectors(SENTENCES), map(peer.embed, SENTENCES), strict=True)
        cosine = min(float(one @ other) for one, other in pairs)
    # The medians of the turns' medians: a turn that something else disturbed does not count.
    our_p50 = statistics.median(turn["p50_ms"] for turn in ours)
    their_p50 = statistics.median(turn[TIMED // 2] for turn in theirs)
    our_least, their_least = min(turn["min_ms"] for turn in ours), min(turn[0] for turn in theirs)
    ratio = our_p50 / their_p50
    vectors_agree = cosine >= COSINE_MIN
    tokens = len(peer.tokenizer.encode(TEXT).ids)
    met = show(
        f"one embedding of {tokens} tokens, one thread; onnxruntime {onnxruntime.__version__}",
        [
            Figure("deskmill p50, least", f"{our_p50:.2f} ms, {our_least:.2f} ms"),
            Figure("onnxruntime p50, least", f"{their_p50:.2f} ms, {their_least:.2f} ms"),
            Figure("time, p50", f"{ratio:.2f}x", f"at most {TIME_RATIO_MAX}x", ratio <= TIME_RATIO_MAX),
            Figure("time, least", f"{our_least / their_least:.2f}x"),
            Figure("deskmill, one thread", f"{statistics.median(turn['texts_per_s'] for turn in ours):.0f} texts/s"),
            Figure("least cosine", f"{cosine:.6f}", f"at least {COSINE_MIN}", vectors_agree),
        ],
    )
    if (asked.check and not met) or (asked.check_vectors and not vectors_agree):
        sys.exit(1)


if __name__ == "__main__":
    main()
