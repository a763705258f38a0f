"""The tree of a page has only listed elements and attributes, and the text of all others."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fitmodel.reports.html import BLOCKS, DRAWN, VOID, Section, html_tree, render, section_tree


def node(tag, *children, **attributes):
    return {"tag": tag, "attributes": attributes, "children": list(children)}


def texts(nodes):
    for each in nodes:
        yield from [each] if isinstance(each, str) else texts(each["children"])


def tags(nodes):
    for each in nodes:
        if not isinstance(each, str):
            yield each["tag"]
            yield from tags(each["children"])


def test_elements_are_nested_as_in_the_page() -> None:
    tree = html_tree(
        '<div class="a"><p id="b">one <em>two</em> three</p><ul><li>four</li></ul></div>'
    )

    inner = node("p", "one ", node("em", "two"), " three", id="b")
    assert tree == [node("div", inner, node("ul", node("li", "four")), **{"class": "a"})]


@pytest.mark.parametrize("tag", sorted(BLOCKS - VOID))
def test_every_listed_element_is_kept_with_its_text(tag) -> None:
    assert html_tree(f"<{tag}>x</{tag}>") == [node(tag, "x")]


@pytest.mark.parametrize("tag", sorted(VOID))
def test_a_void_element_does_not_contain_the_following_text(tag) -> None:
    assert html_tree(f"<p>a<{tag}>b</p>") == [node("p", "a", node(tag), "b")]
    assert html_tree(f"<p>a<{tag}/>b</p>") == [node("p", "a", node(tag), "b")]


@pytest.mark.parametrize("tag", ["a", "button", "form", "iframe", "object", "input", "style2"])
def test_an_unlisted_element_is_replaced_by_its_text(tag) -> None:
    assert html_tree(f'<p>a <{tag} href="x">b</{tag}> c</p>') == [node("p", "a ", "b", " c")]


@pytest.mark.parametrize("name", ["onclick", "style", "href", "src", "action", "data-x"])
def test_an_unlisted_attribute_is_left_out(name) -> None:
    assert html_tree(f'<p {name}="x" class="y">a</p>') == [node("p", "a", **{"class": "y"})]


def test_attributes_of_shapes_are_kept_only_in_svg() -> None:
    assert html_tree('<path d="M0" fill="none" onload="x"></path>') == [
        node("path", d="M0", fill="none")
    ]
    assert html_tree('<p d="M0" fill="none">a</p>') == [node("p", "a")]


def test_svg_names_get_their_capital_letters_back() -> None:
    tree = html_tree(
        '<svg viewBox="0 0 1 1" preserveAspectRatio="none"><clipPath><rect/></clipPath></svg>'
    )

    (svg,) = tree
    assert svg["attributes"] == {"viewBox": "0 0 1 1", "preserveAspectRatio": "none"}
    assert svg["children"][0]["tag"] == "clipPath"
    assert set(tags(tree)) <= {"svg", "clipPath", "rect"}


def test_an_attribute_without_a_value_is_empty() -> None:
    assert html_tree("<td class>x</td>") == [node("td", "x", **{"class": ""})]


def test_an_unclosed_element_ends_with_its_parent() -> None:
    inner = node("p", "a", node("strong", "b"))
    assert html_tree("<div><p>a<strong>b</div>c") == [node("div", inner), "c"]


def test_an_end_tag_without_a_start_tag_is_ignored() -> None:
    assert html_tree("<p>a</li></div>b</p>") == [node("p", "a", "b")]


def test_spaces_between_elements_are_kept_except_at_the_beginning() -> None:
    assert html_tree("<ul> <li>a</li></ul>") == [node("ul", node("li", "a"))]
    assert html_tree("<p><em>a</em> <em>b</em></p>") == [
        node("p", node("em", "a"), " ", node("em", "b"))
    ]
    assert html_tree("  \n") == []


def test_html_entities_in_a_text_become_characters() -> None:
    assert html_tree("<p>&lt;script&gt; &amp; &quot;x&quot;</p>") == [node("p", '<script> & "x"')]


@given(st.text())
def test_for_any_value_only_listed_elements_are_in_the_tree(text) -> None:
    tree = html_tree(f"<section><p>{text}</p></section>")

    lower = {tag.casefold() for tag in tags(tree)}
    assert lower <= BLOCKS | DRAWN


def test_a_section_has_id_title_and_text() -> None:
    values = {
        "id": "teams", "title": "By team", "why": "Too few deals.", "points": [], "rows": [],
        "text": {},
    }  # fmt: skip
    from fitmodel.language.catalogue import read_texts

    values["text"] = read_texts("en", "sales_page")
    section = Section("_counts.html.j2", values)
    result = section_tree(section)

    assert (result["id"], result["title"]) == ("teams", "By team")
    assert "Too few deals." in "".join(texts(result["nodes"]))
    assert result["nodes"] == html_tree(render("_counts.html.j2", values=values))
