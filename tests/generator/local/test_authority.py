"""The local authority and the certificate that it signs."""

from pathlib import Path

from generator.local.authority import certificates


def test_a_certificate_that_lacks_a_name_is_made_again_by_the_authority_that_browsers_know(tmp_path: Path) -> None:
    made = certificates(tmp_path)
    before = made.authority.read_text(), made.certificate.read_text()
    assert certificates(tmp_path).certificate.read_text() == before[1]
    extensions = tmp_path / "server.ext"
    extensions.write_text(extensions.read_text().replace("DNS:ecg.localhost,", ""))
    again = certificates(tmp_path)
    assert again.authority.read_text() == before[0]
    assert again.certificate.read_text() != before[1]
