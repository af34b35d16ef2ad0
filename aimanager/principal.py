"""Who is asking, as all code behind authentication needs it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

Kind = Literal["anonymous", "token", "cookie", "key", "ticket"]

KEY_PREFIX = "aimgr_"  # What every API key begins with.


@dataclass(frozen=True, slots=True)
class Principal:
    """Somebody asking. `token_id` names the credential, `epoch` the password it was made under."""

    user_id: int | None = None
    username: str = ""
    is_superuser: bool = False
    scope: Literal["read", "write"] = "read"
    kind: Kind = "anonymous"
    token_id: str = ""
    expires: int = 0
    epoch: int = 0
    csrf: str = field(default="", repr=False)

    @property
    def signed_in(self) -> bool:
        return self.user_id is not None


ANONYMOUS = Principal()
