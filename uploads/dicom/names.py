"""Files that computers and viewers leave on every CD and in every ZIP, told by their names."""

from typing import Final

SYSTEM_FOLDERS: Final = frozenset({"__macosx", ".spotlight-v100", ".trashes", ".fseventsd", "$recycle.bin"})
SYSTEM_FILES: Final = frozenset({".ds_store", "thumbs.db", "ehthumbs.db", "desktop.ini", "autorun.inf"})
APPLE_DOUBLE: Final = "._"
# Endings of a viewer's programs, pages, pictures and settings. No image is named so.
VIEWER_ENDINGS: Final = frozenset(
    {
        *("bat", "bmp", "cfg", "chm", "class", "cmd", "com", "css", "dll", "doc"),
        *("docx", "exe", "gif", "hlp", "htm", "html", "ico", "inf", "ini", "jar"),
        *("jpeg", "jpg", "js", "lnk", "log", "md", "ocx", "pdf", "png", "rtf"),
        *("swf", "sys", "txt", "url", "xml", "xsl"),
    }
)


def is_system_name(path: str) -> bool:
    """Say whether the path names a file of the system. The name is a hint: no other file is told by it."""
    *folders, name = path.replace("\\", "/").lower().split("/")
    return name.startswith(APPLE_DOUBLE) or name in SYSTEM_FILES or not SYSTEM_FOLDERS.isdisjoint(folders)


def is_empty_by_nature(path: str) -> bool:
    """Say whether a file of 0 bytes is nothing to miss. Any other was an image, until a copy went wrong."""
    name = path.replace("\\", "/").rsplit("/", 1)[-1].lower()
    _, dot, ending = name.rpartition(".")
    return is_system_name(path) or name.startswith(".") or (dot != "" and ending in VIEWER_ENDINGS)
