"""Filters made by code."""

from __future__ import annotations

import pickle

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import slicebank as sb
from slicebank import filters
from slicebank.filters import absent, exact, field, flag, mask, split, unknown

PAIRS = [
    (field("modality") == "CT", "modality = 'CT'"),
    (field("modality") != "CT", "modality != 'CT'"),
    (field("class").isin(["liver", "spleen"]), "class IN ('liver', 'spleen')"),
    (field("class").notin(["liver", "spleen"]), "class NOT IN ('liver', 'spleen')"),
    (field("class") == exact("kidney"), "class = exact('kidney')"),
    (field("class").isin([exact("kidney")]), "class IN (exact('kidney'))"),
    (field("area") >= 300, "area >= 300"),
    (field("width") * field("height") / 2 > 4000.5, "width * height / 2 > 4000.5"),
    (10000 - field("width") * 100 < 500, "10000 - width * 100 < 500"),
    (field("slice").between(0, 1), "slice BETWEEN 0 AND 1"),
    (field("patient").like("%1%"), "patient LIKE '%1%'"),
    (field("sequence").is_null(), "sequence IS NULL"),
    (field("sequence").is_not_null(), "sequence IS NOT NULL"),
    (mask((field("class") == "liver") & (field("area") > 200)), "mask(class = 'liver' AND area > 200)"),
    (mask((field("area") > 50) & ~flag("touches_border")), "mask(area > 50 AND NOT touches_border)"),
    (absent("spleen"), "absent('spleen')"),
    (unknown("optic disc") | (field("modality") == "MR"), "unknown('optic disc') OR modality = 'MR'"),
    (~(field("modality") == "CT"), "NOT modality = 'CT'"),
    (filters.everything(), ""),
]


@pytest.mark.parametrize(("made", "text"), PAIRS, ids=[text or "all" for _, text in PAIRS])
def test_a_filter_by_code_finds_what_the_text_finds(
    bank: sb.Bank, made: filters.Condition, text: str
) -> None:
    assert bank.where(made) == bank.where(text) and bank.count(made) == bank.count(text)
    again = pickle.loads(pickle.dumps(made))
    assert str(again) == str(made) and bank.where(str(made)) == bank.where(text)


@settings(max_examples=60, deadline=None)
@given(tree=st.recursive(
    st.sampled_from(PAIRS[:16]),
    lambda inner: st.one_of(
        st.tuples(inner, inner).map(lambda p: (p[0][0] & p[1][0], f"({p[0][1]}) AND ({p[1][1]})")),
        st.tuples(inner, inner).map(lambda p: (p[0][0] | p[1][0], f"({p[0][1]}) OR ({p[1][1]})")),
        inner.map(lambda p: (~p[0], f"NOT ({p[1]})")),
    ),
    max_leaves=6,
))
def test_joined_conditions_are_joined_texts(bank: sb.Bank, tree: tuple[filters.Condition, str]) -> None:
    made, text = tree
    assert bank.where(made) == bank.where(text)


def test_split_sides_by_code(own_bank: sb.Bank) -> None:
    own_bank.all().split({"train": 0.6, "val": 0.4}, name="main", save=True)
    assert own_bank.where(split("main", "train")) == own_bank.side("main:train")
    assert len(own_bank.where(split("main"))) == len(own_bank)
    assert own_bank.where(~split("main", "train")) == own_bank.side("main:val")


def test_mistakes_are_those_of_texts(bank: sb.Bank) -> None:
    with pytest.raises(sb.QueryError, match="did you mean class"):
        bank.where(field("clas") == "liver")
    with pytest.raises(sb.QueryError, match="liver"):
        bank.where(field("class") == "livr")
    with pytest.raises(TypeError, match="&"):
        bank.where((field("modality") == "CT") and flag("touches_border"))
    with pytest.raises(TypeError):
        field("area") == object()
    with pytest.raises(TypeError):
        field("area") + "x"  # type: ignore[operator]
    with pytest.raises(sb.BadArgument):
        field("class").isin(["liver", exact("kidney")])


def test_a_filter_is_explained(bank: sb.Bank) -> None:
    text = "modality = 'CT' AND mask(class = 'liver' AND area > 200)"
    parts = bank.explain_parts(text)
    assert parts["text"] and parts["tree"].count("\n") >= 3 and parts["normal"]
    assert parts["ids"].lstrip().upper().startswith("SELECT") or parts["facets"]
    assert "liver" in bank.explain(filters.parse(text))
    with pytest.raises(sb.QueryError):
        bank.explain("modality =")
