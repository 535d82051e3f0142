import json
import unicodedata

from hypothesis import given
from hypothesis import strategies as st

from cachekit.core.jsonio.dump import dump_json

ANY = st.recursive(
    st.none() | st.integers() | st.text(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)
)


@given(ANY)
def test_nothing_is_lost(value):
    assert json.loads(dump_json(value)) == value


@given(st.text())
def test_nothing_steers_a_terminal(text):
    shown = dump_json({"name": f"\x1b[31m\x9b31m\u202e{text}"})
    assert not any(
        unicodedata.category(sign) == "Cc" or sign in "\u202a\u202b\u202d\u202e\u2066\u2067" for sign in shown
    )


def test_text_stays_readable():
    assert dump_json("Grüße 東京") == '"Grüße 東京"'
