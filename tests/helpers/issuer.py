"""An issuer of OpenID Connect on this machine: it asks nobody for a password, and says that they are who was set."""

import secrets
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlencode

import uvicorn
from joserfc import jwt
from joserfc.jwk import RSAKey
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse
from starlette.routing import Route

from tests.helpers.nginx import free_port
from tests.helpers.waiting import until

CLIENT = "robustscope"


class Issuer:
    """Its address, and the address of whoever logs in next."""

    def __init__(self, port: int) -> None:
        self.address = f"http://127.0.0.1:{port}"
        self.email = "ada@example.org"
        self._key = RSAKey.generate_key(2048, {"kid": "only", "use": "sig", "alg": "RS256"})
        self._nonces: dict[str, str] = {}

    def app(self) -> Starlette:
        return Starlette(
            routes=[
                Route("/.well-known/openid-configuration", self._discovery),
                Route("/authorize", self._authorize),
                Route("/token", self._token, methods=["POST"]),
                Route("/keys", self._keys),
            ]
        )

    async def _discovery(self, _request: Request) -> JSONResponse:
        return JSONResponse(
            {
                "issuer": self.address,
                "authorization_endpoint": f"{self.address}/authorize",
                "token_endpoint": f"{self.address}/token",
                "jwks_uri": f"{self.address}/keys",
                "response_types_supported": ["code"],
                "subject_types_supported": ["public"],
                "id_token_signing_alg_values_supported": ["RS256"],
            }
        )

    async def _authorize(self, request: Request) -> RedirectResponse:
        code = secrets.token_urlsafe(16)
        self._nonces[code] = request.query_params.get("nonce", "")
        back = {"code": code, "state": request.query_params["state"]}
        return RedirectResponse(f"{request.query_params['redirect_uri']}?{urlencode(back)}")

    async def _token(self, request: Request) -> JSONResponse:
        form = await request.form()
        now = int(time.time())
        claims = {
            "iss": self.address, "aud": CLIENT, "sub": self.email, "email": self.email, "email_verified": True,
            "nonce": self._nonces.pop(str(form["code"])), "iat": now, "exp": now + 600,
        }  # fmt: skip
        signed = jwt.encode({"alg": "RS256", "kid": "only"}, claims, self._key)
        return JSONResponse({"access_token": "-", "token_type": "Bearer", "expires_in": 600, "id_token": signed})

    async def _keys(self, _request: Request) -> JSONResponse:
        return JSONResponse({"keys": [self._key.as_dict(private=False)]})


@contextmanager
def issuing() -> Iterator[Issuer]:
    """The issuer, which answers."""
    port = free_port()
    issuer = Issuer(port)
    server = uvicorn.Server(uvicorn.Config(issuer.app(), port=port, log_level="warning"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    until(lambda: server.started, "the issuer to start")
    try:
        yield issuer
    finally:
        server.should_exit = True
        thread.join(20)
