"""Reading a settings file: every mistake at once, with its line."""

import re
from pathlib import Path

import pytest

from generator.environments import dev
from generator.model.environment import Environment
from generator.model.environment_file import load_environment
from generator.model.problems import InvalidEnvironment, Problem

DEV = Path(dev.__file__)
TEXT = DEV.read_text(encoding="utf-8")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path


def problems(folder: Path, text: str) -> list[Problem]:
    """What is wrong with a settings file of this text."""
    file = folder / "dev.py"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(InvalidEnvironment) as caught:
        load_environment(file, "dev.py")
    return list(caught.value.problems)


def problem(folder: Path, old: str, new: str) -> Problem:
    """The one thing that is wrong with dev after a replacement, checked to be on the replaced line."""
    assert TEXT.count(old) >= 1
    text = TEXT.replace(old, new, 1)
    [found] = problems(folder, text)
    assert found.where.line == text[: text.index(new)].count("\n") + 1
    assert found.where.file == "dev.py"
    return found


def test_dev_loads_as_it_stands() -> None:
    assert load_environment(DEV) == dev.ENVIRONMENT


def test_names_begin_with_project_and_environment() -> None:
    assert dev.ENVIRONMENT.prefix == "ecg-project-pipeline-dev"


def test_a_file_may_compute_its_values(folder: Path) -> None:
    file = folder / "dev.py"
    file.write_text(
        TEXT.replace("desired_count=2", "desired_count=TASKS * 2").replace("ENVIRONMENT =", "TASKS = 3\nENVIRONMENT ="),
        encoding="utf-8",
    )
    assert load_environment(file).api.desired_count == 6


def test_a_file_may_derive_from_another_environment(folder: Path) -> None:
    file = folder / "prod.py"
    file.write_text(
        "from dataclasses import replace\nfrom generator.environments import dev\n\n"
        "ENVIRONMENT = replace(dev.ENVIRONMENT, name='prod')\n",
        encoding="utf-8",
    )
    environment = load_environment(file)
    assert isinstance(environment, Environment)
    assert environment.prefix == "ecg-project-pipeline-prod"


def test_rules_hold_for_derived_environments_too(folder: Path) -> None:
    file = folder / "prod.py"
    file.write_text(
        "from dataclasses import replace\nfrom generator.environments import dev\n\n"
        "ENVIRONMENT = replace(dev.ENVIRONMENT, name='prod', api=replace(dev.ENVIRONMENT.api, memory=512))\n",
        encoding="utf-8",
    )
    with pytest.raises(InvalidEnvironment, match=r"prod.py:4: api.memory: .*1024, 2048"):
        load_environment(file)


