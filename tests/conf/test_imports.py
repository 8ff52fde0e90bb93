"""Imports have no circles, and the picture in docs shows them as they are."""

import graphlib

import pytest
from docs.draw_layers import PICTURE, draw, drawn_graph, frameworks, module_graph, room_graph


@pytest.fixture(scope="module")
def modules():
    return module_graph()


def circle(graph):
    """Names that import each other in turn; none if there is no circle."""
    try:
        graphlib.TopologicalSorter(graph).prepare()
    except graphlib.CycleError as error:
        return error.args[1]
    return []


def test_no_two_files_import_each_other_by_any_way_round(modules):
    assert len(modules) > 100
    assert circle(modules) == []


def test_no_two_rooms_import_each_other_by_any_way_round(modules):
    assert circle(room_graph(modules)) == []


def test_a_circle_would_be_found(modules):
    two_files = {**modules, "seqrec.tables.columns": {"seqrec.tables.contracts"}}
    assert set(circle(two_files)) == {"seqrec.tables.columns", "seqrec.tables.contracts"}
    upwards = {**modules, "seqrec.ops.backend": {"seqrec.pipelines"}}
    assert "ops" in circle(room_graph(upwards))


def test_the_picture_shows_the_imports_as_they_are(modules):
    rooms = room_graph(modules)
    assert drawn_graph(PICTURE.read_text(encoding="utf-8")) == rooms, "draw it anew: make layers"


def test_another_import_would_be_another_picture(modules):
    rooms = room_graph(modules)
    more = {**rooms, "serving": rooms["serving"] | {"record"}}
    assert drawn_graph(draw(more, frameworks())) == more
    assert drawn_graph(PICTURE.read_text(encoding="utf-8")) != more


def test_only_the_bridge_is_drawn_as_importing_recbole():
    assert [room for room, name in frameworks().items() if name == "recbole"] == ["recbole_bridge"]
