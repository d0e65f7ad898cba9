import hypothesis
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from cnn_estimator.data import pictures
from cnn_estimator.data.datasets import FASHION_MNIST, MNIST
from cnn_estimator.errors import UserError

pytestmark = pytest.mark.unit


def read(path, dataset=FASHION_MNIST, invert="auto"):
    return pictures.read(str(path), dataset=dataset, invert=invert)


def arrow(size=(280, 140)):
    """A shape that every rotation or reflection changes: grey 200 on 0, brighter at its upper left."""
    width, height = size
    pixels = np.zeros((height, width), np.uint8)
    pixels[:, : width // 4] = 200
    pixels[: height // 4] = 200
    pixels[: height // 4, : width // 4] = 255
    return Image.fromarray(pixels)


@pytest.fixture(scope="module")
def expected():
    """The arrow as a training image: 28 wide, 14 high, in the middle."""
    image = np.zeros((28, 28))
    image[7:21, 0:7] = image[7:11] = 200 / 255
    image[7:11, 0:7] = 1
    return image


def on_background(image, background, size=(500, 400), corner=(31, 77)):
    canvas = Image.new("L", size, background)
    canvas.paste(image, corner)
    return canvas


def is_near(picture, expected):
    """Returns whether the images are equal, except at edges, where pixels are mixed."""
    assert (picture.image.shape, picture.image.dtype) == ((28, 28), np.float32)
    difference = np.abs(picture.image - expected)
    return np.mean(difference > 0.08) < 0.08 and difference.mean() < 0.03


def test_an_image_of_28x28_pixels_stays_as_it_is(tmp_path):
    pixels = np.random.default_rng(1).integers(0, 256, (28, 28), np.uint8)
    pixels[[0, -1]] = 0
    Image.fromarray(pixels).save(tmp_path / "a.png")
    picture = read(tmp_path / "a.png")
    assert not picture.inverted
    np.testing.assert_array_equal(picture.image, pixels / np.float32(255))


def test_a_background_is_plain_where_nearly_all_of_the_border_has_one_grey(tmp_path):
    def is_plain(image):
        image.save(tmp_path / "a.png")
        return read(tmp_path / "a.png").plain_background

    generator = np.random.default_rng(1)
    assert is_plain(on_background(arrow(), 30))
    noise = np.clip(generator.normal(200, 8, (300, 300)), 0, 255).astype(np.uint8)
    noise[100:200, 100:300] = 20  # an object that touches one side
    assert is_plain(Image.fromarray(noise))
    noise[:, :150] //= 2  # a wall and a table
    assert not is_plain(Image.fromarray(noise))
    assert not is_plain(Image.fromarray(generator.integers(0, 256, (60, 60), np.uint8)))
    shadow = np.tile(np.linspace(60, 250, 300), (300, 1)).astype(np.uint8)
    assert not is_plain(Image.fromarray(shadow))
    assert is_plain(Image.fromarray(shadow[:28, :28] + generator.integers(0, 100, (28, 28), np.uint8)))


def test_an_object_is_cropped_and_centred(tmp_path, expected):
    on_background(arrow(), 0).save(tmp_path / "a.png")
    picture = read(tmp_path / "a.png")
    assert is_near(picture, expected)
    assert not picture.inverted


def test_a_digit_is_smaller_and_centred_on_its_mass(tmp_path):
    on_background(arrow((200, 200)), 0).save(tmp_path / "a.png")
    image = read(tmp_path / "a.png", MNIST).image
    rows, columns = np.nonzero(image > 0.1)
    assert (np.ptp(rows) + 1, np.ptp(columns) + 1) == (20, 20)
    assert np.abs(np.argwhere(image >= 0).T @ image.ravel() / image.sum() - 13.5).max() <= 0.5


@pytest.mark.parametrize("turns", range(4))
def test_a_digit_with_its_mass_at_one_edge_stays_in_the_image(tmp_path, turns):
    pixels = np.zeros((200, 200), np.uint8)
    pixels[:20] = 255
    pixels[20:, 90:110] = 200
    on_background(Image.fromarray(np.rot90(pixels, turns)), 0).save(tmp_path / "a.png")
    rows, columns = np.nonzero(read(tmp_path / "a.png", MNIST).image > 0.1)
    assert (np.ptp(rows) + 1, np.ptp(columns) + 1) == (20, 20)
    assert {rows.min(), columns.min()} in ({0, 4}, {4, 8})  # as near to the middle as the edge allows


@pytest.mark.parametrize("background", [255, 230, 160])
def test_a_bright_background_is_inverted_to_black(tmp_path, background):
    dark = arrow().point(lambda grey: round((255 - grey) * background / 255))
    on_background(dark, background).save(tmp_path / "a.jpg", quality=95)
    picture = read(tmp_path / "a.jpg")
    assert picture.inverted
    image = picture.image
    assert image[0].max() < 0.05
    assert image[13:20, 9:27].max() < 0.05  # the background inside the object's box
    assert image[8:11, 1:6].min() > image[8:11, 9:27].max() > image[14:20, 1:6].min() - 0.1 > 0.5


@pytest.mark.parametrize(("background", "invert", "inverted"), [(255, "no", False), (0, "yes", True), (0, "no", False)])
def test_invert_yes_and_no_are_obeyed(tmp_path, background, invert, inverted):
    pixels = np.full((28, 28), background, np.uint8)
    pixels[10:18, 10:18] = 128
    Image.fromarray(pixels).save(tmp_path / "a.png")
    picture = read(tmp_path / "a.png", invert=invert)
    assert picture.inverted == inverted
    np.testing.assert_allclose(picture.image, (255 - pixels if inverted else pixels) / 255, atol=1e-6)


@pytest.mark.parametrize("mode", ["L", "RGB", "CMYK", "P", "1"])
def test_every_colour_mode_is_read(tmp_path, expected, mode):
    image = on_background(arrow(), 0)
    path = tmp_path / ("a.tif" if mode == "CMYK" else "a.png")
    (image.convert("RGB").convert(mode) if mode in ("CMYK", "P") else image.convert(mode)).save(path)
    if mode == "1":  # dithered: only its shape can be compared
        assert np.abs(read(path).image - expected).mean() < 0.1
    else:
        assert is_near(read(path), expected)


def test_colours_become_their_luminance(tmp_path):
    canvas = Image.new("RGB", (28, 28))
    canvas.paste((0, 255, 0), (5, 5, 10, 20))
    canvas.paste((0, 0, 255), (15, 5, 20, 20))
    canvas.save(tmp_path / "a.png")
    image = read(tmp_path / "a.png").image
    assert image[10, 7] == pytest.approx(0.587, abs=0.01)
    assert image[10, 17] == pytest.approx(0.114, abs=0.01)


@pytest.mark.parametrize(("name", "dtype"), [("a.png", np.uint16), ("a.tif", np.int32), ("a.tif", np.float32)])
def test_pixels_of_more_than_8_bits_are_not_clipped(tmp_path, expected, name, dtype):
    pixels = np.asarray(on_background(arrow(), 0)).astype(dtype) * 257
    Image.fromarray(pixels).save(tmp_path / name)
    assert is_near(read(tmp_path / name), expected)


@pytest.mark.parametrize("dark", [0, 40])
@pytest.mark.parametrize("bright", [120, 255])
def test_a_picture_is_the_same_with_8_and_with_16_bits(tmp_path, dark, bright):
    pixels = np.full((28, 28), dark, np.uint8)
    pixels[8:20, 5:15] = bright
    Image.fromarray(pixels).save(tmp_path / "8.png")
    Image.fromarray(pixels.astype(np.uint16) * 257).save(tmp_path / "16.png")
    Image.fromarray(pixels.astype(np.uint16) * 257).save(tmp_path / "16.tif")
    Image.fromarray(pixels / np.float32(255)).save(tmp_path / "float.tif")
    for name in ("16.png", "16.tif", "float.tif"):
        np.testing.assert_allclose(read(tmp_path / name).image, read(tmp_path / "8.png").image, atol=1e-6)


def test_non_finite_pixels_are_black(tmp_path):
    pixels = np.full((28, 28), 0.5, np.float32)
    pixels[:, :20] = np.nan
    Image.fromarray(pixels).save(tmp_path / "a.tif")
    assert read(tmp_path / "a.tif").image.tolist() == [[0.0] * 20 + [pytest.approx(128 / 255)] * 8] * 28


@pytest.mark.parametrize("orientation", range(1, 9))
def test_the_orientation_tag_is_obeyed(tmp_path, expected, orientation):
    """The pixels are transformed, and the tag says how to undo that."""
    methods = Image.Transpose
    undo = {
        1: None,
        2: methods.FLIP_LEFT_RIGHT,
        3: methods.ROTATE_180,
        4: methods.FLIP_TOP_BOTTOM,
        5: methods.TRANSPOSE,
        6: methods.ROTATE_90,
        7: methods.TRANSVERSE,
        8: methods.ROTATE_270,
    }[orientation]
    image = on_background(arrow(), 0)
    exif = Image.Exif()
    exif[0x0112] = orientation
    (image if undo is None else image.transpose(undo)).save(tmp_path / "a.jpg", exif=exif, quality=95)
    assert is_near(read(tmp_path / "a.jpg"), expected)


@pytest.mark.parametrize(
    ("grey", "invert", "inverted", "seen"),
    [
        (30, "auto", True, 225),  # the white background is inverted
        (200, "auto", True, 55),
        (208, "auto", False, 208),  # lost on white
        (30, "no", False, 30),
        (240, "yes", True, 15),
    ],
)
def test_transparent_pixels_become_background(tmp_path, grey, invert, inverted, seen):
    alpha = np.zeros((28, 28), np.uint8)
    alpha[9:19, 9:19] = 255
    hidden = np.random.default_rng(1).integers(0, 256, (28, 28), np.uint8)
    hidden[alpha > 0] = grey
    Image.merge("LA", [Image.fromarray(hidden), Image.fromarray(alpha)]).save(tmp_path / "a.png")
    picture = read(tmp_path / "a.png", invert=invert)
    assert picture.inverted == inverted
    assert picture.image[9:19, 9:19].tolist() == [[pytest.approx(seen / 255, abs=0.01)] * 10] * 10
    assert picture.image[0].max() < 0.01


@pytest.mark.parametrize("size", [(1, 1), (1, 500), (500, 1), (27, 28), (29, 28), (3, 3), (4000, 3000)])
@pytest.mark.parametrize("background", [0, 255])
def test_an_image_of_any_size_is_read(tmp_path, size, background):
    image = Image.new("L", size, background)
    image.save(tmp_path / "blank.png")
    for dataset in (FASHION_MNIST, MNIST):
        with pytest.raises(UserError, match=r"^no object to be seen"):
            read(tmp_path / "blank.png", dataset)
    if size != (1, 1):
        image.paste(255 - background, (size[0] // 2, size[1] // 2, size[0] * 3 // 4 + 1, size[1] * 3 // 4 + 1))
        image.save(tmp_path / "a.png")
        picture = read(tmp_path / "a.png")
        assert picture.image.shape == (28, 28)
        assert picture.image.max() == pytest.approx(1, abs=0.02)
        assert picture.inverted == (background == 255)


def test_an_object_needs_a_contrast_of_two_percent(tmp_path):
    """Grey 6 of 255 above its background is an object, and 5 is noise."""
    image = Image.new("L", (100, 100), 100)
    image.paste(106, (20, 30, 80, 60))
    image.save(tmp_path / "a.png")
    assert read(tmp_path / "a.png").image.max() > 0
    image.paste(105, (20, 30, 80, 60))
    image.save(tmp_path / "b.png")
    with pytest.raises(UserError, match=r"^no object to be seen"):
        read(tmp_path / "b.png")


@pytest.mark.parametrize(("shadow", "part"), [(30, False), (31, True)])
def test_what_differs_by_twelve_percent_belongs_to_the_object(tmp_path, shadow, part):
    """A shadow beside the object is cropped with it, or is background."""
    image = Image.new("L", (100, 100), 0)
    image.paste(shadow, (10, 40, 50, 60))
    image.paste(255, (50, 40, 90, 60))
    image.save(tmp_path / "a.png")
    first_column = read(tmp_path / "a.png").image[14, 0]
    assert first_column == pytest.approx(shadow / 255 if part else 1, abs=0.02)


@pytest.mark.parametrize("background", [80, 180])
@pytest.mark.parametrize("contrast", [-60, 12, 60])
def test_an_object_on_grey_becomes_bright_on_black(tmp_path, background, contrast):
    image = Image.new("L", (100, 100), background)
    image.paste(background + contrast, (20, 30, 80, 60))
    image.save(tmp_path / "a.png")
    picture = read(tmp_path / "a.png")
    assert picture.inverted == (contrast < 0)
    assert picture.image[0].max() == 0
    assert picture.image[14].min() >= abs(contrast) / 255 - 0.01


def test_noise_alone_is_an_error(tmp_path):
    noise = np.random.default_rng(1).integers(250, 255, (300, 300), np.uint8)
    Image.fromarray(noise).save(tmp_path / "a.jpg")
    with pytest.raises(UserError, match=r"^no object to be seen"):
        read(tmp_path / "a.jpg")


def test_the_first_frame_of_an_animation(tmp_path, expected):
    frames = [on_background(arrow(), 0), Image.new("L", (500, 400), 255)]
    frames[0].save(tmp_path / "a.gif", save_all=True, append_images=frames[1:])
    assert is_near(read(tmp_path / "a.gif"), expected)


def test_a_folder_is_its_files_with_an_images_suffix(tmp_path):
    for name in ("notes.txt", ".DS_Store", *(f"{number}.JPG" for number in range(9)), "a.png"):
        (tmp_path / name).touch()
    (tmp_path / "empty").mkdir()
    paths, problems = pictures.image_files([str(tmp_path), "x.doc", str(tmp_path / "empty")])
    assert paths == [*(f"{tmp_path}/{number}.JPG" for number in range(9)), f"{tmp_path}/a.png", "x.doc"]
    (message,) = problems
    assert message.startswith(f"{tmp_path}/empty: a folder without images: ")
    assert {".png", ".jpg", ".jpeg", ".webp"} <= set(message.partition("images: ")[2].split(", "))


def problem(path):
    with pytest.raises(UserError) as caught:
        read(path)
    message = str(caught.value)
    assert "\n" not in message
    return message


def test_a_file_that_is_not_an_image_is_an_error(tmp_path):
    assert problem(tmp_path / "missing.png") == "no such file"
    assert problem(tmp_path) == problem("/dev/null") == "not a file"
    (tmp_path / "empty.png").touch()
    assert problem(tmp_path / "empty.png").startswith("not an image in one of the formats AVIF, BMP, ")
    (tmp_path / "text.png").write_text("hello")
    assert problem(tmp_path / "text.png").startswith("not an image in one of the formats AVIF, BMP, ")
    # A program for a printer, which Pillow would run with another program.
    (tmp_path / "page.eps").write_text("%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 28 28\n%%EndComments\nshowpage\n")
    assert problem(tmp_path / "page.eps").startswith("not an image in one of the formats")
    on_background(arrow(), 0).save(tmp_path / "complete.png")
    content = (tmp_path / "complete.png").read_bytes()
    (tmp_path / "cut.png").write_bytes(content[: len(content) // 2])
    assert problem(tmp_path / "cut.png").startswith("not a readable image: ")


@pytest.mark.parametrize("kind", pictures.FORMATS)
@hypothesis.settings(max_examples=30)
@given(data=st.data())
def test_a_damaged_file_is_read_or_refused(tmp_path_factory, kind, data):
    folder = tmp_path_factory.getbasetemp()
    complete = folder / f"complete.{kind}"
    if not complete.exists():
        on_background(arrow((60, 30)), 10, (90, 70), (5, 5)).convert("RGB").save(complete, kind)
    content = bytearray(complete.read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    cut = data.draw(st.none() | st.integers(0, len(content)))
    (folder / f"damaged.{kind}").write_bytes(content[:cut])
    try:
        image = read(folder / f"damaged.{kind}").image
    except UserError:
        return
    assert image.shape == (28, 28)
    assert 0 <= image.min() <= image.max() <= 1
