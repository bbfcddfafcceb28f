"""The comparison with other libraries: `imgconv bench`.

`suite` lists the works that are measured, and `peers` contains the calls of each library that do
them. `measure` runs them: `equality` says whose result is right, all libraries are timed in turn,
and `conditions` tells what disturbed them. `results` are what was found and its file; `report`,
`plot` and `page` show them, `compare` tells what changed between two files. `programs` and
`scripts` measure whole programs, `layers` those of networks. `faces`, `pipelines` and `memory` are
comparisons of their own; `errors` and `compatibility` print tables of the documents.
"""
