"""The questions of the audit, and switching on, against a server."""

import json
from concurrent.futures import ThreadPoolExecutor

import pytest
from botocore.exceptions import EndpointConnectionError, NoCredentialsError

from include.s3logs.errors import AccessDeniedError, PermanentError, SettingsError, StoreUnavailableError
from include.s3logs.logging_audit import ask, switch_on
from include.s3logs.logging_audit.ask import NoConnectionError, look_at
from include.s3logs.logging_audit.facts import Elsewhere, Place, Unknown
from include.s3logs.logging_audit.findings import Severity, findings
from include.s3logs.logging_audit.wishes import parse_wishes
from tests.support.aws_server import ACCOUNT, accept, delivery, policy_of

EVENT_DAY = {"TargetObjectKeyFormat": {"PartitionedPrefix": {"PartitionDateSource": "EventTime"}}}
DELIVERY_DAY = {"TargetObjectKeyFormat": {"PartitionedPrefix": {"PartitionDateSource": "DeliveryTime"}}}
BY_DEFAULT = {"TargetObjectKeyFormat": {"PartitionedPrefix": {}}}
SIMPLE = {"TargetObjectKeyFormat": {"SimplePrefix": {}}}


def audit(aws):
    """{bucket: {finding: severity}} of what is found."""
    found = {}
    for finding in findings(look_at(aws.api())):
        found.setdefault(finding.bucket, {})[finding.name] = finding.severity.value
    return found


@pytest.fixture
def reef(aws):
    """A bucket `reef-data` that logs into `reef-logs` as it should."""
    aws.bucket("reef-data")
    aws.bucket("reef-logs", policy=policy_of(delivery("reef-logs")))
    aws.log("reef-data", "reef-logs", "reef-data/", **EVENT_DAY)
    expire = {"ID": "old", "Status": "Enabled", "Filter": {"Prefix": ""}, "Expiration": {"Days": 400}}
    aws.client().put_bucket_lifecycle_configuration(
        Bucket="reef-logs", LifecycleConfiguration={"Rules": [expire]}
    )
    return aws


