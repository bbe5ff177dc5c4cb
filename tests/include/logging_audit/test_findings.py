"""What the audit judges without asking anybody: policies, lifecycle, prefixes, the table."""

import json
from datetime import UTC, datetime

import pytest

from include.s3logs.logging_audit.facts import Account, Bucket, Grant, Place, Target, Unknown
from include.s3logs.logging_audit.findings import Severity, findings
from include.s3logs.logging_audit.invisible import invisible_characters, visible, width
from include.s3logs.logging_audit.policies import Delivery, judge
from include.s3logs.logging_audit.report import DATA, TABLE, as_json, counts, write_report
from include.s3logs.logging_audit.table import as_table
from include.s3logs.stores.folder import LocalStore
from tests.support.aws_server import ACCOUNT, delivery, policy_of

EXPIRE = {"Status": "Enabled", "Expiration": {"Days": 400}}
SINCE = datetime(2025, 3, 1, tzinfo=UTC)
FIT = Target(policy=policy_of(delivery("reef-logs")), lifecycle=(EXPIRE,))
LOG_DELIVERY = "http://acs.amazonaws.com/groups/s3/LogDelivery"
EVERYBODY = "http://acs.amazonaws.com/groups/global/AllUsers"


def account(*buckets, number=ACCOUNT, **targets):
    return Account(
        number,
        {bucket.name: bucket for bucket in sorted(buckets, key=lambda bucket: bucket.name)},
        {name.replace("_", "-"): target for name, target in targets.items()},
    )


def reef(prefix="reef/", source=None, target=FIT, region="us-east-1", number=ACCOUNT):
    """An account in which `reef-data` logs into `reef-logs`."""
    return account(
        Bucket("reef-data", "us-east-1", Place("reef-logs", prefix, source)),
        Bucket("reef-logs", region, None),
        number=number,
        reef_logs=target,
    )


def names(account_):
    return {(finding.bucket, finding.name, finding.severity.value) for finding in findings(account_)}


