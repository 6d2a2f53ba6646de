"""A certificate for loopback, and the authority that vouches for it; nobody else knows either."""

from __future__ import annotations

import datetime as dt
import ipaddress
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from tests.servers.process import HOST

if TYPE_CHECKING:
    from pathlib import Path

_DAY = dt.timedelta(days=1)
_ISSUER = "lakebed test authority"


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, text)])


def _certificate(
    subject: str, key: ec.EllipticCurvePrivateKey, issuer: ec.EllipticCurvePrivateKey, *, ca: bool
) -> x509.CertificateBuilder:
    now = dt.datetime.now(dt.UTC)
    public, issuers = key.public_key(), issuer.public_key()
    authority = x509.AuthorityKeyIdentifier.from_issuer_public_key(issuers)
    return (
        x509.CertificateBuilder()
        .subject_name(_name(subject))
        .issuer_name(_name(_ISSUER))
        .public_key(public)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _DAY)
        .not_valid_after(now + 30 * _DAY)
        .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
        .add_extension(authority, critical=False)
    )


def write_certificate(folder: Path) -> Path:
    """Write `cert.pem` and `key.pem` for 127.0.0.1 and localhost; returns the authority's file."""
    issuer, key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    names = [x509.IPAddress(ipaddress.ip_address(HOST)), x509.DNSName("localhost")]
    pem, sha = serialization.Encoding.PEM, hashes.SHA256()
    authority = _certificate(_ISSUER, issuer, issuer, ca=True).sign(issuer, sha)
    alternatives = x509.SubjectAlternativeName(names)
    server = _certificate(HOST, key, issuer, ca=False).add_extension(alternatives, critical=False)
    (folder / "ca.pem").write_bytes(authority.public_bytes(pem))
    (folder / "cert.pem").write_bytes(server.sign(issuer, sha).public_bytes(pem))
    private = key.private_bytes(
        pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    (folder / "key.pem").write_bytes(private)
    return folder / "ca.pem"