@pytest.mark.parametrize(
    ("old", "new", "setting", "words"),
    [
        (
            'price_class="PriceClass_100"',
            'prise_class="PriceClass_100"',
            "cdn.prise_class",
            "did you mean price_class?",
        ),
        ('region="us-east-1"', 'region="Virginia"', "region", "us-east-1"),
        ("password_length=12", "password_length=6", "identity.password_length", "8 to 99"),
        ('mfa="ON"', 'mfa="SOMETIMES"', "identity.mfa", "OPTIONAL"),
        ('page_paths=("/",)', "page_paths=()", "identity.page_paths", "at least one"),
        ('page_paths=("/",)', 'page_paths=("evil.example",)', "identity.page_paths", "not a path"),
        ("cpu=512", "cpu=500", "api.cpu", "256, 512, 1024"),
        ("memory=1024", "memory=512", "api.memory", "cpu 512"),
        ("desired_count=2", 'desired_count="2"', "api.desired_count", "whole number"),
        ("desired_count=2", "desired_count=True", "api.desired_count", "whole number"),
        ("desired_count=2", "desired_count=1 / 0", "api.desired_count", "ZeroDivisionError"),
        ("desired_count=2", "desired_count=-1", "api.desired_count", "0 to 5000"),
        ("memory_reservation=1024", "memory_reservation=2048", "api.memory_reservation", "api.memory"),
        ("maximum_percent=200", "maximum_percent=300", "api.maximum_percent", "100 to 200"),
        ("log_retention_days=7", "log_retention_days=8", "model_server.log_retention_days", "1, 3, 5, 7, 14"),
        ('"10.0.1.0/24"', '"10.1.1.0/24"', "network.public_subnets[0].cidr", "10.0.0.0/16"),
        ('"10.0.20.0/24"', '"10.0.10.128/25"', "network.private_subnets[1].cidr", "overlaps"),
        ('"10.0.2.0/24"', '"10.0.2.0"', "network.public_subnets[1].cidr", "/28"),
        ('"10.0.2.0/24"', '"10.0.2.7/24"', "network.public_subnets[1].cidr", "host bits zero"),
        (
            '"10.0.20.0/24", availability_zone="us-east-1b"',
            '"10.0.20.0/24", availability_zone="us-west-2b"',
            "network.private_subnets[1].availability_zone",
            "not a zone of us-east-1",
        ),
        (
            '"10.0.20.0/24", availability_zone="us-east-1b"',
            '"10.0.20.0/24", availability_zone="us-east-1c"',
            "network.private_subnets[1].availability_zone",
            "NAT gateway",
        ),
        ('ssh_cidrs=("0.0.0.0/0",)', 'ssh_cidrs=("home",)', "security.ssh_cidrs", "'home'"),
        ('ssh_cidrs=("0.0.0.0/0",)', 'ssh_cidrs="0.0.0.0/0"', "security.ssh_cidrs", "tuple of texts"),
        ('cors_origins=("*",)', 'cors_origins=("ecg.example.org",)', "storage.cors_origins", "https://"),
        ("noncurrent_version_days=30", "noncurrent_version_days=0", "storage.noncurrent_version_days", "1 to 3650"),
        ("timeout=5", "timeout=30", "load_balancer.health_check.timeout", "interval"),
        ("throughput=125", "throughput=1000", "model_server.root_volume.throughput", "750"),
        ("iops=3000", "iops=30000", "model_server.root_volume.iops", "25000"),
        ('"MUTABLE"', '"CHANGEABLE"', "registry.image_tag_mutability", "'IMMUTABLE'"),
        ('scan_blocks="CRITICAL"', 'scan_blocks="MEDIUM"', "registry.scan_blocks", "'CRITICAL', 'HIGH', 'NONE'"),
        (
            "dead_letter_retention_days=14",
            "dead_letter_retention_days=15",
            "jobs.dead_letter_retention_days",
            "1 to 14",
        ),
        ('account="unresolved"', 'account="my account"', "account", "twelve digits"),
        ("emails=()", 'emails=("nobody",)', "alarms.emails", "'nobody'"),
        ('name="dev"', 'name="prod"', "name", "call it 'dev'"),
        ("encrypted=True", "**{'encrypted': True}", "model_server.root_volume", "by its name"),
    ],
)
def test_a_mistake_is_reported_on_its_line(folder: Path, old: str, new: str, setting: str, words: str) -> None:
    if "**" in new or "prise" in new or "memory=512" in new:  # these are wrong in a second way, reported too
        found = next(one for one in problems(folder, TEXT.replace(old, new, 1)) if one.setting == setting)
    else:
        found = problem(folder, old, new)
    assert found.setting == setting
    assert words in str(found)
    assert found.next_step


def test_what_is_not_scanned_cannot_block(folder: Path) -> None:
    unscanned = TEXT.replace("scan_on_push=True", "scan_on_push=False")
    [found] = problems(folder, unscanned)
    assert (found.setting, found.what) == ("registry.scan_blocks", "images are not scanned")
    file = folder / "dev.py"
    file.write_text(unscanned.replace('scan_blocks="CRITICAL"', 'scan_blocks="NONE"'), encoding="utf-8")
    assert load_environment(file).registry.scan_blocks == "NONE"


def test_a_name_too_long_for_a_target_group_says_by_how_much(folder: Path) -> None:
    found = problems(folder, TEXT.replace('project="ecg-project-pipeline"', 'project="ecg-project-pipelines-2"'))
    assert [one.setting for one in found] == ["project"]
    assert "34 characters, 32 are allowed" in found[0].what
    assert "by 2" in found[0].next_step


def test_a_missing_setting_is_reported_where_its_section_begins(folder: Path) -> None:
    text = TEXT.replace("        max_receive_count=5,\n", "")
    [found] = problems(folder, text)
    assert found.setting == "jobs.max_receive_count"
    assert text.splitlines()[found.where.line - 1] == "    jobs=Jobs("


def test_all_mistakes_are_reported_together_in_the_order_of_their_lines(folder: Path) -> None:
    text = (
        TEXT.replace('region="us-east-1"', "region=1")
        .replace('"10.0.1.0/24"', '"10.9.1.0/24"')
        .replace("cors_max_age=3000", "cors_age=3000")
        .replace("cpu=512", "cpu=500")
        .replace("max_receive_count=5", "max_receive_count=five")
    )
    found = problems(folder, text)
    assert [one.setting for one in found] == [
        "region",
        "network.public_subnets[0].cidr",
        "storage.cors_max_age",
        "storage.cors_age",
        "jobs.max_receive_count",
        "api.cpu",
    ]
    lines = [one.where.line for one in found]
    assert lines == sorted(lines)


