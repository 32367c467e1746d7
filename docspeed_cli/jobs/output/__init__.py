"""Where results go: files, rows, tables, and what they must not replace."""
