"""What was refused, and why: nothing is silently dropped or replaced."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path


class Refused(ValueError):
    """Raised for a row, step or episode that cannot be used; `reason` is a short, countable phrase."""

    def __init__(self, reason: str, detail: str = "") -> None:
        super().__init__(f"{reason}: {detail}" if detail else reason)
        self.reason = reason
        self.detail = detail


@dataclass(frozen=True, slots=True)
class Refusal:
    """One refused row: its id, a short countable reason, and the particulars."""

    id: str
    reason: str
    detail: str = ""


class RefusalLog:
    """Collects refusals, and how many rows were looked at, for a summary and a quarantine list."""

    def __init__(self) -> None:
        self._refusals: list[Refusal] = []
        self.considered = 0

    def consider(self, count: int = 1) -> None:
        """Count rows that were looked at, whether they were then refused or not."""
        self.considered += count

    def add(self, id: str, reason: str, detail: str = "") -> None:
        """Record one refused row."""
        self._refusals.append(Refusal(id, reason, detail))

    def extend(self, refusals: Iterable[Refusal]) -> None:
        """Record refusals collected elsewhere."""
        self._refusals.extend(refusals)

    def __iter__(self) -> Iterator[Refusal]:
        return iter(self._refusals)

    def __len__(self) -> int:
        return len(self._refusals)

    @property
    def share(self) -> float:
        """Refused rows as a share of the rows considered, 0 when none were."""
        return len(self) / self.considered if self.considered else 0.0

    def by_reason(self) -> Counter[str]:
        """How often each reason occurred."""
        return Counter(refusal.reason for refusal in self)

    def summary(self) -> str:
        """One line: how many of how many were refused, and why."""
        if not self:
            return f"0 of {self.considered} refused"
        reasons = ", ".join(f"{count} {reason}" for reason, count in self.by_reason().most_common())
        return f"{len(self)} of {self.considered} refused ({self.share:.1%}): {reasons}"

    def write(self, path: Path) -> None:
        """Write the quarantine list: one JSON object a line with id, reason and detail."""
        path.parent.mkdir(parents=True, exist_ok=True)
        lines = (json.dumps(asdict(refusal), ensure_ascii=False) for refusal in self)
        path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
