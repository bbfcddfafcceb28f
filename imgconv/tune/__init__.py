"""`imgconv tune`: a page on which a chain is built, and its result seen as a slider moves.

`tree` is the chain as it is edited, `session` what all windows share: two chains, undo, errors,
pictures. `pieces` filters the piece of a picture that is seen, `display` makes 8 bits of it,
`renderer` does both on threads, the latest change first. `server` answers nobody without the token,
and `page` is what the browser shows, made from the descriptions of steps alone.
"""
