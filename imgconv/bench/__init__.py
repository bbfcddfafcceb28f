"""The comparison with other libraries: `imgconv bench`.

`suite` lists the works that are measured, `peers` contains the calls of each library that do them,
`measure` times all libraries in turn and finds the machine's limits, `report` and `plot` show the
results. `faces`, `layers`, `pipelines` and `memory` are comparisons of their own; `errors` and
`compatibility` print tables of the documents.
"""
