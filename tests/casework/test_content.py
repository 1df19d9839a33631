"""What a file is, told by its bytes."""

import io
import zlib
from pathlib import Path

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from config.casework.content import JPEG, MAX_BYTES, PDF, PNG, ContentType, UploadRefused, check_upload, content_type

PDF_BYTES = b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n1 0 obj\n<<>>\nendobj\n%%EOF\n"
PNG_BYTES = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00\x00\x01\x00\x00\x00\x01\x08\x00\x00\x00\x00" + zlib.crc32(
    b"x"
).to_bytes(4)
JPEG_BYTES = b"\xff\xd8\xff\xe0\x00\x10JFIF\x00\x01\x01\x00\x00\x01\x00\x01\x00\x00"
PROGRAM = b"MZ\x90\x00\x03\x00\x00\x00\x04\x00\x00\x00\xff\xff\x00\x00"


class Sized(io.BytesIO):
    """A stream that says it is longer than the memory of a test should be."""

    def __init__(self, head: bytes, size: int) -> None:
        super().__init__(head)
        self.size = size

    def seek(self, offset: int, whence: int = 0, /) -> int:
        self.at_end = whence == io.SEEK_END
        return super().seek(offset, whence)

    def tell(self) -> int:
        return self.size if self.at_end else super().tell()


class TestKnownKinds:
    @pytest.mark.parametrize(
        ("data", "kind"), [(PDF_BYTES, PDF), (PNG_BYTES, PNG), (JPEG_BYTES, JPEG), (b"\xff\xd8\xff\xe1Exif", JPEG)]
    )
    def test_the_first_bytes_tell(self, data: bytes, kind: ContentType) -> None:
        assert content_type(data) is kind
        assert check_upload("scan", data) is kind

    @pytest.mark.parametrize(
        ("name", "data", "kind"),
        [("photo.pdf", PNG_BYTES, PNG), ("cv.PNG", PDF_BYTES, PDF), ("x.exe", JPEG_BYTES, JPEG), ("", PDF_BYTES, PDF)],
    )
    def test_the_content_counts_and_not_the_name(self, name: str, data: bytes, kind: ContentType) -> None:
        assert check_upload(name, data) is kind

    @pytest.mark.parametrize(
        "data",
        [
            b"\n%PDF-1.7",
            b"MZ" + PDF_BYTES,
            b"%PD",
            b"\x89PNG\r\n\x1a\n",
            b"\x89PNG\n\x1a\n\x00\x00\x00\rIHDR",
            b"\xff\xd8",
            b"GIF89a",
            b"<svg xmlns='http://www.w3.org/2000/svg'>",
            b"<html><script>alert(1)</script>",
            b"PK\x03\x04",
            b"hello",
        ],
    )
    def test_anything_else_is_none_of_them(self, data: bytes) -> None:
        assert content_type(data) is None
        with pytest.raises(UploadRefused, match="whatever its name says"):
            check_upload("cv.pdf", data)

    def test_a_stream_is_left_at_its_beginning(self) -> None:
        stream = SimpleUploadedFile("cv.pdf", PDF_BYTES, content_type="text/html")
        assert check_upload("cv.pdf", stream) is PDF
        assert stream.read() == PDF_BYTES

    def test_an_open_file_is_read_from_its_beginning(self, tmp_path: Path) -> None:
        path = tmp_path / "cv"
        path.write_bytes(PDF_BYTES)
        with path.open("rb") as stream:
            stream.read(3)
            assert check_upload("cv", stream) is PDF
            assert stream.tell() == 0


class TestRefusals:
    def test_a_renamed_program_is_refused_as_a_program(self) -> None:
        with pytest.raises(
            UploadRefused,
            match=r"^cv\.pdf is a program, whatever its name says\. Send one of these kinds of file: JPG, PDF, PNG\.$",
        ):
            check_upload("cv.pdf", PROGRAM)

    def test_an_empty_file_is_refused(self) -> None:
        with pytest.raises(UploadRefused, match=r"^cv\.pdf is empty"):
            check_upload("cv.pdf", b"")

    def test_51_megabytes_are_refused(self) -> None:
        stream = Sized(PDF_BYTES, 51 * 1024 * 1024)
        with pytest.raises(UploadRefused, match=r"^cv\.pdf is larger than 50 MB"):
            check_upload("cv.pdf", stream)

    @pytest.mark.parametrize(("size", "taken"), [(MAX_BYTES, True), (MAX_BYTES + 1, False)])
    def test_exactly_the_limit_is_taken(self, size: int, taken: bool) -> None:
        stream = Sized(PDF_BYTES, size)
        if taken:
            assert check_upload("cv.pdf", stream) is PDF
        else:
            with pytest.raises(UploadRefused):
                check_upload("cv.pdf", stream)

    def test_real_bytes_are_counted_too(self) -> None:
        with pytest.raises(UploadRefused, match="larger than 32 B"):
            check_upload("cv.pdf", PDF_BYTES, max_bytes=32)

    def test_a_known_kind_that_is_not_allowed_is_named(self) -> None:
        with pytest.raises(
            UploadRefused, match=r"a PNG file, which is not taken here\. Send one of these kinds of file: PDF"
        ):
            check_upload("letter.pdf", PNG_BYTES, allowed=(PDF,))

    def test_a_long_or_odd_name_does_not_flood_the_message(self) -> None:
        with pytest.raises(UploadRefused) as refused:
            check_upload("a\r\n\x1b[31m" + "b" * 5000, b"")
        assert len(str(refused.value)) < 130
        assert str(refused.value).isprintable()


class TestFileNames:
    @pytest.mark.parametrize(
        ("given", "name"),
        [
            ("cv.pdf", "cv.pdf"),
            ("cv.exe", "cv.pdf"),
            ("../../etc/passwd", "passwd.pdf"),
            ("C:\\fake\\cv.v2.docx", "cv.v2.pdf"),
            ("a\r\nb.pdf", "ab.pdf"),
            ("Lebenslauf Müller.pdf", "Lebenslauf Müller.pdf"),
            ("", "file.pdf"),
            (".pdf", "pdf.pdf"),
            ("...", "file.pdf"),
            ("x" * 300, "x" * 116 + ".pdf"),
        ],
    )
    def test_a_stored_name_ends_as_its_content_demands(self, given: str, name: str) -> None:
        assert PDF.file_name(given) == name
