"""Template text: legible, the same on every run, and read back as what was written."""

from hypothesis import given, settings
from hypothesis import strategies as st

from generator.model.yaml_source import read
from generator.render.yaml_text import dump, template_text


def text_of(properties: dict) -> str:
    return template_text({"Resources": {"A": {"Properties": properties, "Type": "AWS::S3::Bucket"}}})


def test_the_type_of_a_resource_comes_first() -> None:
    assert text_of({"BucketName": "b"}).splitlines()[:3] == ["Resources:", "  A:", "    Type: AWS::S3::Bucket"]


def test_a_statement_reads_who_may_do_what_to_which() -> None:
    text = text_of({"S": {"Resource": "r", "Action": "a", "Effect": "Allow", "Sid": "Read", "Principal": "p"}})
    keys = [line.split(":")[0].strip() for line in text.splitlines()[5:]]
    assert keys == ["Sid", "Effect", "Principal", "Action", "Resource"]


def test_intrinsics_are_short_tags_without_needless_quotes() -> None:
    text = text_of({"V": {"Ref": "Vpc"}, "A": {"Fn::GetAtt": ["Role", "Arn"]}, "S": {"Fn::Sub": "${A}-b"}})
    assert "V: !Ref Vpc\n" in text
    assert "A: !GetAtt Role.Arn\n" in text
    assert "S: !Sub ${A}-b\n" in text


def test_a_join_without_delimiter_is_written_as_the_sub_that_people_would_write() -> None:
    parts = [{"Fn::GetAtt": ["Bucket", "Arn"]}, "/videos/${x}/", {"Ref": "AWS::Region"}]
    assert "R: !Sub ${Bucket.Arn}/videos/${!x}/${AWS::Region}\n" in text_of({"R": {"Fn::Join": ["", parts]}})


def test_a_join_of_anything_else_stays_a_join() -> None:
    assert "N: !Join\n" in text_of({"N": {"Fn::Join": ["-", ["a", {"Ref": "B"}]]}})
    assert "N: !Join\n" in text_of({"N": {"Fn::Join": ["", [{"Fn::Select": [0, {"Ref": "B"}]}]]}})


def test_a_tag_right_inside_a_tag_is_written_long_because_cloudformation_rejects_it() -> None:
    assert "Fn::Base64: !Sub x\n" in text_of({"U": {"Fn::Base64": {"Fn::Sub": "x"}}})


def test_every_multi_line_string_is_a_literal_block_even_with_tabs() -> None:
    text = text_of({"Code": "if (a) {\n\treturn b;\n}\n", "U": {"Fn::Sub": "#!/bin/bash\necho\n"}})
    assert "Code: |\n" in text
    assert "U: !Sub |\n" in text
    assert "\\n" not in text


def test_strings_that_some_reader_takes_for_a_number_are_quoted() -> None:
    assert "'2012-10-17'" in text_of({"Version": "2012-10-17"})
    assert "'012345678901'" in text_of({"Account": "012345678901"})


def test_a_long_line_is_not_wrapped() -> None:
    assert max(len(line) for line in text_of({"D": "word " * 200 + "end"}).splitlines()) > 1000


keys = st.text(st.characters(categories=("L", "N")), min_size=1, max_size=8)
scalars = st.one_of(st.text(max_size=40), st.integers(), st.booleans())
plain = st.recursive(
    scalars,
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(keys, inner, max_size=4)),
    max_leaves=12,
)
intrinsics = st.one_of(
    st.builds(lambda name: {"Ref": name}, keys),
    st.builds(lambda a, b: {"Fn::GetAtt": [a, b]}, keys, keys),
    st.builds(lambda text: {"Fn::Sub": text}, st.text(max_size=60)),
    st.builds(lambda items: {"Fn::Join": ["-", items]}, st.lists(keys, max_size=3)),
)


@settings(max_examples=200, deadline=None)
@given(st.dictionaries(keys, st.one_of(plain, intrinsics), max_size=5))
def test_whatever_is_written_reads_back_the_same(data: dict) -> None:
    assert read(dump(data), "t.yaml").data == data
