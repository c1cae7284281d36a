"""The documents of certificates, and who uses them. Other services read them through these."""

from collections.abc import Callable

from sandbox.api.kinds import Kind
from sandbox.api.store import Store

CERTIFICATE = Kind(
    name="ssl.certificate",
    key="CertificateId",
    noun="certificate",
    missing="FailedOperation.CertificateNotFound",
)
"""models.DescribeCertificateDetailResponse: CertificatePublicKey (leaf first), CertificatePrivateKey."""

ISSUED, PENDING, CANCELLED, RECORD_ADDED = 1, 0, 7, 4
"""Values of `Status`."""

Users = Callable[[Store, str], list[str]]
"""The ids of the load balancers, and of what else there is, that use a certificate."""
USERS: list[Users] = []
"""A service that takes certificates says here who of its own uses one: it is not deleted then."""
