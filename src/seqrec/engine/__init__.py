"""Where DuckDB and Spark differ: connection, SQL, files, rows, atomic writes."""
