"""Accounts: register, sign in, change email and password."""

from __future__ import annotations

import re
import unicodedata

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from ..errors import Forbidden, Invalid, NotFound, Taken, Unauthorized
from ..extensions import db, live_bus, login_throttle, settings, writing
from ..models import User
from ..principal import Principal
from . import passwords, validation

NAME = re.compile(r"\w(?:[\w.+-]{0,62}\w)?")
EMAIL = re.compile(r"[^@\s<>\"',;:\\()\[\]]{1,64}@[^@\s<>\"',;:\\()\[\]]{1,189}")


def fold(text: str) -> str:
    """One spelling of a name for comparing: `ALICE` and full-width letters cannot pass for `alice`."""
    return unicodedata.normalize("NFKC", text).casefold()


def register(email: str, username: str, password: str) -> User:
    """Make an account. Raises Invalid or Taken; Forbidden when only the administrator makes accounts."""
    if settings.registration == "closed":
        raise Forbidden("Sign-up is closed here: ask the administrator for an account")
    return create(email, username, password)


def create(email: str, username: str, password: str, is_superuser: bool = False) -> User:
    check_email(email)
    if not NAME.fullmatch(username):
        raise Invalid.field(
            "username", "username must have 1 to 64 letters, digits or . _ + -, and begin and end with a letter or digit"
        )  # fmt: skip
    if len(fold(username)) > validation.LONGEST_USERNAME:
        raise Invalid.field("username", "username is too long: its letters take up more than 64 when case is ignored")
    passwords.check(password)
    user = User(
        email=email, email_key=fold(email), username=username, username_key=fold(username),
        password_hash=passwords.hash_password(password), is_superuser=is_superuser,
    )  # fmt: skip
    try:
        with writing() as session:
            _refuse_taken(session, email, username)
            session.add(user)
    except IntegrityError:  # Somebody was faster, on a database that has no gate.
        raise Taken("username", "Username or email is already registered") from None
    return user


def check_email(email: str) -> None:
    printable = all(unicodedata.category(letter)[0] != "C" for letter in email)
    if not EMAIL.fullmatch(email) or not printable or len(fold(email)) > validation.LONGEST_EMAIL:
        raise Invalid.field("email", "email must look like name@example.com")


def _refuse_taken(session: Session, email: str | None, username: str | None) -> None:
    if username and session.scalar(sa.select(User.id).where(User.username_key == fold(username))):
        raise Taken("username", "Username is already registered")
    if email and session.scalar(sa.select(User.id).where(User.email_key == fold(email))):
        raise Taken("email", "Email is already registered")


def authenticate(login: str, password: str, address: str) -> User:
    """The user with this name or email and password. Raises Unauthorized, or TooMany after too many wrong ones."""
    key = fold(login)[:254]
    login_throttle.check(key, address)
    user = None
    if len(password) <= passwords.LONGEST and "\0" not in key:
        user = db.session.scalar(sa.select(User).where(sa.or_(User.username_key == key, User.email_key == key)))
    # Hold no connection while hashing, which takes longer than all else here.
    db.session.commit()
    if not _guess(user if user and user.is_active else None, password, key, address) or user is None:
        raise Unauthorized("Incorrect username or password")
    return user


def _guess(user: User | None, password: str, name: str, address: str) -> bool:
    """Compare and count. Asked again in turn: of guesses that come all at once, no more get through than one by one."""
    with passwords.turn:
        login_throttle.check(name, address)
        right = passwords.matches(password[: passwords.LONGEST], user.password_hash if user else None)
        if not right:
            login_throttle.miss(name, address)
    return right


def get(user_id: int) -> User:
    user = db.session.get(User, user_id)
    if user is None:
        raise NotFound()
    return user


def change(principal: Principal, password: str, email: str | None = None, new_password: str | None = None) -> User:
    """Change email or password; both need the current password. A new password ends all tokens."""
    user = get(principal.user_id or 0)
    # Counted apart from logins: strangers who guess cannot keep the owner from choosing a better password.
    # No folded name has capitals, so nobody can log in under this one.
    own = f"USER {user.id}"
    login_throttle.check(own, own)
    db.session.commit()
    if not _guess(user, password, own, own):
        raise Invalid.field("password", "the current password is wrong")
    if email is not None:
        check_email(email)
    hashed = None
    if new_password is not None:
        passwords.check(new_password, "new_password")
        hashed = passwords.hash_password(new_password)
    try:
        with writing() as session:
            user = session.get_one(User, principal.user_id)
            if email is not None and fold(email) != user.email_key:
                _refuse_taken(session, email, None)
            if email is not None:
                user.email, user.email_key = email, fold(email)
            if hashed is not None:
                user.password_hash = hashed
                user.epoch += 1
    except IntegrityError:  # Somebody was faster, on a database that has no gate.
        raise Taken("email", "Email is already registered") from None
    live_bus.publish(f"user:{principal.user_id}")
    return user


def set_active(user_id: int, active: bool) -> User:
    """Switch an account off or on again; switching it off ends its tokens."""
    with writing() as session:
        user = session.get(User, user_id)
        if user is None:
            raise NotFound()
        user.is_active = active
        user.epoch += 0 if active else 1
    live_bus.publish(f"user:{user_id}")
    return user


def set_superuser(user_id: int, superuser: bool) -> None:
    with writing() as session:
        session.get_one(User, user_id).is_superuser = superuser
    live_bus.publish(f"user:{user_id}")


def reset_password(user_id: int, password: str) -> None:
    """A new password without the old one, for the administrator; ends all tokens."""
    passwords.check(password)
    hashed = passwords.hash_password(password)
    with writing() as session:
        user = session.get_one(User, user_id)
        user.password_hash = hashed
        user.epoch += 1
    live_bus.publish(f"user:{user_id}")
