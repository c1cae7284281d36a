"""The certificate of the public host: uploaded, or issued and validated through the DNS zone."""

from dataclasses import dataclass

import pulumi
from tencentcloud_iac_pulumi import ssl

from infra.context import tags
from infra.settings.stack import Stack


@dataclass(frozen=True, kw_only=True)
class CertificateArgs:
    """`key`: PEM, secret, with mode `upload`. `zone`: what must exist before DNS validation."""

    stack: Stack
    zone: pulumi.Resource
    key: pulumi.Output[str] | None


class Certificate(pulumi.ComponentResource):
    """certificate_id: what listeners take."""

    certificate_id: pulumi.Output[str]

    def __init__(self, name: str, args: CertificateArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("sanmen:edge:Certificate", name, None, opts)
        made = self._uploaded(args) if args.stack.edge.certificate.chain_pem is not None else self._issued(args)
        self.certificate_id = made.id
        self.register_outputs({"certificate_id": self.certificate_id})

    def _uploaded(self, args: CertificateArgs) -> ssl.Certificate:
        chain, stack = args.stack.edge.certificate.chain_pem, args.stack
        assert chain is not None
        assert args.key is not None
        return ssl.Certificate(
            f"{stack.env}-certificate",
            name=f"{stack.env}-{stack.host}",
            type="SVR",
            # Neither may begin or end with a newline.
            cert=chain.strip(),
            key=args.key.apply(str.strip),
            tags=tags(stack),
            # A renewal is a new certificate; the old one goes when listeners have left it.
            opts=pulumi.ResourceOptions(parent=self),
        )

    def _issued(self, args: CertificateArgs) -> ssl.FreeCertificate:
        stack = args.stack
        return ssl.FreeCertificate(
            f"{stack.env}-certificate",
            alias=f"{stack.env}-{stack.host}",
            domain=stack.host,
            dv_auth_method="DNS_AUTO",
            package_type="83",
            validity_period="3",
            csr_encrypt_algo="RSA",
            csr_key_parameter="2048",
            opts=pulumi.ResourceOptions(
                parent=self,
                depends_on=[args.zone],
                replace_on_changes=[
                    "dvAuthMethod",
                    "packageType",
                    "contactEmail",
                    "contactPhone",
                    "validityPeriod",
                    "csrEncryptAlgo",
                    "csrKeyParameter",
                    "csrKeyPassword",
                ],
            ),
        )
