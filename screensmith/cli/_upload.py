"""A checkpoint on the hub: what would go there, what must not, and sending exactly that.

Every file is listed before anything is sent, and only what was listed is: two files that name folders of
this machine go up without those names, so the hub's own upload of a whole folder is not used.
"""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from screensmith.config.agent_card import FILE_NAME as AGENT_CARD
from screensmith.evaluate._card_words import is_hub_name, without_places
from screensmith.evaluate.model_card import ADAPTER_CONFIG, Publication

if TYPE_CHECKING:
    from huggingface_hub import HfApi

STATE = re.compile(
    r"(.*/)?(trainer_state(/.*|\.json)|(optimizer|scheduler|scaler)[\w.-]*|rng_state[\w.-]*|"
    r"training_args\.bin|.*\.distcp)"
)
SECRET = re.compile(
    r"(.*/)?(\.env(\..*)?|.*\.(pem|key|p12|pfx|kdbx)|id_(rsa|dsa|ecdsa|ed25519)[\w.-]*|\.?netrc|"
    r"\.?(token|credentials|secrets)(\.\w+)?)",
    re.IGNORECASE,
)
PICKLED = re.compile(r".*\.(bin|pt|pth|pkl|pickle|ckpt)")
HIDDEN = re.compile(r"(.*/)?\.(?!gitattributes$).*")
SECRET_TEXT = re.compile(
    rb"\bhf_[A-Za-z0-9]{30,}|\bAKIA[0-9A-Z]{16}\b|\bgh[pousr]_[A-Za-z0-9]{36}|\bsk-[A-Za-z0-9_-]{32,}|"
    rb"-----BEGIN [A-Z ]*PRIVATE KEY-----"
)
READ_AS_TEXT = (".json", ".jsonl", ".md", ".txt", ".yaml", ".yml", ".jinja", ".py", ".toml", ".cfg", ".ini")
MEBIBYTE = 1 << 20
CHECKED_BYTES = 64 * MEBIBYTE


class NotUploaded(RuntimeError):
    """Nothing was sent, or the hub refused it; the message says why and what to do."""


@dataclass(frozen=True, slots=True)
class Upload:
    """One file: its path in the repository, its size, and its bytes where they differ from the disk's."""

    path: str
    source: Path
    size: int
    instead: bytes | None = None


def plan(made: Publication) -> list[Upload]:
    """What would be sent of a checkpoint's folder, in order of paths.

    Raises:
        NotUploaded: something in it must not be published, or nobody could load the adapter.
    """
    folder = made.folder
    found = sorted(path for path in folder.rglob("*") if path.is_symlink() or not path.is_dir())
    uploads, refused = [], []
    for path in found:
        name = path.relative_to(folder).as_posix()
        reason = _why_not(path, name)
        if reason:
            refused.append(f"{name} ({reason})")
            continue
        instead = _cleaned(made, path, name)
        uploads.append(
            Upload(name, path, path.stat().st_size if instead is None else len(instead), instead)
        )
    if refused:
        shown = ", ".join(refused[:8]) + (f" and {len(refused) - 8} more" if len(refused) > 8 else "")
        raise NotUploaded(
            f"{folder} holds what must not be published: {shown}. Publish the run's `final` folder, or "
            "take these files out"
        )
    return uploads


def _why_not(path: Path, name: str) -> str:
    """Why a file must not be published, "" where nothing is against it."""
    if path.is_symlink() or not path.is_file():
        return "a link or no plain file"
    for pattern, reason in (
        (STATE, "state of the training"),
        (SECRET, "looks like a secret"),
        (PICKLED, "pickled: whoever loads it would run what is in it"),
        (HIDDEN, "hidden"),
    ):
        if pattern.fullmatch(name):
            return reason
    if path.suffix.lower() in READ_AS_TEXT or not path.suffix:
        with path.open("rb") as file:
            if SECRET_TEXT.search(file.read(CHECKED_BYTES)):
                return "holds what looks like a secret"
    return ""


