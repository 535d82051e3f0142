"""A budget that many calls at once cannot pass: each reserves the most that it can cost before it is sent."""

from __future__ import annotations

from decimal import Decimal
from threading import Lock


class Budget:
    """USD. `spent` is known; `at_risk` may have been billed too, for answers that did not come."""

    def __init__(self, budget: Decimal) -> None:
        self._budget, self._reserved, self._lock = budget, Decimal(0), Lock()
        self.spent = self.at_risk = Decimal(0)

    def reserve(self, amount: Decimal) -> bool:
        """Holds an amount back for a call; False, and nothing held, where the budget could be passed."""
        with self._lock:
            if self.spent + self.at_risk + self._reserved + amount > self._budget:
                return False
            self._reserved += amount
            return True

    def settle(self, reserved: Decimal, paid: Decimal, at_risk: Decimal) -> None:
        """A call is over: what was held back for it is free again, but for what it cost."""
        with self._lock:
            self._reserved -= reserved
            self.spent += paid
            self.at_risk += at_risk
