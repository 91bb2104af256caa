"""What operators declare: APIs, catalogs, keys, and what `apply` changes."""
