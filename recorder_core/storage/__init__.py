"""Files and index together: volumes, segment files, the SQLite index, reconcile, garbage."""
