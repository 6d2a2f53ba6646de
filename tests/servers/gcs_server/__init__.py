"""The process of `tests.servers.gcs`: storage behind the XML and JSON APIs, and who may use it."""
