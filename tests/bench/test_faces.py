"""The comparison of faces with their originals: each case runs, and the table tells it."""

from rich.console import Console

from imgconv.bench import faces


def test_every_case_is_measured():
    timings = list(faces.measure([(12, 15)], [1], ["uint8"], 1e-4))
    assert len(timings) >= len({case.title for case in faces.CASES if "uint8" in case.dtypes})
    assert all(timing.face > 0 and timing.original > 0 for timing in timings)
    assert {timing.dtype for timing in timings} <= {"uint8", "bool"}
    console = Console(width=300, record=True)
    console.print(faces.table(timings))
    told = console.export_text()
    assert all(timing.title in told for timing in timings)
    assert f"{len(timings)} rows" in told
    assert faces.table([]).caption is None
