import pytest
from helpers import REPOSITORY

from cnn_estimator.tf1.differences import DIFFERENCES


@pytest.mark.unit
def test_the_page_of_numbers_has_each_name_that_computes_other_numbers():
    page = (REPOSITORY / "docs" / "numbers.md").read_text(encoding="utf-8")
    assert not [name for name in DIFFERENCES if name.rpartition(".")[2] not in page]
