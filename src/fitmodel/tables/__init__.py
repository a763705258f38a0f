"""Tables in and out: one reader of values (numbers, dates, yes/no) and one of files."""
