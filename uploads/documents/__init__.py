"""Receipts as documents: PDF and CSV. ``sheet`` is the one door to the PDF library."""
