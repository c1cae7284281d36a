"""SSL certificates (ssl 2019-12-05): uploaded ones, and free ones that the sandbox's authority issues.

Kind `ssl.certificate` (models.DescribeCertificateDetailResponse): other services read CertificatePublicKey (leaf
first) and CertificatePrivateKey from it. Source: docs/sources.md, certificates.
"""

from sandbox.services.ssl import certificates, issuing

__all__ = ["certificates", "issuing"]
