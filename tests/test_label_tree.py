"""Labels are read as a tree of tokens: what they begin with in common once, in as few passes as they fork."""

from hypothesis import given
from hypothesis import strategies as st

from harness.training import label_tree
from harness.training.label_tree import Predicted, Stage

END = 1
LABELS = st.lists(st.lists(st.integers(2, 4), min_size=1, max_size=5), min_size=1, max_size=8, unique_by=tuple)


def test_labels_that_begin_differently_take_one_stage_after_the_prompt():
    labels = [[5, 6, END], [7, END]]
    assert label_tree.first(labels) == [Predicted(0, 0, 5), Predicted(1, 0, 7)]
    predicted = [Predicted(0, 0, 6), Predicted(0, 1, END), Predicted(1, 2, END)]
    assert label_tree.stages(labels) == [Stage(parents=[0, 0], rows=[[5, 6], [7, 7]], predicted=predicted)]


def test_labels_that_go_on_differently_follow_what_they_have_in_common():
    labels = [[5, 6, 7, END], [5, 6, 8, END], [9, END]]
    assert label_tree.stages(labels) == [
        Stage(
            parents=[0, 0],
            rows=[[5, 6], [9, 9]],
            predicted=[
                Predicted(0, 0, 6),
                Predicted(0, 1, 7),
                Predicted(1, 0, 6),
                Predicted(1, 1, 8),
                Predicted(2, 2, END),
            ],
        ),
        Stage(parents=[0, 0], rows=[[7], [8]], predicted=[Predicted(0, 0, END), Predicted(1, 1, END)]),
    ]


def test_a_label_that_another_one_begins_with_needs_no_row_of_its_own():
    (stage,) = label_tree.stages([[5, END], [5, 6, 7, END]])
    assert stage.rows == [[5, 6, 7]]


@given(LABELS)
def test_every_token_is_predicted_once_after_all_that_comes_before_it_in_its_label(labels):
    labels = [[*label, END] for label in labels]
    found = [(each.label, (), each.token) for each in label_tree.first(labels)]
    rows, places = [()], []
    stages = label_tree.stages(labels)
    for stage in stages:
        before, width = [rows[parent] for parent in stage.parents], len(stage.rows[0])
        for label, place, token in stage.predicted:
            row, last = divmod(place, width)
            read = (*before[row], *stage.rows[row][: last + 1])
            found.append((label, read, token))
            places.append((read, id(stage), place))
        rows = [(*start, *row) for start, row in zip(before, stage.rows, strict=True)]
    expected = {(n, tuple(ids[:k]), ids[k]) for n, ids in enumerate(labels) for k in range(len(ids))}
    assert set(found) == expected
    assert len(found) == len(expected)
    assert len({*places}) == len({read for read, *_ in places}), "the same beginning was read twice"
    assert len(stages) < max(map(len, labels))
