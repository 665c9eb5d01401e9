"""Statistics: what repeated runs allow one to say, as pure functions of arrays.

`interval` says how sure a mean is, `power` what a study could have found, `compare` what may be
said of arms (`verdict` holds the words), `target` how long a run needs to reach a goal, `curve`
how scores depend on the learning rate and the number of trials, `aggregate` how to sum up many
problems. Nothing here knows runs, studies or files: arrays and names go in, frozen plain values
come out. Axis 0 is always the unit that was repeated (seeds, or tunings), and pairs share an index
on it.
"""
