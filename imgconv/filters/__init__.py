"""The filters, as users call them: each turns its arguments into an operation and makes a call.

A public function returns a `Call`, or a `Several` if it takes more than one pass; the decorator
`filtering` runs it, and `imgconv.explain` asks it for its plan. The functions named
`..._operation` check a filter's own arguments and make its operation; they are cached, so that
equal calls have the same operation and find their plan.
"""
