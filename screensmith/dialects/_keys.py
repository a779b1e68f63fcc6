"""Names of keys: those of the DOM's `KeyboardEvent.key`, which actions hold, and PyAutoGUI's."""

from __future__ import annotations

from collections.abc import Mapping

from screensmith.dialects import Unreadable, Unsupported

# DOM names on the left; the first name on the right is written, all are read in any case of letters.
# Source: `KEYBOARD_KEYS` of PyAutoGUI 0.9.54, and the names that models use besides.
_KEYS: Mapping[str, tuple[str, ...]] = {
    "Control": ("ctrl", "ctrlleft", "ctrlright", "control"),
    "Shift": ("shift", "shiftleft", "shiftright"),
    "Alt": ("alt", "altleft", "altright", "option", "optionleft", "optionright"),
    "Meta": ("win", "winleft", "winright", "command", "cmd", "super", "meta"),
    "Enter": ("enter", "return", "\n", "\r"),
    "Escape": ("esc", "escape"),
    "Backspace": ("backspace",),
    "Delete": ("delete", "del"),
    "Tab": ("tab", "\t"),
    " ": ("space",),
    "ArrowUp": ("up", "arrowup"),
    "ArrowDown": ("down", "arrowdown"),
    "ArrowLeft": ("left", "arrowleft"),
    "ArrowRight": ("right", "arrowright"),
    "PageUp": ("pageup", "pgup", "page_up"),
    "PageDown": ("pagedown", "pgdn", "pgdown", "page_down"),
    "Home": ("home",),
    "End": ("end",),
    "Insert": ("insert",),
    "CapsLock": ("capslock",),
    "NumLock": ("numlock",),
    "ScrollLock": ("scrolllock",),
    "Pause": ("pause",),
    "PrintScreen": ("printscreen", "prntscrn", "prtsc", "prtscr", "print"),
    "ContextMenu": ("apps", "contextmenu"),
    "Help": ("help",),
    "Clear": ("clear",),
    "Select": ("select",),
    "Execute": ("execute",),
    "Fn": ("fn",),
    "AudioVolumeUp": ("volumeup",),
    "AudioVolumeDown": ("volumedown",),
    "AudioVolumeMute": ("volumemute",),
    "MediaPlayPause": ("playpause",),
    "MediaStop": ("stop",),
    "MediaTrackNext": ("nexttrack",),
    "MediaTrackPrevious": ("prevtrack",),
    "BrowserBack": ("browserback",),
    "BrowserForward": ("browserforward",),
    "BrowserHome": ("browserhome",),
    "BrowserRefresh": ("browserrefresh",),
    "BrowserSearch": ("browsersearch",),
    "BrowserStop": ("browserstop",),
    "BrowserFavorites": ("browserfavorites",),
    "AppSwitch": ("recent", "recents", "appswitch"),
    **{f"F{number}": (f"f{number}",) for number in range(1, 25)},
}
_NUMBER_PAD: Mapping[str, str] = {
    "add": "+",
    "subtract": "-",
    "multiply": "*",
    "divide": "/",
    "decimal": ".",
    **{f"num{digit}": str(digit) for digit in range(10)},
}
_READ: Mapping[str, str] = {
    **{name: key for key, names in _KEYS.items() for name in names},
    **_NUMBER_PAD,
}


def key_of(name: object) -> str:
    """The DOM's name of a key that PyAutoGUI or a model names; a single character is itself.

    Raises:
        Unreadable: there is no such key.
    """
    if not isinstance(name, str) or not name:
        raise Unreadable("key is not a name")
    key = _READ.get(name.lower())
    if key is None and len(name) == 1:
        return name
    if key is None:
        raise Unreadable("unknown key")
    return key


def name_of(key: str) -> str:
    """PyAutoGUI's name of one of the DOM's keys.

    Raises:
        Unsupported: it has none.
    """
    if key in _KEYS:
        return _KEYS[key][0]
    if len(key) == 1 and key not in _READ:
        return key
    raise Unsupported(f"no name for the key {key!r}")
