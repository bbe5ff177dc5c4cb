"""Coverage-guided fuzzing of the parser (Atheris): `make fuzz [SECONDS=60]`.

Whatever the bytes: no crash and no hang; every line is one record or one rejection; the compiled kernel
judges as the strict path does; pieces give what the whole gives. What is found is written to `.data/fuzz`.
"""

import json
import sys
from pathlib import Path

import atheris
import pyarrow as pa

import include.s3logs.parsing.kernel.compiled  # noqa: F401 (calls compiled code; not to be instrumented)

with atheris.instrument_imports(include=["include.s3logs.parsing.strict", "include.s3logs.parsing.parse"]):
    from include.s3logs.logs.decompress import recognise
    from include.s3logs.parsing.parse import parse, parse_pieces
    from include.s3logs.parsing.strict import Reason, decode_key, lines, parse_line

EXAMPLES = Path(__file__).parents[1] / "fixtures/examples/nasty_lines.jsonl"


def check(data: bytes) -> None:
    """Raise AssertionError for anything that must not be."""
    if recognise([data])[0]:
        return  # packed: other lines than the strict path sees
    parsed = parse(data)
    records = {row["line_number"]: row for row in parsed.records.to_pylist()}
    rejections = {row["line_number"]: row["reason"] for row in parsed.rejections.to_pylist()}
    expected = {number: parse_line(line) for number, line in lines(data)}
    assert records.keys() | rejections.keys() == expected.keys()
    for number, result in expected.items():
        if isinstance(result, Reason):
            assert rejections[number] == str(result), number
        else:
            row = records[number]
            assert row.pop("time").timestamp() == result.time, number
            row.pop("line_number")
            assert (*row.pop("extra"),) == result.extra, number
            key = result.key and decode_key(result.operation, result.key)
            assert row.pop("object_key") == key, number
            strict = result._asdict()
            assert row == {name: strict[name] for name in row}, number
    half = len(data) // 2
    pieces = list(parse_pieces([data[:half], data[half:]]))
    assert pa.concat_tables([piece.records for piece in pieces]).equals(parsed.records)
    assert pa.concat_tables([piece.rejections for piece in pieces]).equals(parsed.rejections)


def main() -> None:
    """Fuzz, beginning with the difficult lines of the examples."""
    corpus = Path(sys.argv.pop(1))
    corpus.mkdir(parents=True, exist_ok=True)
    for number, row in enumerate(EXAMPLES.read_text(encoding="utf-8").splitlines()):
        line = json.loads(row)["line"].encode()
        if len(line) < 4096:
            (corpus / f"example-{number}").write_bytes(line)
    atheris.Setup([*sys.argv, str(corpus)], check)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
