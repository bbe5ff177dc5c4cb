"""By which key does a bucket that receives logs encrypt them, and may S3 use that key to deliver?

AWS documents only targets without KMS. In the field a key of one's own works where its policy lets the
logging service in; with AWS's own key (aws/s3), whose policy nobody can change, nothing is delivered.
"""

import json
from typing import Any

from include.s3logs.logging_audit.answers import answer
from include.s3logs.logging_audit.facts import Account, Bucket, Encryption, Target, Unknown
from include.s3logs.logging_audit.policies import KEY_ACTION, Delivery, judge

_AWS_OWN = "alias/aws/"
_ALIAS = "alias/"


def read_encryption(client: Any, keys: Any, bucket: str) -> Encryption | Unknown | None:
    """Ask how the bucket encrypts new objects; `keys` is a client of KMS, None where it cannot be asked."""

    def ask() -> Encryption | None:
        found = client.get_bucket_encryption(Bucket=bucket)["ServerSideEncryptionConfiguration"]
        default = found["Rules"][0].get("ApplyServerSideEncryptionByDefault", {})
        if not str(default.get("SSEAlgorithm", "")).startswith("aws:kms"):
            return None
        key = default.get("KMSMasterKeyID") or ""
        return Encryption("" if _AWS_OWN in key else key)

    encryption = answer(
        "s3:GetEncryptionConfiguration", ask, {"ServerSideEncryptionConfigurationNotFoundError": None}
    )
    if not isinstance(encryption, Encryption) or not encryption.key:
        return encryption
    return Encryption(encryption.key, _policy(keys, encryption.key))


def _policy(keys: Any, key: str) -> Any:
    if keys is None:
        return Unknown("KMS was not asked")

    def ask() -> Any:
        # An alias has no policy; the key that it stands for has.
        named = keys.describe_key(KeyId=key)["KeyMetadata"]["Arn"] if _ALIAS in key else key
        return json.loads(keys.get_key_policy(KeyId=named, PolicyName="default")["Policy"])

    return answer("kms:DescribeKey" if _ALIAS in key else "kms:GetKeyPolicy", ask)


def may_encrypt(account: Account, bucket: Bucket, target: Target) -> tuple[bool | None, str]:
    """Return whether S3 may use the target's key for the bucket's log objects, and why not (not known)."""
    encryption = target.encryption
    if encryption is None:
        return True, ""
    if isinstance(encryption, Unknown):
        return None, encryption.why
    if not encryption.key:
        return False, "it encrypts with AWS's own key aws/s3, which the logging service can never use"
    if isinstance(encryption.policy, Unknown):
        return None, f"it encrypts with the key {encryption.key}, and {encryption.policy.why}"
    number = None if isinstance(account.number, Unknown) else account.number
    delivery = Delivery.of(encryption.key, account.arn(bucket.name), number, KEY_ACTION)
    policy = judge(encryption.policy, delivery)
    why = f"of its key {encryption.key}: {policy.why}"
    if policy.denies or policy.allows is False:
        return False, why
    return (True, "") if policy.allows and policy.denies is False else (None, why)