class TestAsking:
    def test_a_bucket_that_logs_as_it_should(self, reef):
        assert audit(reef) == {}
        account = look_at(reef.api())
        assert account.number == ACCOUNT
        assert account.buckets["reef-data"].logs_to == Place("reef-logs", "reef-data/", "EventTime")

    def test_key_formats(self, reef):
        formats = {
            "none": {},
            "simple": SIMPLE,
            "default": BY_DEFAULT,
            "event": EVENT_DAY,
            "delivery": DELIVERY_DAY,
        }
        for name, keys in formats.items():
            reef.bucket(name)
            reef.log(name, "reef-logs", "x/", **keys)
        buckets = look_at(reef.api()).buckets
        assert {name: buckets[name].logs_to.date_source for name in formats} == {
            "none": None,
            "simple": None,
            "default": "EventTime",
            "event": "EventTime",
            "delivery": "DeliveryTime",
        }

    def test_prefixes_arrive_as_they_are(self, reef):
        prefixes = ["réf-資料/", "a b/", "l\u200b/", "\ufeffl/", "l\u00a0g/", " l /", "l/ ", "a&<b>/", ""]
        for number, prefix in enumerate(prefixes):
            reef.bucket(f"reef-{number}")
            reef.log(f"reef-{number}", "reef-logs", prefix)
        buckets = look_at(reef.api()).buckets
        assert [buckets[f"reef-{number}"].logs_to.prefix for number in range(len(prefixes))] == prefixes

    def test_more_buckets_than_a_page(self, aws):
        names = [f"reef-{number:03}" for number in range(60)]
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(aws.bucket, names))
        assert list(look_at(aws.api(page=25)).buckets) == names

    def test_buckets_of_other_regions_are_asked_there(self, aws):
        aws.bucket("reef-eu", "eu-central-1")
        asked = []
        api = aws.api()
        account = look_at(
            ask.S3Api(lambda region: (asked.append(region), aws.client(region))[1], api.account_number)
        )
        assert account.buckets["reef-eu"].region == "eu-central-1"
        assert "eu-central-1" in asked

    def test_a_list_without_regions(self, aws):
        aws.bucket("reef-eu", "eu-central-1")
        aws.bucket("reef-us")
        asked = []
        aws.on("provide-client-params.s3.ListBuckets", lambda params, **_: params.clear())
        aws.on("before-send.s3.HeadBucket", lambda request, **_: asked.append(request.url))
        buckets = look_at(aws.api()).buckets
        assert {name: bucket.region for name, bucket in buckets.items()} == {
            "reef-eu": "eu-central-1",
            "reef-us": "us-east-1",
        }
        assert len(asked) == 2

    def test_a_target_that_is_gone_and_one_of_somebody_else(self, reef):
        for name in ("gone-logs", "their-logs"):
            reef.bucket(name)
            reef.bucket(f"to-{name}")
            reef.log(f"to-{name}", name, "x/", **EVENT_DAY)
            reef.client().delete_bucket(Bucket=name)
        reef.answer("HeadBucket", "403", bucket="their-logs")
        targets = look_at(reef.api()).targets
        assert targets["gone-logs"] is Elsewhere.GONE
        assert targets["their-logs"] is Elsewhere.FOREIGN
        assert audit(reef) == {
            "to-gone-logs": {"no-such-target": "problem"},
            "to-their-logs": {"no-such-target": "problem"},
        }

    def test_without_any_setting_a_target_is_private_and_lets_nobody_in(self, reef):
        reef.client().delete_bucket_policy(Bucket="reef-logs")
        reef.client().delete_bucket_lifecycle(Bucket="reef-logs")
        assert audit(reef) == {"reef-data": {"no-delivery-permission": "problem", "no-lifecycle": "warning"}}

    def test_access_control_lists(self, reef):
        reef.client().delete_bucket_policy(Bucket="reef-logs")
        owner = reef.client().get_bucket_acl(Bucket="reef-logs")["Owner"]
        group = {"Type": "Group", "URI": "http://acs.amazonaws.com/groups/s3/LogDelivery"}
        grants = [{"Grantee": group, "Permission": "FULL_CONTROL"}]
        reef.client().put_bucket_acl(
            Bucket="reef-logs", AccessControlPolicy={"Owner": owner, "Grants": grants}
        )
        assert audit(reef) == {}
        own(reef, "BucketOwnerEnforced")
        assert audit(reef) == {"reef-data": {"no-delivery-permission": "problem"}}

    @pytest.mark.parametrize("list_", ["public-read", "authenticated-read"])
    def test_a_public_list(self, reef, list_):
        reef.client().put_bucket_acl(Bucket="reef-logs", ACL=list_)
        assert audit(reef) == {"reef-logs": {"public-target": "problem"}}
        block(reef, IgnorePublicAcls=True)
        assert audit(reef) == {}

    def test_a_public_policy(self, reef):
        everybody = {
            "Effect": "Allow",
            "Principal": "*",
            "Action": "s3:GetObject",
            "Resource": "arn:aws:s3:::reef-logs/*",
        }
        reef.put_policy("reef-logs", policy_of(delivery("reef-logs"), everybody))
        assert audit(reef) == {"reef-logs": {"public-target": "problem"}}
        block(reef, RestrictPublicBuckets=True)
        assert audit(reef) == {}

    def test_settings_for_which_nothing_is_delivered(self, reef):
        reef.client().put_bucket_request_payment(
            Bucket="reef-logs", RequestPaymentConfiguration={"Payer": "Requester"}
        )
        assert audit(reef) == {"reef-logs": {"target-that-refuses": "problem"}}

    def test_objects_that_are_kept_by_default(self, reef):
        lock = {
            "ObjectLockEnabled": "Enabled",
            "Rule": {"DefaultRetention": {"Mode": "GOVERNANCE", "Days": 9}},
        }
        reef.client().put_bucket_versioning(Bucket="reef-logs", VersioningConfiguration={"Status": "Enabled"})
        reef.client().create_bucket(Bucket="kept-logs", ObjectLockEnabledForBucket=True)
        reef.put_policy("kept-logs", policy_of(delivery("kept-logs")))
        reef.log("reef-data", "kept-logs", "reef-data/", **EVENT_DAY)
        reef.client().put_object_lock_configuration(Bucket="kept-logs", ObjectLockConfiguration=lock)
        assert audit(reef)["kept-logs"] == {"target-that-refuses": "problem"}


