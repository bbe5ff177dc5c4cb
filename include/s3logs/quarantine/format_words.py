"""The words of the log format that tell nothing about anybody: they stay when a line is anonymised.

Operations, methods, error codes, protocol and cipher names, and statuses where one may stand. No difficulty
can be seen without them, and whoever reads the line sees by them which field is which.
"""

_BLOCK = r"(?= (?:-|[A-Z][A-Za-z]+)(?: (?:-|[0-9]+)){4} )"
_STATUS = rf'(?:(?<=" )|(?<=HTTP/1\.[01] ))[1-5][0-9]{{2}}(?= |$)|(?<= - )[1-5][0-9]{{2}}{_BLOCK}'
_WORDS = (
    "GET PUT HEAD POST COPY DELETE OPTIONS PATCH Mozilla filename amazonaws arn aws iam sts user "
    "cloudfront CloudFront AuthHeader QueryString Anonymous Yes http https AccessDenied AllAccessDisabled "
    "BadRequest EntityTooLarge ExpiredToken IncompleteBody InternalError InvalidAccessKeyId "
    "InvalidArgument InvalidRange InvalidObjectState InvalidRequest InvalidToken InvalidURI "
    "KeyTooLongError MalformedXML MethodNotAllowed NoSuchBucket NoSuchBucketPolicy "
    "NoSuchCORSConfiguration NoSuchKey NoSuchLifecycleConfiguration NoSuchTagSet NoSuchUpload "
    "NoSuchVersion NoSuchWebsiteConfiguration NotImplemented NotModified PermanentRedirect "
    "PreconditionFailed RequestTimeTooSkewed RequestTimeout ServiceUnavailable SignatureDoesNotMatch "
    "SlowDown TemporaryRedirect"
)
_PARTS = (
    "GET PUT HEAD POST COPY DELETE LIST OPTIONS OBJECT BUCKET PART UPLOAD UPLOADS VERSION VERSIONS "
    "VERSIONING TAGGING ACL POLICY LOCATION LIFECYCLE LOGGING NOTIFICATION WEBSITE CORS REPLICATION "
    "ENCRYPTION MULTI INVENTORY ANALYTICS METRICS ACCELERATE OWNERSHIP CONTROLS PUBLIC ACCESS BLOCK "
    "STATUS REQUESTPAYMENT RETENTION LEGAL HOLD LOCK CONFIGURATION TORRENT SELECT RESTORE EXPIRE CREATE "
    "DELETEMARKER TRANSITION PREFLIGHT INT INTELLIGENT TIERING SIA ZIA GIR GDA COMPUTE CHECKSUM"
)
_CIPHER = (
    r"TLS_(?:AES_128_GCM_SHA256|AES_256_GCM_SHA384|CHACHA20_POLY1305_SHA256)"
    r"|(?:(?:ECDHE|DHE)-)?(?:(?:RSA|ECDSA)-)?(?:AES(?:128|256)-(?:GCM-)?SHA(?:256|384)?|CHACHA20-POLY1305)"
)
_KNOWN = (
    r"(?<![0-9A-Za-z])(?:HTTP/[0-9](?:\.[0-9])?"
    rf"|(?:REST|SOAP|BATCH|WEBSITE|S3)(?:[._](?:{'|'.join(_PARTS.split())})(?![A-Z]))+"
    rf"|CloudFront Origin Access Identity|TLS[Vv]1(?:\.[0-3])?|{_CIPHER}|SigV(?:2|4A?)|s3|amazonaws\.com"
    rf"|{'|'.join(_WORDS.split())})(?![0-9A-Za-z\x80-\U0010ffff])"
)
_SIGNATURE = "(?<= )Sig"  # whatever begins so may be a signature version, see `strict.py`
FORMAT_WORDS = rf"{_KNOWN}|{_STATUS}|{_SIGNATURE}"
"""A regular expression for all of them; it has no groups."""
