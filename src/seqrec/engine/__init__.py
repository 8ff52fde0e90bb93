"""The engine that computes tables: everything in which DuckDB and Spark differ.

`connection` opens one; `duckdb` and `spark` are the two, with the same functions; `files` reads
and writes tables on either. `rows` and `sql` are expressions that both understand; `atomic_write`
and `atomic_files` write folders that appear whole or not at all.
"""
