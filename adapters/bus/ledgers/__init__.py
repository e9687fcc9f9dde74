"""Ledgers: where `Once` notes what has been handled, one for each kind of database a consumer may have."""