class TestEncryption:
    @pytest.fixture
    def key(self, reef):
        """A key with the policy that KMS gives it."""
        return reef.client(service="kms").create_key()["KeyMetadata"]["Arn"]

    @staticmethod
    def encrypt(aws, algorithm, key=""):
        default = {"SSEAlgorithm": algorithm} | ({"KMSMasterKeyID": key} if key else {})
        aws.client().put_bucket_encryption(
            Bucket="reef-logs",
            ServerSideEncryptionConfiguration={"Rules": [{"ApplyServerSideEncryptionByDefault": default}]},
        )

    @staticmethod
    def let_in(aws, key, **condition):
        statement = {
            "Effect": "Allow",
            "Principal": {"Service": "logging.s3.amazonaws.com"},
            "Action": ["kms:GenerateDataKey*", "kms:Decrypt"],
            "Resource": "*",
            **condition,
        }
        policy = json.dumps(policy_of(statement))
        aws.client(service="kms").put_key_policy(KeyId=key, PolicyName="default", Policy=policy)

    def test_with_s3_itself_nothing_is_wrong(self, reef):
        self.encrypt(reef, "AES256")
        assert audit(reef) == {}

    @pytest.mark.parametrize("algorithm", ["aws:kms", "aws:kms:dsse"])
    def test_aws_own_key_never_works(self, reef, algorithm):
        for key in ("", f"arn:aws:kms:us-east-1:{ACCOUNT}:alias/aws/s3"):
            self.encrypt(reef, algorithm, key)
            found = {f.name: f for f in findings(look_at(reef.api()))}
            assert found.keys() == {"no-use-of-the-key", "readers-need-the-key"}
            assert found["no-use-of-the-key"].severity is Severity.PROBLEM
            assert "aws/s3, which the logging service can never use" in found["no-use-of-the-key"].message

    def test_a_key_of_ones_own_whose_policy_lets_nobody_in(self, reef, key):
        self.encrypt(reef, "aws:kms", key)
        found = {f.name: f for f in findings(look_at(reef.api()))}
        assert (found["no-use-of-the-key"].bucket, found["no-use-of-the-key"].severity) == (
            "reef-data",
            Severity.PROBLEM,
        )
        assert "lets logging.s3.amazonaws.com do kms:GenerateDataKey" in found["no-use-of-the-key"].message
        assert f"needs kms:Decrypt on the key {key}" in found["readers-need-the-key"].message

    def test_one_whose_policy_lets_the_service_in(self, reef, key):
        self.encrypt(reef, "aws:kms", key)
        for condition in ({}, {"Condition": {"StringEquals": {"aws:SourceAccount": ACCOUNT}}}):
            self.let_in(reef, key, **condition)
            assert audit(reef) == {"reef-logs": {"readers-need-the-key": "warning"}}
        self.let_in(reef, key, Condition={"StringEquals": {"aws:SourceAccount": "999999999999"}})
        assert audit(reef)["reef-data"] == {"no-use-of-the-key": "problem"}
        self.let_in(reef, key, Condition={"StringEquals": {"kms:ViaService": "s3.us-east-1.amazonaws.com"}})
        assert audit(reef)["reef-data"] == {"no-use-of-the-key": "unknown"}

    def test_the_key_behind_an_alias_is_asked_for(self, reef, key):
        reef.client(service="kms").create_alias(AliasName="alias/logs", TargetKeyId=key)
        self.let_in(reef, key)
        self.encrypt(reef, "aws:kms", f"arn:aws:kms:us-east-1:{ACCOUNT}:alias/logs")
        assert audit(reef) == {"reef-logs": {"readers-need-the-key": "warning"}}

    def test_a_policy_that_may_not_be_seen_is_not_known(self, reef, key):
        self.encrypt(reef, "aws:kms", f"arn:aws:kms:us-east-1:{ACCOUNT}:key/absent")
        for api in (reef.api(), reef.api(keys=None)):
            (found,) = [f for f in findings(look_at(api)) if f.name == "no-use-of-the-key"]
            assert found.severity is Severity.UNKNOWN
            assert "key/absent" in found.message

    def test_logging_is_not_switched_on_to_where_nothing_is_delivered(self, reef):
        reef.bucket("kelp-data")
        self.encrypt(reef, "aws:kms")
        api = reef.api()
        (outcome,) = switch_on.switch_on(
            api, look_at(api), parse_wishes(["kelp-data=reef-logs"]), dry_run=True
        )
        assert outcome.outcome == "refused"
        assert "aws/s3" in outcome.message


