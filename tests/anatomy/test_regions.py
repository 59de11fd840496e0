from procguide.anatomy import BONE, POSTERIOR_ELEMENTS, VERTEBRA, Region, Side


def test_numbers_are_a_contract():
    numbers = [region.value for region in Region]
    assert numbers == list(range(len(numbers)))
    assert (Region.BODY, Region.ARCH, Region.DISC, Region.SACRUM, Region.CANAL) == (1, 8, 9, 10, 11)


def test_a_vertebra_is_its_body_and_posterior_elements():
    assert set(VERTEBRA) == {Region.BODY, *POSTERIOR_ELEMENTS}
    assert set(VERTEBRA) < set(BONE)
    assert Region.CANAL not in BONE


def test_labels_are_words():
    assert Region.SUPERIOR_ARTICULAR_PROCESS.label == "superior articular process"


def test_left_is_positive_x():
    assert (Side.LEFT.sign, Side.RIGHT.sign) == (1, -1)
    assert f"{Side.LEFT}" == "left"
