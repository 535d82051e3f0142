"""Lines, files and folders of a log, decoded for the report and put in order."""