class TestDenied:
    def test_one_bucket_that_may_not_be_looked_at_stops_nothing(self, reef):
        reef.bucket("kelp-data")
        reef.bucket("secret")
        reef.answer("GetBucketLogging", "AccessDenied", bucket="secret")
        found = findings(look_at(reef.api()))
        assert {(finding.bucket, finding.severity) for finding in found} == {
            ("kelp-data", Severity.WARNING),
            ("secret", Severity.UNKNOWN),
        }
        assert "s3:GetBucketLogging is not allowed" in next(f.message for f in found if f.bucket == "secret")

    def test_a_setting_that_may_not_be_seen_is_not_known(self, reef):
        """And is no matter where the rest suffices to tell."""
        questions = [
            ("GetBucketPolicy", "s3:GetBucketPolicy", {"reef-data": {"no-delivery-permission"}}),
            ("GetBucketPolicyStatus", "s3:GetBucketPolicyStatus", {"reef-logs": {"public-target"}}),
            ("GetBucketAcl", "s3:GetBucketAcl", {"reef-logs": {"public-target"}}),
            ("GetBucketOwnershipControls", "s3:GetBucketOwnershipControls", {}),
            ("GetPublicAccessBlock", "s3:GetBucketPublicAccessBlock", {}),
            (
                "GetBucketLifecycleConfiguration",
                "s3:GetLifecycleConfiguration",
                {"reef-data": {"no-lifecycle"}},
            ),
            ("GetBucketRequestPayment", "s3:GetBucketRequestPayment", {"reef-logs": {"target-that-refuses"}}),
            (
                "GetObjectLockConfiguration",
                "s3:GetBucketObjectLockConfiguration",
                {"reef-logs": {"target-that-refuses"}},
            ),
        ]
        questions.append(
            ("GetBucketEncryption", "s3:GetEncryptionConfiguration", {"reef-data": {"no-use-of-the-key"}})
        )
        for operation, action, expected in questions:
            reef.answer(operation, "AccessDenied", bucket="reef-logs")
            found = findings(look_at(reef.api()))
            reef.as_usual()
            assert {f.bucket: {f.name} for f in found} == expected, operation
            assert all(
                f.severity is Severity.UNKNOWN and f"{action} is not allowed" in f.message for f in found
            )

    def test_an_outage_of_one_answer(self, reef):
        reef.answer("GetBucketLogging", "SlowDown", 503, bucket="reef-data")
        (finding,) = findings(look_at(reef.api()))[:1]
        assert finding.severity is Severity.UNKNOWN
        assert "S3 answers SlowDown to GetBucketLogging" in finding.message

    def test_buckets_that_cannot_be_listed(self, aws):
        for code, status, error in (
            ("AccessDenied", 403, AccessDeniedError),
            ("InvalidAccessKeyId", 403, AccessDeniedError),
            ("InvalidArgument", 400, PermanentError),
            ("SlowDown", 503, StoreUnavailableError),
            ("TooManyRequests", 429, StoreUnavailableError),
        ):
            aws.answer("ListBuckets", code, status)
            with pytest.raises(error, match=code) as raised:
                look_at(aws.api())
            assert type(raised.value) is error
            aws.as_usual()

    def test_no_credentials_and_no_connection(self, reef):
        errors = iter([NoCredentialsError(), EndpointConnectionError(endpoint_url="http://nowhere")])

        def fail(**_):
            raise next(errors)

        reef.on("before-send.s3.ListBuckets", fail)
        with pytest.raises(NoConnectionError, match="S3LOGS_AWS_CONN_ID"):
            look_at(reef.api())
        with pytest.raises(StoreUnavailableError, match="nowhere"):
            look_at(reef.api())

    def test_an_account_without_a_number(self, reef):
        """Simple keys do not hold it, and a permission without conditions does not ask for it."""
        reef.log("reef-data", "reef-logs", "reef-data/")
        api = ask.S3Api(reef.client, no_service)
        account = look_at(api)
        assert isinstance(account.number, Unknown)
        assert findings(account) == []


