"""`pull`: calls from where AWS keeps them (CloudWatch Logs, S3) into the call log.

A reader (`groups`, `insights`, `s3`) turns a span of time into batches of events; `ingest` leaves out what is known and
makes calls of the rest; `output` writes them beside a cursor, so that a pull that was killed goes on where it stopped.
All talk with AWS goes through `aws`, and all its errors through `errors`.
"""
