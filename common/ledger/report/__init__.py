"""The ledger as a static site: no network, no build, readable without a script."""

from common.ledger.report.site import write_report

__all__ = ["write_report"]
