"""What the exit codes of every command mean. Plain numbers, for the supervisor loads nothing that it can do without.

0 done · 1 it failed for a reason that was printed, or crashed · 2 the command line is wrong · 3 another recorder uses
the data folder · 4 the data folder, a certificate or another file that was named cannot be used · 5 verification found
something wrong · 130 interrupted · 141 nobody reads the output any more.
"""

OK = 0
FAILED = 1
USAGE = 2
LOCKED = 3
UNUSABLE = 4
NOT_VERIFIED = 5
INTERRUPTED = 130
UNREAD = 141

FINAL = frozenset({OK, USAGE, LOCKED, UNUSABLE})
"""A worker that ends with one of these would end the same way again, so it is not restarted."""
