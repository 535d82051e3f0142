"""Where Bedrock writes its invocation log, as its own settings say."""

from __future__ import annotations

from dataclasses import replace

from cachekit.core.errors import OutsideError
from cachekit.core.shape import mapping, text
from cachekit.pull.aws import Aws
from cachekit.pull.wish import PullSource


def located(source: PullSource, aws: Aws) -> PullSource:
    """The source with its log group or bucket; asked of Bedrock where none was named. The group comes before the
    bucket: it can be filtered. Raises OutsideError where logging is off."""
    if source.log_group or source.s3:
        return source
    service = aws.service("bedrock", "the settings of Bedrock's invocation log")
    settings = mapping(service.ask("get_model_invocation_logging_configuration").get("loggingConfig"))
    group = text(mapping(settings.get("cloudWatchConfig")).get("logGroupName"))
    if group is not None:
        return replace(source, log_group=group)
    bucket = mapping(settings.get("s3Config"))
    name, prefix = text(bucket.get("bucketName")), text(bucket.get("keyPrefix")) or ""
    if name is None:
        mend = "turn on model invocation logging in Bedrock's settings, or name --log-group or --s3"
        raise OutsideError("Bedrock logs no invocations there", where=aws.region or "", mend=mend)
    return replace(source, s3=f"s3://{name}/{prefix}", place=replace(source.place, region=aws.region))
