"""What one cloud tells and takes beside objects: who asks, where a bucket is, its rules.

Objects go through the core, as those of datasets do; what stands here goes through the cloud's
own libraries, with the same credentials.
"""

from lakebed.cli.clouds.cloud import Cloud, CloudError, Credentials, cloud_of

__all__ = ["Cloud", "CloudError", "Credentials", "cloud_of"]
