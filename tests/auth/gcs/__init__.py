"""Google Cloud Storage: every form of `creds`, and the logins of machines and people."""