class TestFindings:
    def test_nothing_is_wrong(self):
        assert findings(reef()) == []

    def test_not_logging(self):
        assert names(account(Bucket("reef-data", "us-east-1", None))) == {
            ("reef-data", "not-logging", "warning")
        }

    def test_a_region_of_another(self):
        assert names(reef(region="eu-central-1")) == {("reef-data", "target-in-another-region", "problem")}
        assert findings(reef(region=Unknown("why"))) == []

    def test_into_itself_directly_and_by_way_of_others(self):
        def logging(**ways):
            buckets = [Bucket(name, "us-east-1", Place(target, "x/")) for name, target in ways.items()]
            fit = {n: Target(policy=policy_of(delivery(n)), lifecycle=(EXPIRE,)) for n in ways.values()}
            return {
                f.bucket: f.message
                for f in findings(account(*buckets, **fit))
                if f.name == "logs-into-itself"
            }

        assert logging(a="a").keys() == {"a"}
        assert logging(a="a", b="a").keys() == {"a"}
        circle = logging(a="b", b="c", c="a", d="a")
        assert circle.keys() == {"a", "b", "c"}
        assert "itself, by way of b and c: " in circle["a"]

    @pytest.mark.parametrize(
        ("prefix", "source", "found"),
        [
            ("reef/", None, False),
            ("reef", None, True),
            ("reef", "EventTime", True),
            ("", None, True),
            ("", "EventTime", False),
        ],
    )
    def test_prefix_without_slash(self, prefix, source, found):
        expected = {("reef-data", "prefix-without-slash", "warning")} if found else set()
        assert names(reef(prefix, source)) == expected

    @pytest.mark.parametrize(
        ("prefixes", "sources", "mixed"),
        [
            (("a/", "a/"), (None, None), True),
            (("a/", "a/"), (None, "EventTime"), True),
            (("a/", "a/"), ("EventTime", "EventTime"), False),
            (("a/", "b/"), (None, None), False),
        ],
    )
    def test_two_buckets_in_one_prefix(self, prefixes, sources, mixed):
        places = [Place("reef-logs", *place) for place in zip(prefixes, sources, strict=True)]
        buckets = [Bucket(name, "us-east-1", place) for name, place in zip("ab", places, strict=True)]
        found = account(*buckets, Bucket("reef-logs", "us-east-1", None), reef_logs=FIT)
        expected = {(name, "shares-its-prefix", "warning") for name in "ab"} if mixed else set()
        assert names(found) == expected

    def test_many_buckets_in_one_prefix_are_not_all_named(self):
        buckets = [Bucket(name, "us-east-1", Place("reef-logs", "x/")) for name in "abcdef"]
        found = findings(account(*buckets, Bucket("reef-logs", "us-east-1", None), reef_logs=FIT))
        assert {f.message for f in found} == {
            "6 buckets log to reef-logs/x/, with simple keys those of a, b, c and 3 more: their log objects "
            "lie mixed."
        }

    @pytest.mark.parametrize(
        ("rule", "told"),
        [
            ({"Expiration": {"Days": 9}}, "expire after 9 days"),
            ({"Expiration": {"Days": 10}}, ""),
            ({"Expiration": {"Days": 9}, "Filter": {"Prefix": "reef/"}}, "expire after 9 days"),
            ({"Expiration": {"Days": 9}, "Filter": {"Prefix": "other/"}}, ""),
            ({"Expiration": {"Days": 9}, "Filter": {"Tag": {"Key": "a", "Value": "b"}}}, ""),
            ({"Expiration": {"Days": 9}, "Filter": {"ObjectSizeGreaterThan": 1}}, "expire after 9 days"),
            ({"Expiration": {"Days": 9}, "Status": "Disabled"}, ""),
            ({"Transitions": [{"Days": 0, "StorageClass": "GLACIER"}]}, "archived (GLACIER) after 0 days"),
            ({"Transitions": [{"Days": 30, "StorageClass": "DEEP_ARCHIVE"}]}, ""),
            ({"Transitions": [{"Days": 0, "StorageClass": "GLACIER_IR"}]}, ""),
            ({"Transitions": [{"Days": 3, "StorageClass": "GLACIER"}], "Expiration": {"Days": 5}}, "3 days"),
            ({"Expiration": {"Date": SINCE}}, "expire from 2025-03-01 on, whatever their age"),
            ({"Expiration": {"Date": SINCE}, "Filter": {"Prefix": "other/"}}, ""),
            ({"Expiration": {"Date": SINCE}, "Status": "Disabled"}, ""),
            (
                {"Transitions": [{"Date": SINCE, "StorageClass": "GLACIER"}]},
                "are archived (GLACIER) from 2025-",
            ),
            ({"Transitions": [{"Date": SINCE, "StorageClass": "GLACIER_IR"}]}, ""),
        ],
    )
    def test_log_objects_that_go_before_their_day_is_settled(self, rule, told):
        target = Target(policy=FIT.policy, lifecycle=(EXPIRE, {"Status": "Enabled", **rule}))
        found = findings(reef(target=target), 10)
        assert [f.name for f in found] == ["gone-before-it-settles"] * bool(told)
        assert all(told in f.message and "S3LOGS_SETTLING_DAYS=10" in f.message for f in found)

    @pytest.mark.parametrize(
        ("prefix", "shown", "character"),
        [
            ("re\u200bef/", r"re\u200bef/", "ZERO WIDTH SPACE"),
            ("\ufeffreef/", r"\ufeffreef/", "ZERO WIDTH NO-BREAK SPACE"),
            ("re\u00a0ef/", r"re\xa0ef/", "NO-BREAK SPACE"),
            ("reef\x07/", r"reef\x07/", "U+0007"),
            ("reef\n/", r"reef\n/", "line break"),
            ("re\u202eef/", r"re\u202eef/", "RIGHT-TO-LEFT OVERRIDE"),
            ("re\u00adef/", r"re\xadef/", "SOFT HYPHEN"),
            ("re\U000e0041ef/", r"re\U000e0041ef/", "TAG LATIN CAPITAL LETTER A"),
            ("re\u3164ef/", r"re\u3164ef/", "HANGUL FILLER"),
            (" reef/", r"\x20reef/", "SPACE at an end"),
            ("reef /x/", r"reef\x20/x/", "SPACE at an end"),
            ("reef/ /", r"reef/\x20/", "SPACE at an end"),
        ],
    )
    def test_invisible_character(self, prefix, shown, character):
        (finding,) = findings(reef(prefix))
        assert (finding.name, finding.severity) == ("invisible-character", Severity.PROBLEM)
        assert f"'{shown}' holds" in finding.message
        assert character in finding.message
        assert f"reef-logs/{shown}" in as_table(reef(prefix), [finding])

    @pytest.mark.parametrize(
        "prefix", ["a b/", "réf/", "資料/", "é".encode().decode() + "/", "a-_.!~*'()/", "🐠/"]
    )
    def test_what_can_be_seen(self, prefix):
        assert invisible_characters(prefix) == []
        assert visible(prefix) == prefix

    def test_what_is_shown_can_be_told_from_what_is_escaped(self):
        assert visible("a\\u200b/") == "a\\\\u200b/" != visible("a\u200b/")


