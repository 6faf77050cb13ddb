"""The parts of a portal on many machines, PostgreSQL, an S3 server and Redis, as processes of this one."""
