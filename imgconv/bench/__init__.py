"""Side by side with other libraries: `imgconv bench`.

`peers` tells how each library spells the same work, `suite` which work is measured, `measure`
times all of them in turn and finds the machine's limits, `report` and `plot` show the outcome.
"""