def _cleaned(made: Publication, path: Path, name: str) -> bytes | None:
    """A file without names of folders of this machine, None where the disk's own is right."""
    if name not in (AGENT_CARD, ADAPTER_CONFIG):
        return None
    text = path.read_text("utf-8")
    held: dict[str, Any] = json.loads(text)
    if name == ADAPTER_CONFIG:
        if not made.base.hub:
            raise NotUploaded(
                f"the adapter's base {made.base.name or 'without a name'} is not on the hub as far as is "
                "known, so nobody could load the adapter: publish the base and give --base OWNER/NAME, or "
                "publish what `screensmith merge` makes of both"
            )
        cleaned = held | {"base_model_name_or_path": made.base.hub}
    else:
        prints = held.get("data_fingerprints") or {}
        cleaned = without_places(held) | {
            "base": made.base.name,
            "data_fingerprints": _renamed(prints),
        }
    return None if cleaned == held else (json.dumps(cleaned, indent=2) + "\n").encode()


def _renamed(prints: dict[str, str]) -> dict[str, str]:
    """Fingerprints by the last part of each place; places of the same name are numbered."""
    renamed: dict[str, str] = {}
    for place, value in prints.items():
        name = str(without_places(place))
        number = 2
        while name in renamed:
            name = f"{without_places(place)} ({number})"
            number += 1
        renamed[name] = value
    return renamed


def lines(uploads: list[Upload], repository: str, *, public: bool, endpoint: str) -> list[str]:
    """What a person reads before anything is sent."""
    width = max(len(upload.path) for upload in uploads)
    total = sum(upload.size for upload in uploads)
    who = "PUBLIC: everybody can read it" if public else "private"
    rows = [
        f"  {upload.path:<{width}}  {upload.size / 1e6:>10.2f} MB"
        + ("  without names of folders of this machine" if upload.instead is not None else "")
        for upload in uploads
    ]
    return [f"to {endpoint}/{repository} ({who}): {len(uploads)} files, {total / 1e6:.2f} MB", *rows]


def send(uploads: list[Upload], repository: str, *, public: bool, message: str, api: HfApi) -> str:
    """Create the repository where it is missing, and send the files in one commit; returns its address.

    Args:
        uploads: of `plan`.
        repository: OWNER/NAME.
        public: whether everybody may read it; a new one is private otherwise.
        message: of the commit.
        api: the hub's library, which knows address and token.

    Raises:
        NotUploaded: the hub cannot be reached, refuses, or has a public repository where a private one is
            meant.
    """
    from huggingface_hub import CommitOperationAdd
    from huggingface_hub.errors import RepositoryNotFoundError

    if not is_hub_name(repository):
        raise NotUploaded(f"{repository!r} is no name of the hub: OWNER/NAME is expected")
    with _explained(repository, api.endpoint):
        try:
            private = api.model_info(repository).private
        except RepositoryNotFoundError:
            api.create_repo(repository, repo_type="model", private=not public, exist_ok=False)
            private = not public
        if private is False and not public:
            raise NotUploaded(
                f"{repository} is there already and public: everybody could read what is sent; "
                "nothing was. Give --public if that is meant, or another name"
            )
        operations = [
            CommitOperationAdd(upload.path, upload.source if upload.instead is None else upload.instead)
            for upload in uploads
        ]
        commit = api.create_commit(
            repository, operations=operations, commit_message=message, repo_type="model"
        )
    return str(commit.commit_url)


@contextlib.contextmanager
def _explained(repository: str, endpoint: str) -> Iterator[None]:
    """Turn what huggingface_hub raises into one sentence."""
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError

    # The library's errors derive from those of its HTTP client, of which there are three generations.
    network: tuple[type[Exception], ...] = (
        *(base for base in HfHubHTTPError.__bases__ if issubclass(base, Exception)),
        OSError,
    )
    try:
        yield
    except HFValidationError as error:
        raise NotUploaded(f"{repository!r} is no name of the hub: {error}") from error
    except network as error:
        if isinstance(error, OSError) and error.filename is not None:
            raise  # the disk's, not the network's
        status = getattr(getattr(error, "response", None), "status_code", None)
        said = " ".join(str(error).split())[:300] or type(error).__name__
        remedy = {
            401: "set HF_TOKEN to a token that may write",
            403: "the token may not write there",
        }.get(status or 0, "check the network and HF_ENDPOINT; the same command begins again")
        raise NotUploaded(f"cannot publish {repository} at {endpoint}: {said}; {remedy}") from error
    except ValueError as error:  # the library's own check of the front matter
        raise NotUploaded(f"the hub refuses {repository}: {' '.join(str(error).split())[:300]}") from error
