"""Texts with one meaning, and texts that only look so: the strict forms among the vectors."""

from __future__ import annotations

from typing import Any


def strict_forms() -> dict[str, Any]:
    """Return texts with one meaning and texts that only look so."""
    return {
        "decimal": {
            "good": ["0", "7", "10", "9223372036854775807"],
            "bad": [
                "", "00", "01", "+1", "-0", "1_0", "+1_0", " 1", "1 ", "1\n", "1.0", "0x1", "²",
                "٣", "9223372036854775808", "9" * 5000,
            ],
        },
        "base64": {
            "good": ["", "AA==", "AAA=", "AAAA", "+/+/"],
            "bad": [
                "AB==", "AAB=", "AA", "AA=", "AAA", "AAAA=", "-_-_", "AA==\n", " AA==", "A A=",
                "=AA=", "AA==AA==", "é",
            ],
        },
        "hex_2_bytes": {
            "good": ["0000", "ffee"],
            "bad": ["FFEE", "ff", "ffeeff", "ff ee", "0xff", "ffe", "fffg", "", "ｆｆee"],
        },
        "text": {
            # The last two: dash and space in Unicode 3.2, format characters only since.
            "good": [
                "", "plain", "碳簿", "Größe", "한글", "10 t CO₂e", "x\u0327", "\u3000", "a\u00adb",
                "a\u200bb",
            ],
            "bad": {
                "control": "a\u0000",
                "DEL": "a\u007f",
                "C1 control": "a\u0085",
                "zero width joiner (format)": "a\u200d",
                "right to left override": "a\u202e",
                "line separator": "a\u2028b",
                "paragraph separator": "a\u2029b",
                "private use": "\ue000",
                "byte order mark": "\ufeffa",
                "not NFC": "e\u0301",
                "singleton, never NFC": "\u212b",
                "assigned after Unicode 3.2": "\u0221",
                "emoji of Unicode 6": "\U0001f600",
                "noncharacter": "\uffff",
                "lone surrogate": "\ud800",
            },
        },
    }  # fmt: skip


def canonical_forms() -> dict[str, Any]:
    """Return canonical JSON and bytes that are not, all in hex."""
    good = [
        "0", "9007199254740991", '""', "true", "[]", "{}", '{"a":1,"b":[true,false,"x"]}',
        '{"a_1":{"b":{"c":{"d":{"e":{"f":{"g":{"h":0}}}}}}}}', '["\\"\\\\/"]',
        '{"memo":"碳普惠"}', '{"0":1,"_":2,"a":3}',
    ]  # fmt: skip
    bad: dict[str, str | bytes] = {
        "nothing": "",
        "blank before": " 0",
        "blank after": "0\n",
        "blank between": '{"a": 1}',
        "keys out of order": '{"b":1,"a":2}',
        "double key": '{"a":1,"a":1}',
        "double key, other values": '{"a":1,"a":2}',
        "upper-case key": '{"A":1}',
        "empty key": '{"":1}',
        "key with a hyphen": '{"a-b":1}',
        "key of another script": '{"é":1}',
        "null": "null",
        "null inside": '{"a":[null]}',
        "float": "1.0",
        "exponent": "1e2",
        "large exponent": "1e300",
        "too large a float": "1e400",
        "minus": "-1",
        "minus zero": "-0",
        "plus": "+1",
        "leading zero": "01",
        "2^53": "9007199254740992",
        "2^64": "18446744073709551616",
        "4,000 digits": "1" * 4000,
        "NaN": "NaN",
        "Infinity": "[Infinity]",
        "depth 9": "[" * 9 + "]" * 9,
        "depth 3,000": "[" * 3_000 + "]" * 3_000,
        "two values": "0 0",
        "comma at the end": "[0,]",
        "single quotes": "['a']",
        "comment": "[0/**/]",
        "byte order mark": b"\xef\xbb\xbf0",
        "UTF-16": "[0]".encode("utf-16-le"),
        "not UTF-8": b'["\xff"]',
        "overlong": b'["\xc0\xaf"]',
        "surrogate in UTF-8": b'["\xed\xa0\x80"]',
        "lone surrogate escaped": '["\\ud800"]',
        "pair escaped": '["\\ud83d\\ude00"]',
        "needless escape": '["\\u0061"]',
        "escaped slash": '["\\/"]',
        "escaped line feed": '["\\n"]',
        "raw line feed": '["\n"]',
        "DEL": '["\x7f"]',
        "line separator": '["\u2028"]',
        "not NFC": '["e\u0301"]',
        "assigned after Unicode 3.2": '["\u0221"]',
    }
    return {
        "good": [text.encode().hex() for text in good],
        "bad": {
            name: (value if isinstance(value, bytes) else value.encode()).hex()
            for name, value in bad.items()
        },
    }
