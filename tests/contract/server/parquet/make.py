"""Files as other programs write them, for import-parquet.test.ts. Made with pyarrow 26.0.1: python make.py"""

import pyarrow as pa
import pyarrow.parquet as pq

START = 1_760_000_000_123_456_789
MAP = pa.map_(pa.string(), pa.string())


def spans(rows, **columns):
    own = {
        "trace_id": pa.array([f"tr-{'a' * 31}{row:x}" for row in range(rows)]),
        "span_id": pa.array([f"{row + 1:016x}" for row in range(rows)]),
        "name": pa.array(["made elsewhere"] * rows),
        "start_time_unix_nano": pa.array([START] * rows, pa.int64()),
        "end_time_unix_nano": pa.array([START + 5] * rows, pa.int64()),
        "attributes": pa.array([[("__proto__", '"x"'), ("n", "9007199254740993"), ("none", None)]] * rows, MAP),
        "input_tokens": pa.array([3.0] + [None] * (rows - 1), pa.float64()),
        "output_tokens": pa.array([4.0] + [None] * (rows - 1), pa.float64()),
        "total_tokens": pa.array([7.0] + [None] * (rows - 1), pa.float64()),
        "model": pa.nulls(rows),
    }
    own.update(columns)
    return pa.table({name: column for name, column in own.items() if column is not None})


for codec in ["none", "snappy", "gzip", "brotli", "zstd", "lz4"]:
    pq.write_table(spans(3), f"{codec}.parquet", compression=codec, row_group_size=2)
pq.write_table(
    spans(3),
    "version-2.parquet",
    data_page_version="2.0",
    use_dictionary=False,
    column_encoding={"span_id": "DELTA_BYTE_ARRAY", "name": "DELTA_LENGTH_BYTE_ARRAY", "start_time_unix_nano": "DELTA_BINARY_PACKED"},
)

rows = [
    {"inputs": '{"ok": 1.0}'},
    {"inputs": "not json"},
    {"attributes": [("k", "plain")]},
    {"events": '{"a": 1}'},
    {"links": '[{"traceId": 1}]'},
    {"status_code": "FINE"},
    {"span_id": None},
    {"trace_id": "tr-1"},
    {"start_time_unix_nano": 0},
    {"experiment_id": "987654321"},
]
given = ["inputs", "events", "links", "status_code", "experiment_id"]
refused = spans(len(rows), experiment_id=pa.array(["0"] * len(rows)))
columns = {name: refused.column(name).to_pylist() for name in refused.column_names} | {
    name: ["0" if name == "experiment_id" else None] * len(rows) for name in given
}
for index, row in enumerate(rows):
    for name, value in row.items():
        columns[name][index] = value
types = {"attributes": MAP, "model": pa.null()} | {name: pa.string() for name in given}
pq.write_table(pa.table({name: pa.array(values, types.get(name)) for name, values in columns.items()}), "refused.parquet")

pq.write_table(spans(2, end_time_unix_nano=pa.array([1.0, None], pa.float64())), "end-is-double.parquet")
pq.write_table(spans(2, attributes=pa.array([["a"], ["b"]])), "attributes-are-lists.parquet")
pq.write_table(spans(2, span_id=None), "without-span-ids.parquet")

# 48 texts, every second NULL: their levels are a run of packed bits, in place of which other runs fit.
options = {"compression": "none", "use_dictionary": False, "write_statistics": False}
pq.write_table(spans(48, trace_id=pa.array([f"tr-{row:032x}" for row in range(1, 49)]), session_id=pa.array(["s", None] * 24)), "levels.parquet", **options)
