"""Action lists in the spellings found in the wild."""

import pytest

from slowfast_paddle.data.ava_labels import action_list, read_label_map, write_label_map
from slowfast_paddle.errors import DataError


def test_lists_as_found_agree(shared_data):
    block = read_label_map(shared_data / "ava_nest/action_list_as_found.pbtxt")
    assert block == read_label_map(shared_data / "ava_nest/labelmap_as_found.txt")
    assert block[8] == "EggTurning" and len(block) == 8


def test_official_lists(shared_data):
    sixty = read_label_map(shared_data / "ava_slice/ava_action_list_v2.1_for_activitynet_2018.pbtxt.txt")
    assert sixty == read_label_map(shared_data / "labels/label_map_ava.txt")
    assert len(sixty) == 60 and sixty[1] == "bend/bow (at the waist)"
    same_name = read_label_map(shared_data / "ava_slice/mmaction2_ava_sample/action_list.txt")
    assert list(same_name) == [12, 17, 79, 80] and same_name[79] == same_name[80]


def test_blocks_on_one_line_comments_and_quotes(tmp_path):
    path = tmp_path / "map.pbtxt"
    path.write_text('# actions\nitem { id: 3 name: "say {\\"hi\\"}" }\nlabel{\n name: \'run\'\n label_id: 7 }\n')
    assert read_label_map(path) == {3: 'say {"hi"}', 7: "run"}
    write_label_map(path, {3: 'say {"hi"}', 7: "run"})
    assert read_label_map(path) == {3: 'say {"hi"}', 7: "run"}


@pytest.mark.parametrize(
    "text, message",
    [
        ("", "holds no classes"),
        ('item { name: "a" }', ":1: the block has no id"),
        ("item {\n id: 1\n}", ":1: the block has no name"),
        ('item { name: "a" id: one }', ":1: the id is 'one'"),
        ('item { name: "a" id: 1 }\nitem { name: "b" id: 1 }', ":2: class 1 is named twice"),
        ('item { name: "a" id: 1', ":1: the block is never closed"),
        ('item { name: "a"\nitem { id: 1 }', ":2: a block begins inside"),
        ("1: run\nwalk", ":2: 'walk' is not a class"),
    ],
)
def test_mistakes_are_named(tmp_path, text, message):
    path = tmp_path / "map.pbtxt"
    path.write_text(text)
    with pytest.raises(DataError) as err:
        read_label_map(path)
    assert message in str(err.value)


def test_columns():
    assert action_list({12: "a", 17: "b", 3: "c"}).columns == {12: 0, 17: 1, 3: 2}
    ava = action_list({1: "a", 80: "b"}, num_classes=80)
    assert ava.columns[2] == 1 and ava.label_of_column().tolist() == list(range(1, 81))
    with pytest.raises(DataError, match="2 classes numbered 12 to 17 do not fit 3 outputs"):
        action_list({12: "a", 17: "b"}, num_classes=3)
