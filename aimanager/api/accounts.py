"""Register, log in, keys, tickets."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, g, request

from ..http.auth import requires
from ..http.client_address import client_address
from ..http.route_docs import refuses
from ..services import accounts as service
from ..services import api_keys, sessions, tickets
from .decorators import body, returns
from .requests import Account, KeyIn, Login, Register, TicketIn, changes_of
from .responses import KeyOnce, KeyOut, TicketOut, Token, UserOut, key_out, user_out

auth = Blueprint("auth", __name__, url_prefix="/auth")


@auth.post("/register")
@requires("anyone")
@body(Register)
@returns(UserOut, 201)
def register(account: Register) -> Any:
    """Register a new user."""
    return user_out(service.register(account.email, account.username, account.password))


@auth.post("/login")
@requires("anyone")
@refuses(401)
@body(Login, form=True)
@returns(Token)
def login(credentials: Login) -> Any:
    """Login and get access token; as a form or as JSON, with the user name or the email."""
    user = service.authenticate(credentials.username, credentials.password, client_address())
    token, _ = sessions.issue(user, request.user_agent.string)
    return {"access_token": token, "token_type": "bearer"}


@auth.get("/me")
@requires("user")
@returns(UserOut)
def me() -> Any:
    """Get current user information."""
    return user_out(service.get(g.principal.user_id))


@auth.put("/me")
@requires("session")
@body(Account)
@returns(UserOut)
def change(account: Account) -> Any:
    """Change email or password; a new password ends all tokens."""
    changes = changes_of(account, user_out(service.get(g.principal.user_id)))
    return user_out(service.change(g.principal, **changes))


@auth.post("/logout")
@requires("session")
@returns(None, 204)
def logout() -> None:
    """End the token that this is called with."""
    sessions.end(g.principal)


@auth.get("/keys")
@requires("session")
@returns(KeyOut, many=True)
def keys() -> Any:
    """List your API keys, newest first; the keys themselves are never shown again."""
    return [key_out(key) for key in api_keys.list_keys(g.principal)]


@auth.post("/keys")
@requires("session")
@body(KeyIn)
@returns(KeyOnce, 201)
def create_key(new: KeyIn) -> Any:
    """Create an API key for scripts; this is the only time that it is shown."""
    key, secret = api_keys.issue(g.principal, new.name, new.scope, new.expires_at)
    return key_out(key) | {"api_key": secret}


@auth.delete("/keys/<id:key_id>")
@requires("session")
@returns(None, 204)
def revoke_key(key_id: int) -> None:
    """Revoke an API key."""
    api_keys.revoke(g.principal, key_id)


@auth.post("/ws-ticket")
@requires("user")
@refuses(404)
@body(TicketIn)
@returns(TicketOut)
def ticket(place: TicketIn) -> Any:
    """Get a ticket that opens one WebSocket of one run, once, where headers cannot be sent."""
    secret, seconds = tickets.issue(g.principal, place.run_id)
    return {"ticket": secret, "expires_in": seconds}