def test_the_message_has_a_line_per_mistake_that_an_editor_can_follow(folder: Path) -> None:
    text = TEXT.replace("cpu=512", "cpu=500").replace("timeout=5", "timeout=1")
    file = folder / "dev.py"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(InvalidEnvironment) as caught:
        load_environment(file)
    lines = str(caught.value).splitlines()
    assert len(lines) == 2
    assert all(re.match(rf"{re.escape(str(file))}:\d+: \S+: ", line) for line in lines)
    assert caught.value.exit_code == 2


def test_python_that_does_not_parse_is_reported_with_its_line(folder: Path) -> None:
    [found] = problems(folder, "NAME = 'dev'\nENVIRONMENT = Environment(name=\n")
    assert found.what.startswith("not Python")
    assert found.where.line == 2


def test_a_wrong_import_does_not_hide_other_mistakes(folder: Path) -> None:
    text = TEXT.replace("    Alarms,\n", "    Alarm,\n", 1).replace("cpu=512", "cpu=500")
    found = problems(folder, text)
    assert "ImportError" in found[0].what
    assert found[1].setting == "api.cpu"


def test_a_file_without_an_environment_says_what_to_add(folder: Path) -> None:
    [found] = problems(folder, "NAME = 'dev'\n")
    assert "ENVIRONMENT = Environment(...)" in found.next_step


def test_an_environment_that_does_not_exist_is_a_problem_of_the_users(folder: Path) -> None:
    with pytest.raises(InvalidEnvironment, match="cannot be read"):
        load_environment(folder / "nowhere.py")


def test_the_lock_file_gives_what_was_resolved(folder: Path) -> None:
    file = folder / "dev.py"
    file.write_text(TEXT, encoding="utf-8")
    (folder / "dev.lock.yaml").write_text("ModelServerImageId: ami-0123456789abcdef0\n", encoding="utf-8")
    assert load_environment(file).locked == {"ModelServerImageId": "ami-0123456789abcdef0"}


def test_mistakes_in_the_lock_file_are_reported_with_those_of_the_settings(folder: Path) -> None:
    (folder / "dev.lock.yaml").write_text("ModelServerImageId: 7\nVideoPublicKey: x\n", encoding="utf-8")
    found = problems(folder, TEXT.replace("cpu=512", "cpu=500"))
    assert {(one.where.file, one.where.line, one.setting) for one in found} == {
        ("dev.lock.yaml", 1, "ModelServerImageId"),
        ("dev.lock.yaml", 2, "VideoPublicKey"),
        ("dev.py", TEXT[: TEXT.index("cpu=512")].count("\n") + 1, "api.cpu"),
    }


FLEET = (
    "fleet=Fleet(minimum=3, maximum=2, instance_types=('g4dn.xlarge', 'big'), spot_percent=50, on_demand=0,"
    " waiting_per_box=8, warm=1, healthy_percent=90, drain_seconds=120),"
)


def test_every_mistake_of_a_fleet_is_told_and_an_environment_may_do_without_one(folder: Path) -> None:
    text = TEXT.replace("log_retention_days=7,\n    ),\n    api=", f"log_retention_days=7, {FLEET}\n    ),\n    api=")
    found = {
        (one.setting, one.what) for one in problems(folder, text.replace("Environment,", "Environment, Fleet,", 1))
    }
    assert found == {
        ("model_server.fleet.maximum", "less than the minimum"),
        ("model_server.fleet.instance_types", "'big' is not an instance type"),
        ("model_server.fleet.warm", "a warm pool cannot hold Spot boxes, nor boxes of several types"),
    }


def test_a_lock_file_may_hold_every_generation_of_the_videos_key(folder: Path) -> None:
    (folder / "dev.py").write_text(TEXT, encoding="utf-8")
    (folder / "dev.lock.yaml").write_text("VideoPublicKeyPem: a\nVideoPublicKey2Pem: b\n", encoding="utf-8")
    assert load_environment(folder / "dev.py").locked == {"VideoPublicKeyPem": "a", "VideoPublicKey2Pem": "b"}
    (folder / "dev.lock.yaml").write_text("VideoPublicKey1Pem: a\n", encoding="utf-8")
    with pytest.raises(InvalidEnvironment, match="VideoPublicKey1Pem: no such parameter"):
        load_environment(folder / "dev.py")


@pytest.mark.parametrize("given", ["()", "(1, 1)", "(0,)"])
def test_generations_of_the_videos_key_are_different_and_at_least_one(folder: Path, given: str) -> None:
    text = TEXT.replace('price_class="PriceClass_100"', f'price_class="PriceClass_100", video_keys={given}')
    assert [one.setting for one in problems(folder, text)] == ["cdn.video_keys"]