def no_service():
    raise EndpointConnectionError(endpoint_url="http://sts")


def own(aws, ownership):
    aws.client().put_bucket_ownership_controls(
        Bucket="reef-logs", OwnershipControls={"Rules": [{"ObjectOwnership": ownership}]}
    )


def block(aws, **settings):
    aws.client().put_public_access_block(Bucket="reef-logs", PublicAccessBlockConfiguration=settings)


class TestSwitchingOn:
    @pytest.fixture
    def kelp(self, reef):
        """`kelp-data` does not log, `kelp-logs` is there for it and lets nobody in."""
        reef.bucket("kelp-data")
        reef.bucket("kelp-logs")
        return reef

    def do(self, aws, *texts, dry_run=False, **how):
        api = aws.api(pauses=(0, 0))
        return switch_on.switch_on(api, look_at(api), parse_wishes(texts), dry_run=dry_run, **how)

    def test_a_dry_run_says_what_and_does_nothing(self, kelp):
        written = []
        for operation in ("PutBucketLogging", "PutBucketPolicy"):
            kelp.on(f"before-send.s3.{operation}", lambda **_: written.append(1))
        (outcome,) = self.do(kelp, "kelp-data=kelp-logs", dry_run=True)
        assert outcome.outcome == "to be switched on"
        assert outcome.message == (
            "It would log to kelp-logs/kelp-data/, keys by event day; the policy of kelp-logs would get a "
            "statement for it."
        )
        assert written == []
        assert look_at(kelp.api()).buckets["kelp-data"].logs_to is None

    def test_logging_and_the_permission_for_it(self, kelp):
        (outcome,) = self.do(kelp, "kelp-data=kelp-logs/from/kelp/")
        assert (outcome.bucket, outcome.outcome) == ("kelp-data", "switched on")
        assert look_at(kelp.api()).buckets["kelp-data"].logs_to == Place(
            "kelp-logs", "from/kelp/", "EventTime"
        )
        (statement,) = kelp.policy("kelp-logs")["Statement"]
        sid = statement.pop("Sid")
        assert sid.isalnum() and sid.startswith("S3logs")
        assert statement == {
            "Effect": "Allow",
            "Principal": {"Service": "logging.s3.amazonaws.com"},
            "Action": "s3:PutObject",
            "Resource": "arn:aws:s3:::kelp-logs/from/kelp/*",
            "Condition": {
                "ArnLike": {"aws:SourceArn": "arn:aws:s3:::kelp-data"},
                "StringEquals": {"aws:SourceAccount": ACCOUNT},
            },
        }
        assert audit(kelp) == {"kelp-data": {"no-lifecycle": "warning"}}

    def test_a_second_time_there_is_nothing_to_do(self, kelp):
        self.do(kelp, "kelp-data=kelp-logs")
        written = []
        kelp.on("before-send.s3.PutBucketLogging", lambda **_: written.append(1))
        kelp.on("before-send.s3.PutBucketPolicy", lambda **_: written.append(1))
        (outcome,) = self.do(kelp, "kelp-data=kelp-logs")
        assert outcome.outcome == "nothing to do"
        assert written == []

    def test_a_permission_that_was_lost_comes_back(self, kelp):
        self.do(kelp, "kelp-data=kelp-logs")
        kelp.client().delete_bucket_policy(Bucket="kelp-logs")
        (outcome,) = self.do(kelp, "kelp-data=kelp-logs")
        assert outcome.outcome == "switched on"
        assert len(kelp.policy("kelp-logs")["Statement"]) == 1

    def test_other_statements_stay_as_they_are(self, kelp):
        mine = {"Sid": "Mine", "Effect": "Allow", "Principal": {"AWS": ACCOUNT}, "Action": ["s3:GetObject"]}
        mine["Resource"] = "arn:aws:s3:::kelp-logs/*"
        kelp.put_policy("kelp-logs", {"Version": "2008-10-17", "Id": "ours", "Statement": mine})
        self.do(kelp, "kelp-data=kelp-logs")
        policy = kelp.policy("kelp-logs")
        assert (policy["Version"], policy["Id"]) == ("2008-10-17", "ours")
        assert policy["Statement"][0] == mine
        assert len(policy["Statement"]) == 2

    def test_a_statement_that_came_since_the_audit_stays_too(self, kelp):
        there = [delivery("reef-logs", "reef-data/")]
        kelp.put_policy("reef-logs", policy_of(*there))
        account = look_at(kelp.api())
        there.append(delivery("reef-logs", "other/"))
        kelp.put_policy("reef-logs", policy_of(*there))
        (outcome,) = switch_on.switch_on(
            kelp.api(), account, parse_wishes(["kelp-data=reef-logs"]), dry_run=False
        )
        assert outcome.outcome == "switched on"
        assert kelp.policy("reef-logs")["Statement"][:-1] == there

    def test_several_buckets_into_one_target(self, kelp):
        kelp.bucket("kelp-more")
        outcomes = self.do(kelp, "kelp-data=kelp-logs", "kelp-more=kelp-logs")
        assert [outcome.outcome for outcome in outcomes] == ["switched on", "switched on"]
        resources = [statement["Resource"] for statement in kelp.policy("kelp-logs")["Statement"]]
        assert resources == ["arn:aws:s3:::kelp-logs/kelp-data/*", "arn:aws:s3:::kelp-logs/kelp-more/*"]

    def test_without_a_target_the_one_of_its_region(self, kelp):
        (outcome,) = self.do(kelp, "kelp-data")
        assert outcome.outcome == "switched on"
        assert look_at(kelp.api()).buckets["kelp-data"].logs_to == Place(
            "reef-logs", "kelp-data/", "EventTime"
        )

    @pytest.mark.parametrize("dry_run", [True, False])
    def test_two_that_would_log_into_each_other(self, kelp, dry_run):
        outcomes = self.do(kelp, "kelp-data=kelp-logs", "kelp-logs=kelp-data", dry_run=dry_run)
        assert [outcome.is_denied for outcome in outcomes] == [False, True]
        assert "by way of kelp-data" in outcomes[1].message

    def test_refused(self, kelp):
        reasons = {
            "kelp-data=kelp-data/logs/": "log into itself; name another",
            "reef-logs=reef-data/logs/": "log into itself by way of reef-data",
            "kelp-data=no-such-logs": "no-such-logs does not exist",
            "kelp-data=eu-logs": "is in us-east-1, the target eu-logs in eu-central-1",
            "kelp-data=public-logs": "not fit for logs: its policy is public",
            "kelp-data=paid-logs": "not fit for logs: its requesters pay",
            "kelp-data=kelp-logs/kelp": "has to end in '/'",
            "kelp-data=kelp-logs/ke\u200blp/": r"ke\u200blp/' has to",
            "reef-data=kelp-logs": "logs to reef-logs/reef-data/ already, with keys by EventTime",
            "no-such-data=kelp-logs": "no bucket of this account",
            "eu-data": "Name its target, eu-data=target-bucket/prefix/: no other of its region logs",
            "kelp-data=full-logs": "larger than S3 takes (20 kB)",
            "kelp-data=denying-logs": "statement 1 of its policy denies it",
        }
        kelp.bucket("eu-logs", "eu-central-1")
        kelp.bucket("eu-data", "eu-central-1")
        everybody = {
            "Effect": "Allow",
            "Principal": "*",
            "Action": "s3:GetObject",
            "Resource": "arn:aws:s3:::public-logs/*",
        }
        kelp.bucket("public-logs", policy=policy_of(everybody))
        nobody = {
            "Effect": "Deny",
            "Principal": "*",
            "Action": "s3:Put*",
            "Resource": "arn:aws:s3:::denying-logs/*",
        }
        kelp.bucket("denying-logs", policy=policy_of(nobody))
        kelp.bucket("paid-logs")
        many = [delivery("full-logs", f"{number:0120}/") for number in range(77)]
        assert 20_300 < len(json.dumps(policy_of(*many))) < 20_480
        kelp.bucket("full-logs", policy=policy_of(*many))
        kelp.client().put_bucket_request_payment(
            Bucket="paid-logs", RequestPaymentConfiguration={"Payer": "Requester"}
        )
        before = look_at(kelp.api())
        for wish, why in reasons.items():
            (outcome,) = switch_on.switch_on(kelp.api(), before, parse_wishes([wish]), dry_run=False)
            assert outcome.outcome == "refused", wish
            assert why in outcome.message
        assert look_at(kelp.api()) == before

    def test_replacing_is_asked_for(self, kelp):
        (outcome,) = self.do(kelp, "reef-data=kelp-logs", replacing=True)
        assert outcome.outcome == "switched on"
        assert look_at(kelp.api()).buckets["reef-data"].logs_to.bucket == "kelp-logs"

    def test_what_is_not_known_is_refused(self, kelp):
        kelp.answer("GetBucketPolicyStatus", "AccessDenied", bucket="kelp-logs")
        (outcome,) = self.do(kelp, "kelp-data=kelp-logs")
        assert outcome.outcome == "refused"
        assert "s3:GetBucketPolicyStatus is not allowed" in outcome.message

    def test_a_failure_names_the_call_and_stops_no_other(self, kelp):
        kelp.bucket("kelp-more")
        kelp.answer("PutBucketLogging", "AccessDenied", bucket="kelp-data")
        outcomes = self.do(kelp, "kelp-data=kelp-logs", "kelp-more=kelp-logs")
        assert [outcome.outcome for outcome in outcomes] == ["failed", "switched on"]
        assert "PutBucketLogging" in outcomes[0].message

    def test_settings_that_do_not_stay_are_no_success(self, kelp):
        kelp.on("before-send.s3.PutBucketLogging", lambda request, **_: accept(request))
        (outcome,) = self.do(kelp, "kelp-data=kelp-logs")
        assert outcome.outcome == "failed"
        assert "The logging was written, but reads differently: None" in outcome.message

    @pytest.mark.parametrize("wish", ["=kelp-logs", "kelp-data=", "kelp-data=/prefix/"])
    def test_wishes_that_make_no_sense(self, wish):
        with pytest.raises(SettingsError, match="neither"):
            parse_wishes([wish])

    def test_a_bucket_named_twice(self):
        with pytest.raises(SettingsError, match="kelp-data more than once"):
            parse_wishes(["kelp-data", " kelp-data=kelp-logs"])
