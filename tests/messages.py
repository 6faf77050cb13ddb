"""Brings the translations up to date: ``python -m tests.messages``.

Collects every sentence of the portal, keeps what is translated, and compiles. What is new is empty: translate
it in ``uploads/locale/*/LC_MESSAGES/*.po`` and run this again.
"""

import sys

from tests.languages.collecting import DOMAINS, LANGUAGES, po_file, write

if __name__ == "__main__":
    for language in LANGUAGES:
        for domain in DOMAINS:
            left = write(domain, language)
            sys.stdout.write(f"{po_file(domain, language)}: {left} not translated\n")
