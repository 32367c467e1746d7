"""What a document is and how it gets here: names, lists, types, pages, downloads."""