class TestLifecycle:
    KEY = f"reef/{ACCOUNT}/us-east-1/reef-data/"

    @pytest.mark.parametrize(
        "rule",
        [
            EXPIRE,
            {**EXPIRE, "Filter": {}},
            {**EXPIRE, "Filter": {"Prefix": "reef/"}},
            {**EXPIRE, "Prefix": "re"},
            {**EXPIRE, "Filter": {"And": {"Prefix": "reef/"}}},
            {**EXPIRE, "Filter": {"Prefix": KEY}},
            {"Status": "Enabled", "Transitions": [{"Days": 30, "StorageClass": "GLACIER"}]},
        ],
    )
    def test_covers_the_log_objects(self, rule):
        target = Target(policy=FIT.policy, lifecycle=({"Status": "Disabled"}, rule))
        assert findings(reef("reef/", "EventTime", target)) == []

    @pytest.mark.parametrize(
        "rule",
        [
            {**EXPIRE, "Status": "Disabled"},
            {**EXPIRE, "Filter": {"Prefix": "kelp/"}},
            {**EXPIRE, "Filter": {"Prefix": "reef/2024"}},
            {**EXPIRE, "Filter": {"Prefix": KEY.replace("reef-data", "kelp-data")}},
            {**EXPIRE, "Filter": {"Tag": {"Key": "old", "Value": "yes"}}},
            {**EXPIRE, "Filter": {"And": {"Prefix": "reef/", "Tags": []}}},
            {**EXPIRE, "Filter": {"ObjectSizeGreaterThan": 1000}},
            {"Status": "Enabled", "Expiration": {"ExpiredObjectDeleteMarker": True}},
            {"Status": "Enabled", "NoncurrentVersionExpiration": {"NoncurrentDays": 3}},
            {"Status": "Enabled", "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 3}},
        ],
    )
    def test_does_not(self, rule):
        target = Target(policy=FIT.policy, lifecycle=(rule,))
        assert names(reef("reef/", "EventTime", target)) == {("reef-data", "no-lifecycle", "warning")}

    def test_not_known_whose_folder_a_rule_names(self):
        target = Target(policy=FIT.policy, lifecycle=({**EXPIRE, "Filter": {"Prefix": self.KEY}},))
        found = names(reef("reef/", "EventTime", target, number=Unknown("no STS")))
        assert ("reef-data", "no-lifecycle", "unknown") in found


class TestPermission:
    def judged(self, *statements):
        """Whether S3 may deliver a log object of `reef-data`: True, False or None (not known)."""
        target = Target(policy=policy_of(*statements), lifecycle=(EXPIRE,))
        found = {f.name: f.severity for f in findings(reef("reef/", "EventTime", target))}
        assert found.keys() <= {"no-delivery-permission"}
        return {None: True, Severity.PROBLEM: False, Severity.UNKNOWN: None}[
            found.get("no-delivery-permission")
        ]

    def allow(self, **other):
        statement = {**delivery("reef-logs"), **other}
        return {key: value for key, value in statement.items() if value is not None}

    def deny(self, **other):
        statement = {
            "Effect": "Deny",
            "Principal": "*",
            "Action": "s3:*",
            "Resource": "arn:aws:s3:::reef-logs/*",
        }
        return {key: value for key, value in (statement | other).items() if value is not None}

    @pytest.mark.parametrize(
        "other",
        [
            {},
            {"Action": "s3:PutObject"},
            {"Action": ["s3:GetObject", "S3:putobject"]},
            {"Action": "s3:Put*"},
            {"Action": "*"},
            {"Action": None, "NotAction": "s3:GetObject"},
            {"Principal": {"Service": ["delivery.logs.amazonaws.com", "logging.s3.amazonaws.com"]}},
            {"Resource": "arn:aws:s3:::reef-logs/reef/*"},
            {"Resource": ["arn:aws:s3:::reef-logs", "arn:aws:s3:::reef-logs/*"]},
            {"Resource": f"arn:aws:s3:::reef-logs/reef/{ACCOUNT}/us-east-?/reef-data/*"},
            {"Resource": "*"},
            {"Condition": {"StringEquals": {"aws:SourceAccount": ACCOUNT}}},
            {"Condition": {"StringEquals": {"AWS:sourceaccount": ["000000000000", ACCOUNT]}}},
            {"Condition": {"StringLike": {"aws:SourceAccount": "1234*"}}},
            {"Condition": {"ArnLike": {"aws:SourceArn": "arn:aws:s3:::reef-*"}}},
            {"Condition": {"ArnEquals": {"aws:SourceArn": ["arn:aws:s3:::x", "arn:aws:s3:::reef-data"]}}},
            {"Condition": {"StringEqualsIfExists": {"aws:SourceAccount": ACCOUNT}}},
            {"Condition": {"Bool": {"aws:SecureTransport": True}}},
            {"Condition": {"Null": {"aws:SourceArn": "false"}}},
            {"Condition": {"StringNotEquals": {"aws:SourceAccount": "000000000000"}}},
        ],
    )
    def test_allowed(self, other):
        assert self.judged(self.allow(**other)) is True

    @pytest.mark.parametrize(
        "other",
        [
            {"Effect": "Deny"},
            {"Action": "s3:GetObject"},
            {"Action": None, "NotAction": "s3:Put*"},
            {"Principal": {"Service": "delivery.logs.amazonaws.com"}},
            {"Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}},
            {"Resource": "arn:aws:s3:::reef-logs"},
            {"Resource": "arn:aws:s3:::reef-logs/kelp/*"},
            {"Resource": "arn:aws:s3:::kelp-logs/*"},
            {"Resource": "arn:aws:s3:::reef-logs/[a-z]*"},
            {"Condition": {"StringEquals": {"aws:SourceAccount": "000000000000"}}},
            {"Condition": {"ArnLike": {"aws:SourceArn": "arn:aws:s3:::kelp-*"}}},
            {"Condition": {"ArnLike": {"aws:SourceArn": "arn:*"}}},
            {"Condition": {"StringEquals": {"aws:SourceAccount": ACCOUNT, "aws:SourceArn": "x"}}},
            {"Condition": {"StringNotEquals": {"aws:SourceAccount": ACCOUNT}}},
            {"Condition": {"Null": {"aws:SourceArn": "true"}}},
        ],
    )
    def test_not_allowed(self, other):
        assert self.judged(self.allow(**other)) is False

    @pytest.mark.parametrize(
        "other",
        [
            {"Condition": {"StringEquals": {"aws:PrincipalOrgID": "o-1"}}},
            {"Condition": {"StringEquals": {"s3:x-amz-acl": "bucket-owner-full-control"}}},
            {"Condition": {"ForAnyValue:StringEquals": {"aws:SourceAccount": ACCOUNT}}},
            {"Condition": {"StringEquals": {"aws:SourceAccount": "${aws:PrincipalAccount}"}}},
            {"Resource": "arn:aws:s3:::reef-logs/${aws:SourceAccount}/*"},
        ],
    )
    def test_not_known(self, other):
        assert self.judged(self.allow(**other)) is None
        assert self.judged(self.allow(**other), self.allow()) is True

    @pytest.mark.parametrize(
        ("other", "verdict"),
        [
            ({}, False),
            ({"Principal": {"AWS": "*"}}, False),
            ({"Principal": None, "NotPrincipal": {"AWS": "arn:aws:iam::1:root"}}, False),
            ({"Principal": None, "NotPrincipal": {"Service": "logging.s3.amazonaws.com"}}, True),
            ({"Condition": {"Bool": {"aws:SecureTransport": "false"}}}, True),
            ({"Condition": {"StringNotEquals": {"aws:SourceAccount": ACCOUNT}}}, True),
            ({"Condition": {"Bool": {"aws:PrincipalIsAWSService": "false"}}}, True),
            ({"Action": "s3:Delete*"}, True),
            ({"Resource": "arn:aws:s3:::reef-logs/kelp/*"}, True),
            ({"Condition": {"StringNotEquals": {"aws:SourceVpce": "vpce-1"}}}, None),
            ({"Condition": {"NumericLessThan": {"s3:TlsVersion": "1.2"}}}, None),
        ],
    )
    def test_denied(self, other, verdict):
        assert self.judged(self.allow(), self.deny(**other)) is verdict
        assert self.judged(self.deny(**other), self.allow()) is verdict

    def test_one_statement_without_a_list_and_no_policy(self):
        request = Delivery.of("arn:aws:s3:::reef-logs/reef/x", "arn:aws:s3:::reef-data", ACCOUNT)
        assert judge({"Statement": delivery("reef-logs")}, request).allows is True
        assert judge(None, request).allows is False

    @pytest.mark.parametrize(
        ("permissions", "ownership", "verdict"),
        [
            (["WRITE", "READ_ACP"], "ObjectWriter", set()),
            (["FULL_CONTROL"], "BucketOwnerPreferred", set()),
            (["WRITE"], "ObjectWriter", {"problem"}),
            (["WRITE", "READ_ACP"], "BucketOwnerEnforced", {"problem"}),
            (["WRITE", "READ_ACP"], Unknown("why"), {"unknown"}),
        ],
    )
    def test_lists(self, permissions, ownership, verdict):
        grants = tuple(Grant(LOG_DELIVERY, permission) for permission in permissions)
        target = Target(ownership=ownership, grants=grants, lifecycle=(EXPIRE,))
        assert {severity for _, _, severity in names(reef(target=target))} == verdict

    def test_a_policy_can_deny_what_a_list_allows(self):
        grants = (Grant(LOG_DELIVERY, "FULL_CONTROL"),)
        target = Target(policy_of(self.deny()), ownership="ObjectWriter", grants=grants, lifecycle=(EXPIRE,))
        assert names(reef(target=target)) == {("reef-data", "no-delivery-permission", "problem")}

    def test_other_partitions(self):
        china = Account(
            ACCOUNT,
            {
                "reef-data": Bucket("reef-data", "cn-north-1", Place("reef-logs", "reef/")),
                "reef-logs": Bucket("reef-logs", "cn-north-1", None),
            },
            {"reef-logs": Target(policy_of(delivery("reef-logs")), lifecycle=(EXPIRE,))},
            "aws-cn",
        )
        assert names(china) == {("reef-data", "no-delivery-permission", "problem")}


def test_public_lists_do_not_count_where_lists_are_void():
    grants = (Grant(EVERYBODY, "READ"),)
    public = Target(FIT.policy, ownership="ObjectWriter", grants=grants, lifecycle=(EXPIRE,))
    assert names(reef(target=public)) == {("reef-logs", "public-target", "problem")}
    void = Target(FIT.policy, ownership="BucketOwnerEnforced", grants=grants, lifecycle=(EXPIRE,))
    assert findings(reef(target=void)) == []


class TestReport:
    def test_the_table(self):
        full = reef("re\u200bef", target=Target())
        assert as_table(full, findings(full)).startswith(
            f"S3 access logging of account {ACCOUNT}: 2 buckets, 1 of them logs. "
            "2 problems (!!), 2 warnings (!), 0 not known (?).\n"
            "\n"
            "    BUCKET     REGION     LOGS TO               KEYS    FINDINGS\n"
            "!!  reef-data  us-east-1  reef-logs/re\\u200bef  simple  no-delivery-permission\n"
            "                                                        invisible-character\n"
            "                                                        prefix-without-slash\n"
            "                                                        no-lifecycle\n"
            "    reef-logs  us-east-1  - (receives from 1)\n"
            "\n"
            "PROBLEMS\n"
            "\n"
            "!!  invisible-character\n"
            "    reef-data: The prefix 're\\u200bef' holds what cannot be seen: ZERO WIDTH SPACE.\n"
            "    → Type the prefix anew; log objects that are there keep the old one.\n"
        )

    def test_it_fits_a_terminal_whatever_the_names(self):
        source, target = "x" * 63, "y" * 63
        place = Place(target, "資料" * 30 + "\u200b" * 9 + "/", "DeliveryTime")
        full = Account(
            ACCOUNT,
            {source: Bucket(source, "ap-northeast-3", place), target: Bucket(target, "ap-northeast-3", None)},
            {target: Target()},
        )
        header, *rows = as_table(full, findings(full)).split("\n\n")[1].split("\n")
        assert max(map(width, [header, *rows])) <= 120
        names = "".join(row[4 : header.index("REGION")].strip() for row in rows)
        assert names == source + target

    def test_of_an_account_with_more_buckets_than_a_page(self):
        place = Place("reef-logs", "x/", "EventTime")
        many = [Bucket(f"reef-{number:04}", "us-east-1", place) for number in range(1200)]
        full = account(*many, Bucket("reef-logs", "us-east-1", None), reef_logs=Target(policy=FIT.policy))
        found = findings(full)
        assert counts(found) == {"problem": {}, "warning": {"no-lifecycle": 1200}, "unknown": {}}
        table = as_table(full, found)
        assert "1,201 buckets, 1,200 of them log." in table
        assert "- (receives from 1200)" in table
        assert " ".join(table.split()).count("No lifecycle rule") == 1  # they share the sentence
        assert len(json.loads(as_json(full, found))["buckets"]) == 1201

    def test_the_json(self):
        data = json.loads(
            as_json(reef("re\u200bef/", "EventTime"), findings(reef("re\u200bef/", "EventTime")))
        )
        finding = data["buckets"][0].pop("findings")[0]
        assert finding.keys() == {"finding", "severity", "message", "remedy"}
        assert data == {
            "account": ACCOUNT,
            "counts": {"problem": {"invisible-character": 1}, "unknown": {}, "warning": {}},
            "buckets": [
                {
                    "bucket": "reef-data",
                    "region": "us-east-1",
                    "logs": True,
                    "target_bucket": "reef-logs",
                    "target_prefix": "re\u200bef/",
                    "key_format": "partitioned",
                    "date_source": "EventTime",
                    "receives_logs_of": [],
                },
                {
                    "bucket": "reef-logs",
                    "region": "us-east-1",
                    "logs": False,
                    "target_bucket": None,
                    "target_prefix": None,
                    "key_format": None,
                    "date_source": None,
                    "receives_logs_of": ["reef-data"],
                    "findings": [],
                },
            ],
        }

    def test_it_is_written_when_it_changed(self, tmp_path):
        lake = LocalStore(tmp_path)
        first = reef()
        assert write_report(lake, as_table(first, []), as_json(first, []))
        before = {info.key: (info.etag, lake.read(info.key)) for info in lake.list()}
        assert before.keys() == {TABLE, DATA}
        assert not write_report(lake, as_table(first, []), as_json(first, []))
        assert {info.key: (info.etag, lake.read(info.key)) for info in lake.list()} == before
        assert write_report(lake, "other", as_json(first, []))
        assert lake.read(TABLE) == b"other"
        assert lake.read(DATA) == before[DATA][1]
